"""`vlrouterbench run`: the whole pipeline on the embedded simulated benchmark, or on own logs or tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.build import SourceRequest
from vlrouterbench.cli.parameters import GoalRequest, options_of
from vlrouterbench.core.limits import LARGEST_SEED
from vlrouterbench.core.simulated import SIMULATED_DATA

if TYPE_CHECKING:
    from vlrouterbench.evaluation.records import ResultRecord

NUM_SAMPLES, DIFFICULTY = 3000, "moderate"


@dataclass(frozen=True, kw_only=True)
class RunRequest(SourceRequest, GoalRequest):
    """The options as given on the command line."""

    source: Annotated[
        Path | None, typer.Argument(help="Logs or own tables, as for build; without it, the simulated benchmark.")
    ] = None
    out: Annotated[Path, typer.Option(help="Folder for benchmark, routers and evaluation.")] = Path("runs/quickstart")
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of training, and of the simulated benchmark.")] = 0
    num_samples: Annotated[int | None, typer.Option(help="Of the simulated benchmark; 3,000 if not given.")] = None
    difficulty: Annotated[
        str | None, typer.Option(help="Of the simulated benchmark: moderate (if not given), published or easy.")
    ] = None


@options_of(RunRequest)
def run(request: RunRequest) -> None:
    """Build, encode, train, evaluate and report, in one command."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.headline import headlines, objective_notes, reference_notes
    from vlrouterbench.evaluation.view import by_rank_score, few_samples_notes, judged_notes
    from vlrouterbench.quickstart import run_quickstart

    if request.source is not None and (request.num_samples, request.difficulty) != (None, None):
        raise typer.BadParameter("--num-samples and --difficulty are of the simulated benchmark: not with a SOURCE.")
    console.quiet_libraries()
    records = run_quickstart(
        request.out,
        source=request.source,
        build=request.build_options(),
        seed=request.seed,
        num_samples=NUM_SAMPLES if request.num_samples is None else request.num_samples,
        difficulty=request.difficulty or DIFFICULTY,
        stage=console.stage,
        goal=request.goal(),
    )
    console.show(
        {"out": str(request.out), "results": console.summary(records)},
        *map(console.sentence, headlines(by_rank_score(records))),
        *map(console.sentence, reference_notes(records)),
        console.results_title(records),
        *map(console.sentence, judged_notes(records[0])),
        console.results_table(records),
        *map(console.sentence, few_samples_notes(records[0])),
        *objective_notes(records),
        *_what_now(request.out, records),
    )


def _what_now(out: Path, records: Sequence[ResultRecord]) -> list[str]:
    """What the data are, and where to go from here."""
    simulated = f"{SIMULATED_DATA.capitalize()}: no number above says anything about a real model."
    return [
        *([simulated] if records[0]["benchmark"]["simulated"] else []),
        f"Report: {out}/evaluation/report.html",
        "Route a question:",
        f"  vlrouterbench route --router {out}/routers/flagship \\",
        "    --question TEXT --image FILE",
    ]

"""`vlrouterbench leaderboard`: submissions of decisions, scored from the benchmark alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.parameters import GoalRequest, options_of
from vlrouterbench.core.limits import LARGEST_SEED

if TYPE_CHECKING:
    from rich.table import Table

    from vlrouterbench.evaluation.leaderboard.records import LeaderboardRecord

_COLUMNS = ("router", "rank", "accuracy", "cost", "rank_score", "interval")


@dataclass(frozen=True)
class LeaderboardRequest(GoalRequest):
    """The arguments of the command."""

    results: Annotated[
        list[str],
        typer.Argument(
            help="decisions.parquet files, folders (of folders) with them, or hf://datasets/OWNER/NAME[/FOLDER]."
        ),
    ]
    benchmark: Annotated[
        Path | None, typer.Option(help="Benchmark folder; else found by the digest in a results.json.")
    ] = None
    out: Annotated[Path, typer.Option(help="Folder for leaderboard.html and leaderboard.csv.")] = Path(
        "runs", "leaderboard"
    )
    split: Annotated[str, typer.Option(help="Split that was decided on: train, validation or test.")] = "test"
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of resamples and of policies that draw.")] = 0
    candidates: Annotated[
        str,
        typer.Option(help="Which are scored: all, shared (those that every entry's evaluation scored), or A,B,..."),
    ] = "all"


@options_of(LeaderboardRequest)
def leaderboard(request: LeaderboardRequest) -> None:
    """Score and rank submissions; every figure is computed again, and no figure that a submission states is used."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.sources.source import few_names
    from vlrouterbench.evaluation.headline import REFERENCE
    from vlrouterbench.evaluation.leaderboard.page import write_leaderboard
    from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
    from vlrouterbench.evaluation.leaderboard.records import SUBMISSION
    from vlrouterbench.evaluation.leaderboard.submissions import (
        SubmissionError,
        find_benchmark,
        find_submissions,
        refusal_error,
    )
    from vlrouterbench.evaluation.view import results_caption

    console.quiet_libraries()
    submissions = find_submissions(request.results)
    folder = request.benchmark or find_benchmark(submissions)
    count = f"{len(submissions)} submission{'' if len(submissions) == 1 else 's'}"
    with console.stage(f"score {count} on {request.split}"):
        ranked = rank_submissions(
            submissions,
            folder,
            split=request.split,
            seed=request.seed,
            goal=request.goal(),
            candidates=request.candidates,
            keep_good=True,
        )
        if len(ranked.refused) == len(submissions):
            raise refusal_error([one.reason for one in ranked.refused])
        page, table = write_leaderboard(ranked, request.out)
    content = {
        "benchmark": str(folder),
        "page": str(page),
        "csv": str(table),
        "entries": ranked.records,
        "refused": [asdict(one) for one in ranked.refused],
    }
    reason = ranked.records[0]["rank_score_reason"]
    console.show(
        content,
        *(console.sentence(record["headline"]) for record in ranked.records if record["kind"] == SUBMISSION),
        *map(console.sentence, [REFERENCE] if any(r["kind"] == SUBMISSION for r in ranked.records) else []),
        results_caption(ranked.records[0]),
        _table(ranked.records),
        *([reason] if reason else []),
        *map(console.sentence, ranked.notes),
        *(console.sentence(f"refused: {one.submission}: {one.reason}") for one in ranked.refused),
        f"benchmark: {folder}",
        f"page: {page}",
        f"csv: {table}",
    )
    if ranked.refused:
        names = few_names([one.submission for one in ranked.refused])
        raise SubmissionError(f"{len(ranked.refused)} of {count} refused: {names}. The others are ranked.")


def _table(records: Sequence[LeaderboardRecord]) -> Table:
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.leaderboard.records import leaderboard_rows
    from vlrouterbench.evaluation.view import headings

    table = console.plain_table("", (*headings(_COLUMNS, short=True), "signed"))
    for record, row in zip(records, leaderboard_rows(records), strict=True):
        signed = "-" if record["kind"] == "policy" else (record["signed_by"] or "no")[:8]
        table.add_row(*row.cells(_COLUMNS), signed, style="bold" if row.kind == "router" else "")
    return table

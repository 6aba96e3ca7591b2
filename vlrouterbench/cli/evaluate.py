"""`vlrouterbench evaluate`: routers and policies on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.help import POLICIES
from vlrouterbench.cli.parameters import WHEN_UNFAMILIAR, check_confidence, options_of
from vlrouterbench.cli.parts import EngineRequest
from vlrouterbench.cli.pool_changes import PoolChangesRequest
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.core.limits import LARGEST_SEED

if TYPE_CHECKING:
    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.evaluation.ceiling import Ceiling
    from vlrouterbench.evaluation.records import ResultRecord


BASELINES = ("oracle", "strongest", "cheapest", "mixture")
"""Policies that every evaluation has unless it is asked to leave them out."""


@dataclass(frozen=True)
class EvaluateRequest(PoolChangesRequest, EngineRequest):
    """The arguments of the command."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[
        list[str],
        typer.Option(
            help=f"Router folder, Hub id, file of decisions, family of a plugin, policy ({POLICIES}), or "
            "cascade:FIRST,SECOND (cascade:auto); repeat for several."
        ),
    ]
    out: Annotated[Path, typer.Option(help="Folder for results.json, decisions.parquet and report.html.")]
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test"
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of resamples and of policies that draw.")] = 0
    machine_usd_per_hour: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Price of this machine: also count each router's own time.",
            show_default=False,
            rich_help_panel="What is compared",
        ),
    ] = None
    shuffled_labels: Annotated[
        bool,
        typer.Option(
            "--shuffled-labels",
            help="Also train each router's label-permutation control.",
            rich_help_panel="What is compared",
        ),
    ] = False
    allow_leaks: Annotated[
        bool,
        typer.Option(
            "--allow-leaks",
            help="Score routers also on their own training samples, and say so.",
            rich_help_panel="What is compared",
        ),
    ] = False
    figures: Annotated[
        bool, typer.Option("--figures", help="Also write figures/ as SVG and PNG.", rich_help_panel="Also written")
    ] = False
    tables: Annotated[
        bool, typer.Option("--tables", help="Also write results.md and results.tex.", rich_help_panel="Also written")
    ] = False
    update_card: Annotated[
        bool,
        typer.Option(
            "--update-card",
            help="Also write the figures into the README.md of each router folder.",
            rich_help_panel="Also written",
        ),
    ] = False
    num_proc: Annotated[int, typer.Option(min=1, help="Processes that encode samples without stored features.")] = 1
    candidates: Annotated[
        str,
        typer.Option(
            help="Which are scored: all, shared (those that every router has), or A,B,...: as route chooses.",
            rich_help_panel="What is compared",
        ),
    ] = "all"
    router_prices: Annotated[
        bool,
        typer.Option(
            "--router-prices",
            help="Count costs at the prices that the routers state.",
            rich_help_panel="What is compared",
        ),
    ] = False
    when_unfamiliar: Annotated[str, WHEN_UNFAMILIAR] = "ignore"
    max_cost_usd: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="The most that one answer of a router may be expected to cost; says how often it was kept.",
            show_default=False,
            rich_help_panel="What is compared",
        ),
    ] = None
    cost_confidence: Annotated[
        float | None,
        typer.Option(
            help="Probability that an answer keeps to --max-cost-usd, such as 0.9.",
            show_default=False,
            rich_help_panel="What is compared",
        ),
    ] = None
    no_baselines: Annotated[
        bool,
        typer.Option(
            "--no-baselines",
            help=f"Leave out {', '.join(BASELINES)}, which are added otherwise.",
            rich_help_panel="What is compared",
        ),
    ] = False

    @property
    def ceiling(self) -> Ceiling:
        """What an answer of a router may cost; errors are those of `Ceiling`."""
        from vlrouterbench.evaluation.ceiling import Ceiling

        return Ceiling(self.max_cost_usd, self.cost_confidence)

    def check(self) -> None:
        """Refuse a probability without what it is of, and figures on a card of another pool than the router's."""
        check_confidence(self.cost_confidence, self.max_cost_usd)
        if self.update_card and self.changes().record is not None:
            raise EvaluationError(
                "--update-card: expected figures of the pool as it is, found changes of it. Leave one out."
            )


@options_of(EvaluateRequest)
def evaluate(request: EvaluateRequest) -> None:
    """Score routers and policies; write results, decisions and a report."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.ceiling import ceiling_notes
    from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
    from vlrouterbench.evaluation.headline import headlines, objective_notes, reference_notes
    from vlrouterbench.evaluation.overlap import overlap_notes
    from vlrouterbench.evaluation.pool import evaluated_table, pool_notes
    from vlrouterbench.evaluation.report import write_report
    from vlrouterbench.evaluation.view import by_rank_score, few_samples_notes, judged_notes
    from vlrouterbench.evaluation.when_unfamiliar import unfamiliar_notes
    from vlrouterbench.features.encode import fewer_images_note
    from vlrouterbench.routing.when_unfamiliar import WhenUnfamiliar

    console.quiet_libraries()
    request.check()
    with console.stage(f"evaluate on {request.split}") as progress:
        options = EvaluationOptions(
            split=request.split,
            seed=request.seed,
            machine_usd_per_hour=request.machine_usd_per_hour,
            shuffled_labels=request.shuffled_labels,
            allow_leaks=request.allow_leaks,
            num_proc=request.num_proc,
            goal=request.goal(),
            rechoose=request.objective is not None,
            candidates=request.candidates,
            router_prices=request.router_prices,
            changes=request.changes(),
            when_unfamiliar=WhenUnfamiliar.parse(request.when_unfamiliar),
            ceiling=request.ceiling,
            progress=progress,
            engine=request.opened_engine(),
            parts=request.parts,
        )
        added = [] if request.no_baselines else [name for name in BASELINES if name not in request.router]
        records = evaluate_routers(request.folder, [*request.router, *added], request.out, options)
        table = evaluated_table(request.folder, records, request.goal())
        page = write_report(records, table, request.out)
        written = _extras(request, records, table)
    left_out = records[0]["num_left_out"]
    note = f"{left_out:,} samples of the split were left out: not measured for every candidate."
    console.show(
        {"out": str(request.out), "also": [str(path) for path in written], "results": console.summary(records)},
        *map(console.sentence, headlines(by_rank_score(records))),
        *map(console.sentence, reference_notes(records)),
        console.results_title(records),
        *map(console.sentence, judged_notes(records[0])),
        console.results_table(records),
        *map(console.sentence, few_samples_notes(records[0])),
        *([note] if left_out else []),
        *([records[0]["rank_score_reason"]] if records[0]["rank_score_reason"] else []),
        *pool_notes(records[0]),
        *objective_notes(records),
        *overlap_notes(records),
        *(unfamiliar_notes(records) + ceiling_notes(records)),
        *filter(None, (fewer_images_note(record["router"], record["features"]) for record in records)),
        f"report: {page}",
        *(f"also: {path}" for path in written),
    )


def _extras(request: EvaluateRequest, records: Sequence[ResultRecord], table: RoutingTable) -> list[Path]:
    """Write the optional files."""
    from vlrouterbench.evaluation.asked import loaded_from_folders, names_folder
    from vlrouterbench.evaluation.report import write_figures, write_results_tables
    from vlrouterbench.hub.card_figures import single_candidates
    from vlrouterbench.hub.saved_routers import update_router_card

    written = write_figures(records, table, request.out) if request.figures else []
    if request.tables:
        written += write_results_tables(records, table, request.out)
    if request.update_card:
        folders = [Path(given) for given in request.router if names_folder(given)]
        singles = single_candidates(table)
        of_folders = zip(folders, loaded_from_folders(records), strict=True)
        written += [update_router_card(folder, record, singles) for folder, record in of_folders]
    return written

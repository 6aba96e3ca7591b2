"""`vlrouterbench evaluate`: routers and policies on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.parameters import options_of

if TYPE_CHECKING:
    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.evaluation.records import ResultRecord


@dataclass(frozen=True)
class EvaluateRequest:
    """The arguments of the command."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[
        list[str],
        typer.Option(
            help="Policy, router folder, Hub id, family of a plugin, or file of decisions; repeat for several."
        ),
    ]
    out: Annotated[Path, typer.Option(help="Folder for results.json, decisions.parquet and report.html.")]
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test"
    seed: Annotated[int, typer.Option(help="Of resamples and of policies that draw.")] = 0
    machine_usd_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Price of this machine: also count each router's own time.", show_default=False),
    ] = None
    shuffled_labels: Annotated[
        bool, typer.Option("--shuffled-labels", help="Also train each router's label-permutation control.")
    ] = False
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Score routers also on their own training samples, and say so.")
    ] = False
    figures: Annotated[bool, typer.Option("--figures", help="Also write figures/ as SVG and PNG.")] = False
    tables: Annotated[bool, typer.Option("--tables", help="Also write results.md and results.tex.")] = False
    update_card: Annotated[
        bool, typer.Option("--update-card", help="Also write the figures into the README.md of each router folder.")
    ] = False
    num_proc: Annotated[int, typer.Option(min=1, help="Processes that encode samples without stored features.")] = 1


@options_of(EvaluateRequest)
def evaluate(request: EvaluateRequest) -> None:
    """Score routers and policies; write results, decisions and a report."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
    from vlrouterbench.evaluation.overlap import overlap_notes
    from vlrouterbench.evaluation.report import write_report

    console.quiet_libraries()
    with console.stage(f"evaluate on {request.split}") as progress:
        options = EvaluationOptions(
            split=request.split,
            seed=request.seed,
            machine_usd_per_hour=request.machine_usd_per_hour,
            shuffled_labels=request.shuffled_labels,
            allow_leaks=request.allow_leaks,
            num_proc=request.num_proc,
            progress=progress,
        )
        records = evaluate_routers(request.folder, request.router, request.out, options)
        split = load_table(request.folder).split(request.split)
        table = split.take(split.complete)
        page = write_report(records, table, request.out)
        written = _extras(request, records, table)
    left_out = records[0]["num_left_out"]
    note = f"{left_out:,} samples of the split were left out: not measured for every candidate."
    console.show(
        {"out": str(request.out), "also": [str(path) for path in written], "results": console.summary(records)},
        console.results_title(records),
        console.results_table(records),
        *([note] if left_out else []),
        *overlap_notes(records),
        f"report: {page}",
        *(f"also: {path}" for path in written),
    )


def _extras(request: EvaluateRequest, records: Sequence[ResultRecord], table: RoutingTable) -> list[Path]:
    """Write the optional files."""
    from vlrouterbench.evaluation.asked import loaded_from_folders, names_folder
    from vlrouterbench.evaluation.report import write_figures, write_results_tables
    from vlrouterbench.hub.saved_routers import update_router_card

    written = write_figures(records, table, request.out) if request.figures else []
    if request.tables:
        written += write_results_tables(records, table, request.out)
    if request.update_card:
        folders = [Path(given) for given in request.router if names_folder(given)]
        written += [update_router_card(*pair) for pair in zip(folders, loaded_from_folders(records), strict=True)]
    return written

"""`vlrouterbench sweep`: one family at several cost weights and seeds, in one process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from vlrouterbench.cli.parameters import CostBoundsRequest, FamilyRequest, fields_of, named_values, options_of
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.limits import LARGEST_SEED
from vlrouterbench.core.simulated import marked

if TYPE_CHECKING:
    from vlrouterbench.training.sweep import SweepContent


@dataclass(frozen=True)
class SweepRequest(FamilyRequest, CostBoundsRequest):
    """The options of `sweep`."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[
        str, typer.Option(help="Router family, such as mlp; an unknown name is answered with a list of all.")
    ]
    out: Annotated[Path, typer.Option(help="Folder to write: sweep.json, sweep.svg, and the first seed's routers.")]
    cost_weights: Annotated[
        list[float] | None, typer.Option("--cost-weight", help="Lambda, 'inf' included; repeat. Else the paper's six.")
    ] = None
    seeds: Annotated[
        list[int] | None,
        typer.Option("--seed", min=0, max=LARGEST_SEED, help="Repeat for mean and standard deviation over seeds."),
    ] = None
    separate: Annotated[
        bool, typer.Option("--separate", help="Train one lambda after another, where all could be trained at once.")
    ] = False


@options_of(SweepRequest)
def sweep(request: SweepRequest) -> None:
    """Train a family at several cost weights, compared on validation; `evaluate` scores what is saved on test."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.policies import POLICIES
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.problem import Problem
    from vlrouterbench.training.sweep import sweep_router, write_sweep

    if request.router in POLICIES:
        raise RouterError(f'"{request.router}" needs no training: there is nothing to sweep.')
    console.quiet_libraries()
    options = named_values(request.option or ())
    arguments = fields_of(request, RouterTrainingArguments, options=options, side_by_side=not request.separate)
    table = load_table(request.folder).judged_by(request.goal())
    with console.stage("encode text and images") as progress:
        features = request.training_rows(request.router, table, request.work(progress=progress))
    with console.stage(f"sweep {request.router}"):
        result = sweep_router(request.router, Problem(table, features), arguments, seeds=request.seeds or (0,))
    write_sweep(result, request.out)
    content = {"out": str(request.out), **result.content}
    saved = f"saved to {request.out}, with {len(result.routers)} router{'s' * (len(result.routers) != 1)}"
    console.show(content, _title(result.content), _table(result.content), saved)


def _title(sweep: SweepContent) -> str:
    router = marked(sweep["router"], simulated=sweep["benchmark"]["simulated"])
    seeds = f", mean and sd of {len(sweep['seeds'])} seeds" if len(sweep["seeds"]) > 1 else ""
    return f"{router}, validation split, {sweep['num_samples']:,} samples{seeds}"


def _table(sweep: SweepContent) -> Table:
    """A row per cost weight, narrow enough for 80 columns; standard deviations where there are several seeds."""
    from vlrouterbench.cli import console

    several = len(sweep["seeds"]) > 1
    names = [column for name in ("Rank", "acc. %", "$/10K") for column in ((name, "sd") if several else (name,))]
    table = console.plain_table("", ("lambda", *names))
    best = max(row["rank_score"] for row in sweep["rows"])
    for row in sweep["rows"]:
        figures = (
            (row["rank_score"], row["rank_score_sd"], 1.0, 2),
            (row["accuracy"], row["accuracy_sd"], 100.0, 2),
            (row["average_cost_usd"], row["average_cost_usd_sd"], float(SAMPLES_PER_COST_UNIT), 3),
        )
        cells = []
        for mean, sd, unit, decimals in figures:
            cells.append(f"{unit * mean:.{decimals}f}")
            if sd is not None:
                cells.append(f"{unit * sd:.{decimals}f}")
        weight = row["cost_weight"]
        shown = "-" if weight is None else weight if isinstance(weight, str) else f"{weight:g}"
        table.add_row(shown, *cells, style="bold" if row["rank_score"] == best else "")
    return table

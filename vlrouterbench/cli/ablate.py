"""`vlrouterbench ablate`: a grid of settings that differ in one respect, trained, evaluated and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vlrouterbench.cli.parameters import CostBoundsRequest, default_num_proc, options_of
from vlrouterbench.core.limits import LARGEST_SEED

if TYPE_CHECKING:
    from rich.table import Table

    from vlrouterbench.evaluation.ablation.records import AblationRecord

_COLUMNS = ("accuracy", "cost", "rank_score", "difference_interval")


@dataclass(frozen=True)
class AblateRequest(CostBoundsRequest):
    """The arguments of the command."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    axis: Annotated[str, typer.Option(help="What varies: encoder, fusion, modality or cost-weight.")]
    router: Annotated[str, typer.Option(help="Family that is trained.")] = "mlp"
    text: Annotated[list[str] | None, typer.Option(help="Text encoder; repeat for the axis encoder.")] = None
    image: Annotated[list[str] | None, typer.Option(help="Image encoder; repeat for the axis encoder.")] = None
    fusion: Annotated[str, typer.Option(help="Fusion, where it is not what varies.")] = "concat"
    cost_weight: Annotated[
        list[float] | None, typer.Option(help="Lambdas: what varies, or what each setting chooses from.")
    ] = None
    split: Annotated[
        str,
        typer.Option(
            help="Scored split: test; or validation, on which choices are made, or train: too high for a final figure."
        ),
    ] = "test"
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of training and resamples.")] = 0
    splits: Annotated[
        int, typer.Option(min=1, help="Splits that every setting is trained and scored on anew; else its own alone.")
    ] = 1
    device: Annotated[str | None, typer.Option(help="Of pretrained encoders: cpu or cuda; else cuda if any.")] = None
    num_proc: Annotated[int | None, typer.Option(min=1, help="Processes that encode; 2 on a CPU, 1 on a GPU.")] = None
    out: Annotated[Path | None, typer.Option(help="Folder to write; else ablations/AXIS beside the benchmark.")] = None


@options_of(AblateRequest)
def ablate(request: AblateRequest) -> None:
    """Train and evaluate settings along one axis; write a table and a page with paired intervals."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.ablation.ablate import AblationRun
    from vlrouterbench.evaluation.ablation.ablate import ablate as run_ablation
    from vlrouterbench.evaluation.ablation.page import ABLATION_PAGE
    from vlrouterbench.evaluation.ablation.records import split_note
    from vlrouterbench.evaluation.ablation.settings import AblationGrid
    from vlrouterbench.evaluation.view import results_caption
    from vlrouterbench.features.options import EncodingWork, FeatureOptions
    from vlrouterbench.training.arguments import RouterTrainingArguments

    console.quiet_libraries()
    features = FeatureOptions(fusion=request.fusion, device=request.device)
    weights = tuple(request.cost_weight) if request.cost_weight else None
    grid = AblationGrid(
        request.axis,
        request.text or ["builtin"],
        request.image or ["builtin"],
        features,
        RouterTrainingArguments(cost_weights=weights, seed=request.seed),
    )
    target = request.out or request.folder.resolve().parent / "ablations" / request.axis
    num_proc = request.num_proc or default_num_proc(grid.settings()[-1].features)
    with console.stage(f"ablate {request.router} by {request.axis}") as progress:
        work = EncodingWork(num_proc, progress=progress)
        run = AblationRun(request.router, request.split, work, request.goal(), request.splits)
        content = run_ablation(request.folder, grid, target, run)
    note = f"{content['num_left_out']:,} samples of the split were left out: not measured for every candidate."
    console.show(
        {"out": str(target), **content},
        f"{content['router']} by {content['axis']}, on",
        results_caption(content),
        _table(content),
        *_over_splits(content),
        *map(console.sentence, filter(None, [split_note(content["split"])])),
        *([note] if content["num_left_out"] else []),
        f"page: {target / ABLATION_PAGE}",
    )


def _over_splits(content: AblationRecord) -> list[str | Table]:
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.ablation.over_splits import splits_cells, splits_title

    record = content.get("over_splits")
    if record is None:
        return []
    short = ("acc. %", "$/10K", "score", "vs first (95 %)")
    table = console.plain_table("", (content["axis"], *short))
    for cells in splits_cells(record):
        table.add_row(*cells)
    return [f"{splits_title(record, content['split'])}:", table]


def _table(content: AblationRecord) -> Table:
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.ablation.records import ablation_rows
    from vlrouterbench.evaluation.view import headings

    figures = headings(_COLUMNS, short=True, difference_interval="vs first, 95 %")
    table = console.plain_table("", (content["axis"], "valid.", *figures))
    for row, validation in ablation_rows(content):
        style = "bold" if row.kind == "router" else ""
        table.add_row(row.name, validation, *row.cells(_COLUMNS), style=style)
    return table

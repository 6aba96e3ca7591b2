"""`vlrouterbench ablate`: a grid of settings that differ in one respect, trained, evaluated and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.cli.parameters import default_num_proc, options_of
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked


@dataclass(frozen=True)
class AblateRequest:
    """What is asked for on the command line."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    axis: Annotated[str, typer.Option(help="What varies: encoder, fusion, modality or cost-weight.")]
    router: Annotated[str, typer.Option(help="Family that is trained.")] = "mlp"
    text: Annotated[list[str] | None, typer.Option(help="Text encoder; repeat for the axis encoder.")] = None
    image: Annotated[list[str] | None, typer.Option(help="Image encoder; repeat for the axis encoder.")] = None
    fusion: Annotated[str, typer.Option(help="Fusion, where it is not what varies.")] = "concat"
    cost_weight: Annotated[
        list[float] | None, typer.Option(help="Lambdas: what varies, or what each setting chooses from.")
    ] = None
    split: Annotated[str, typer.Option(help="Scored split: train, validation or test.")] = "test"
    seed: Annotated[int, typer.Option(help="Of training and resamples.")] = 0
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
    from vlrouterbench.evaluation.ablation.settings import AblationGrid
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
        run = AblationRun(request.router, request.split, EncodingWork(num_proc, progress=progress))
        content = run_ablation(request.folder, grid, target, run)
    note = f"{content['num_left_out']:,} samples of the split were left out: not measured for every candidate."
    console.show(
        {"out": str(target), **content},
        _title(content),
        _table(content),
        *([note] if content["num_left_out"] else []),
        f"page: {target / ABLATION_PAGE}",
    )


def _title(content: dict[str, Any]) -> str:
    data = marked(content["benchmark"]["name"], simulated=content["benchmark"]["simulated"])
    return f"{content['router']} on {data}, {content['split']} split"


def _table(content: dict[str, Any]) -> Any:
    from vlrouterbench.cli import console

    table = console.plain_table("", (content["axis"], "valid.", "acc. %", "$/10K", "Rank", "vs first, 95 %"))
    for row in content["rows"]:
        less, more = row["vs_base"]["ci95"]
        table.add_row(
            row["setting"],
            f"{row['validation_rank_score']:.2f}" if "validation_rank_score" in row else "-",
            f"{100 * row['accuracy']:.2f}",
            f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}",
            f"{row['rank_score']:.2f}",
            "-" if row["setting"] == content["base"] else f"{less:+.1f} to {more:+.1f}",
            style="bold" if row["kind"] == "router" else "",
        )
    return table

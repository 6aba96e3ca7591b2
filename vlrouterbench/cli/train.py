"""`vlrouterbench train`: one router, its settings chosen on validation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.errors import RouterError


def train(
    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")],
    router: Annotated[str, typer.Option(help="Family: knn, linear, mlp.")],
    out: Annotated[
        Path | None, typer.Option(help="Router folder to write; else routers/NAME beside the benchmark.")
    ] = None,
    cost_weight: Annotated[
        list[float] | None,
        typer.Option(help="Lambda of the soft labels, 'inf' included; repeat to choose among several on validation."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and dropout.")] = 0,
    num_epochs: Annotated[int, typer.Option(help="At most this many epochs.")] = 60,
    batch_size: Annotated[int, typer.Option(help="Global batch, over all processes.")] = 256,
) -> None:
    """Train one router and save it with its card. Also under `accelerate launch -m vlrouterbench train ...`."""
    from accelerate import PartialState

    from vlrouterbench.cli import console
    from vlrouterbench.constants import DEFAULT_COST_WEIGHTS
    from vlrouterbench.data.table import load_table
    from vlrouterbench.encoders.features import encode_benchmark
    from vlrouterbench.evaluation.policies import POLICIES
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

    if router in POLICIES:
        raise RouterError(f'"{router}" needs no training: give it to `vlrouterbench evaluate --router {router}`.')
    console.quiet_libraries()
    processes = PartialState()
    arguments = RouterTrainingArguments(
        cost_weights=tuple(cost_weight or DEFAULT_COST_WEIGHTS), seed=seed, num_epochs=num_epochs, batch_size=batch_size
    )
    table = load_table(folder)
    with processes.main_process_first(), console.stage("encode text and images") as progress:
        features = encode_benchmark(table, progress=progress)
    with console.stage(f"train {router}"):
        trained = train_router(router, Problem(table, features), arguments)
    if not processes.is_main_process:
        return
    target = out or folder.resolve().parent / "routers" / router
    save_router(trained, target)
    chosen = {name: str(value) for name, value in trained.chosen.setting.items()}
    score = trained.chosen.validation_rank_score
    settings = ", ".join(f"{name} {value}" for name, value in chosen.items())
    mark = " (simulated data)" if table.simulated else ""
    console.show(
        {"out": str(target), "chosen": chosen, "tried": len(trained.trials), "validation_rank_score": score},
        f"{router}: Rank Score {score:.2f} on validation with {settings}, best of {len(trained.trials)} settings{mark}",
        f"saved to {target}",
    )

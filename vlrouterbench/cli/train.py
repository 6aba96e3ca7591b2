"""`vlrouterbench train`: one router, its settings chosen on validation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.parameters import FamilyRequest, named_values, options_of
from vlrouterbench.errors import RouterError


@dataclass(frozen=True)
class TrainRequest(FamilyRequest):
    """What is asked for on the command line."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[str, typer.Option(help="Family, such as knn; a wrong name is answered with all of them.")]
    out: Annotated[
        Path | None, typer.Option(help="Router folder to write; else routers/NAME beside the benchmark.")
    ] = None
    cost_weight: Annotated[
        list[float] | None,
        typer.Option(help="Lambda of the targets, 'inf' included; repeat to choose among several on validation."),
    ] = None
    seed: Annotated[int, typer.Option(help="Of weights, order, dropout and clusters.")] = 0
    batch_size: Annotated[int | None, typer.Option(help="Global batch, over all processes; else the family's own.")] = (
        None
    )
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimiser; else the family's own.")] = None
    teacher: Annotated[
        str | None, typer.Option(help="Router, by folder or Hub id, whose scores are learnt in place of soft labels.")
    ] = None
    bf16: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe (autocast).")] = False
    gradient_accumulation: Annotated[
        int,
        typer.Option(help="Passes that one step of the optimiser is made of; the global batch is shared among them."),
    ] = 1
    checkpoint_every: Annotated[
        int | None, typer.Option(help="Steps between checkpoints, to resume from; else none is written.")
    ] = None
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint of the same command.")] = False


@options_of(TrainRequest)
def train(request: TrainRequest) -> None:
    """Train one router and save it with its card. Also under `accelerate launch -m vlrouterbench train ...`."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.processes import launched_processes
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.policies import POLICIES
    from vlrouterbench.training.arguments import RouterTrainingArguments, RunOptions
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

    router = request.router
    if router in POLICIES:
        raise RouterError(f'"{router}" needs no training: give it to `vlrouterbench evaluate --router {router}`.')
    console.quiet_libraries()
    processes = launched_processes()
    target = request.out or request.folder.resolve().parent / "routers" / router
    running = RunOptions(
        folder=target.with_name(f"{target.name}.training") if request.checkpoint_every or request.resume else None,
        checkpoint_every=request.checkpoint_every,
        resume=request.resume,
        bf16=request.bf16,
        gradient_accumulation=request.gradient_accumulation,
    )
    arguments = RouterTrainingArguments(
        cost_weights=tuple(request.cost_weight) if request.cost_weight else None,
        seed=request.seed,
        unsolved=request.unsolved,
        variant=request.variant,
        options=named_values(request.option or ()),
        num_epochs=request.num_epochs,
        batch_size=request.batch_size,
        learning_rate=request.learning_rate,
        teacher=request.teacher,
        running=running,
    )
    table = load_table(request.folder)
    with processes.main_process_first(), console.stage("encode text and images") as progress:
        features = request.training_rows(request.router, table, request.work(progress=progress))
    with console.stage(f"train {router}") as progress:
        arguments = replace(arguments, running=replace(running, progress=progress))
        trained = train_router(router, Problem(table, features), arguments)
    if not processes.is_main_process:
        return
    save_router(trained, target)
    if running.folder is not None:
        shutil.rmtree(running.folder, ignore_errors=True)
    chosen = {name: str(value) for name, value in trained.chosen.setting.items()}
    score = trained.chosen.validation_rank_score
    settings = ", ".join(f"{name} {value}" for name, value in chosen.items()) or "its only setting"
    mark = " (simulated data)" if table.simulated else ""
    console.show(
        {"out": str(target), "chosen": chosen, "tried": len(trained.trials), "validation_rank_score": score},
        f"{router}: Rank Score {score:.2f} on validation with {settings}, best of {len(trained.trials)} settings{mark}",
        f"saved to {target}",
    )

"""`vlrouterbench train`: one router, its settings chosen on validation."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vlrouterbench.cli.help import FAMILIES
from vlrouterbench.cli.parameters import BACKBONE, FamilyRequest, GoalRequest, fields_of, named_values, options_of
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.limits import LARGEST_SEED
from vlrouterbench.core.settings_text import settings_text
from vlrouterbench.core.simulated import marked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.training.arguments import RouterTrainingArguments

LOOP, KEEPING = "Training loop", "Checkpoints, tracking and publishing"
LORA_RANK = 8
"""Rank of the adapters where --lora-rank is not given."""
_FEW = 30
"""Validation samples below which chance alone moves their accuracy by some 10 points, one standard deviation of it."""


class BackboneTraining(StrEnum):
    """Which part of a backbone is trained."""

    FULL = "full"
    FROZEN = "frozen"
    LORA = "lora"


@dataclass(frozen=True)
class TrainRequest(FamilyRequest, GoalRequest):
    """The options of `train`."""

    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")]
    router: Annotated[str, typer.Option(help=f"Router family: {FAMILIES}; or a plugin's.")]
    out: Annotated[
        Path | None, typer.Option(help="Router folder to write; else routers/NAME beside the benchmark.")
    ] = None
    cost_weights: Annotated[
        list[float] | None,
        typer.Option(
            "--cost-weight", help="Lambda of the targets, 'inf' included; repeat to choose among several on validation."
        ),
    ] = None
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of weights, order, dropout and clusters.")
    ] = 0
    batch_size: Annotated[
        int | None,
        typer.Option(help="Global batch size, over all processes; else the family's own.", rich_help_panel=LOOP),
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the optimiser; else the family's own.", rich_help_panel=LOOP)
    ] = None
    patience: Annotated[
        int | None,
        typer.Option(
            help="Epochs without a better Rank Score on validation before training stops.", rich_help_panel=LOOP
        ),
    ] = None
    max_samples: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Training samples in memory at once (65,536): longer splits are streamed, and neighbours, kernels and "
            "clusters are learnt from a sample of as many.",
            show_default=False,
        ),
    ] = None
    teacher: Annotated[
        str | None, typer.Option(help="Router, by folder or Hub id, whose scores are learnt in place of soft labels.")
    ] = None
    backbone_training: Annotated[
        BackboneTraining,
        typer.Option(
            help="Train the backbone, leave it as it is, or train adapters on it (with the extra peft).",
            rich_help_panel=BACKBONE,
        ),
    ] = BackboneTraining.FULL
    lora_rank: Annotated[
        int | None, typer.Option(help=f"Rank of the adapters of lora; else {LORA_RANK}.", rich_help_panel=BACKBONE)
    ] = None
    gradient_checkpointing: Annotated[
        bool,
        typer.Option(help="Compute the backbone's activations again instead of keeping them.", rich_help_panel=LOOP),
    ] = False
    num_workers: Annotated[
        int, typer.Option(min=0, help="Processes that load batches ahead of the training.", rich_help_panel=LOOP)
    ] = 0
    bf16: Annotated[
        bool, typer.Option(help="Compute in bfloat16 where that is safe (autocast).", rich_help_panel=LOOP)
    ] = False
    gradient_accumulation: Annotated[
        int,
        typer.Option(
            help="Forward and backward passes per step of the optimiser; they share the global batch.",
            rich_help_panel=LOOP,
        ),
    ] = 1
    checkpoint_every: Annotated[
        int | None,
        typer.Option(help="Steps between checkpoints, to resume from; else none is written.", rich_help_panel=KEEPING),
    ] = None
    resume: Annotated[
        bool, typer.Option(help="Go on from the last checkpoint of the same command.", rich_help_panel=KEEPING)
    ] = False
    log_to: Annotated[
        list[str] | None,
        typer.Option(
            help="Tracker, as transformers names it (tensorboard, wandb, mlflow, ...); repeat for several.",
            rich_help_panel=KEEPING,
        ),
    ] = None
    logging_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of TensorBoard's files; else OUT.logs.", show_default=False, rich_help_panel=KEEPING),
    ] = None
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME", help="Push the router, with its card, when it is saved.", rich_help_panel=KEEPING
        ),
    ] = None

    def training_arguments(self, target: Path) -> RouterTrainingArguments:
        """Training arguments of the router that is to be saved at `target`."""
        from vlrouterbench.training.arguments import RouterTrainingArguments
        from vlrouterbench.training.trackers import TENSORBOARD

        checkpoints = target.with_name(f"{target.name}.training") if self.checkpoint_every or self.resume else None
        logs = target.with_name(f"{target.name}.logs") if TENSORBOARD in (self.log_to or ()) else None
        return fields_of(
            self,
            RouterTrainingArguments,
            options=self._family_options(),
            lora_rank=self._lora_rank(),
            checkpoint_folder=checkpoints,
            logging_dir=self.logging_dir or logs,
        )

    def _lora_rank(self) -> int | None:
        if self.backbone_training is BackboneTraining.LORA:
            return LORA_RANK if self.lora_rank is None else self.lora_rank
        if self.lora_rank is not None:
            raise RouterError(
                f"--lora-rank {self.lora_rank} belongs to --backbone-training lora: give both or neither."
            )
        return None

    def _family_options(self) -> dict[str, Any]:
        switches = {
            "freeze_backbone": self.backbone_training is BackboneTraining.FROZEN,
            "gradient_checkpointing": self.gradient_checkpointing,
        }
        return {**{name: True for name, is_on in switches.items() if is_on}, **named_values(self.option or ())}


@options_of(TrainRequest)
def train(request: TrainRequest) -> None:
    """Train one router and save it with its card. Also under `accelerate launch -m vlrouterbench train ...`."""
    from vlrouterbench.cli import console
    from vlrouterbench.cli.processes import launched_processes
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.policies import POLICIES
    from vlrouterbench.features.encode import fewer_images_note, fitted_note
    from vlrouterbench.hub.push import check_repo_id, push_router
    from vlrouterbench.routers.base.familiarity import few_groups_text
    from vlrouterbench.training.fit import save_router, train_router
    from vlrouterbench.training.problem import Problem

    router = request.router
    if router in POLICIES:
        raise RouterError(f'"{router}" needs no training: give it to `vlrouterbench evaluate --router {router}`.')
    if request.push_to_hub is not None:
        check_repo_id(request.push_to_hub)
    console.quiet_libraries()
    processes = launched_processes()
    target = request.out or request.folder.resolve().parent / "routers" / router
    arguments = request.training_arguments(target)
    table = load_table(request.folder).judged_by(request.goal())
    with processes.main_process_first(), console.stage("encode text and images") as progress:
        features = request.training_rows(request.router, table, request.work(progress=progress))
    with console.stage(f"train {router}") as progress:
        problem = Problem(table, features)
        trained = train_router(router, problem, replace(arguments, progress=progress))
    if not processes.is_main_process:
        return
    save_router(trained, target)
    if arguments.checkpoint_folder is not None:
        shutil.rmtree(arguments.checkpoint_folder, ignore_errors=True)
    pushed: dict[str, str] = {}
    if request.push_to_hub is not None:
        with console.stage("push router"):
            pushed = {"url": push_router(target, request.push_to_hub)}
    chosen = {name: str(value) for name, value in trained.chosen.setting.items()}
    score, reason = trained.chosen.validation_rank_score, table.goal.why_no_rank_score
    merit = f"Rank Score {score:.2f}" if score is not None else f"objective value {trained.chosen.merit:.2f}"
    settings = settings_text(trained.chosen.setting) or "its only setting"
    console.show(
        {"out": str(target), "chosen": chosen, "tried": len(trained.trials), "validation_rank_score": score} | pushed,
        f"{router}: {merit} on validation with {settings}, "
        + marked(f"best of {len(trained.trials)} settings", simulated=table.simulated),
        *([reason] if reason else []),
        *([trained.chosen.note] if trained.chosen.note else []),
        *filter(None, [few_groups_text(trained.router.held_out)]),
        *_note_on_few(len(problem.validation_features), len(trained.trials)),
        *filter(None, (fewer_images_note(router, features.describe()), fitted_note(features.describe()))),
        *_note_on_long_texts(router, features.describe()),
        *(said for name, said in trained.router.config.training.items() if name == "sample_note"),
        *_notes_on_partial_rows(router, trained.router.config.training, table),
        f"saved to {target}",
        *(f"pushed to {address}" for address in pushed.values()),
    )


def _note_on_few(num_validation: int, num_trials: int) -> list[str]:
    """That settings were compared on so few samples that chance decides among them."""
    if num_validation >= _FEW or num_trials == 1:
        return []
    return [
        f"note: settings were compared on {num_validation} validation sample{'s' * (num_validation > 1)}, where chance "
        f"alone moves accuracy by some {50 / num_validation**0.5:.0f} points; with more questions less is left to it"
    ]


def _note_on_long_texts(name: str, described: Mapping[str, Any]) -> list[str]:
    """That texts are longer than an end-to-end router reads."""
    if not (count := described.get("shortened_texts")):
        return []
    return [f"{name} reads {described['max_tokens']} tokens of a text: {count:,} samples have more (--max-length)."]


def _notes_on_partial_rows(name: str, record: Mapping[str, Any], table: RoutingTable) -> list[str]:
    """What is to be said of a router that was trained where no sample is measured for every candidate."""
    if table.complete.any():
        return []
    notes = [str(record["validation_note"])] if record.get("validation_note") else []
    if record.get("unsolved") is None:
        return notes
    return [
        *notes,
        f"{name} learns from soft labels, in which a candidate that was not asked counts as one that is wrong. "
        "Families that learn from measured pairs alone: flagship, ridge-mf, uniroute, irt, two-tower, ovr.",
    ]

"""How to train a router: one small dataclass, checked when it is made.

Decisions
- What is left at None is the family's own choice (its recipe), or the trainer's default where the family has none.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import DEFAULT_COST_WEIGHTS, Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.training.trackers import TENSORBOARD, check_trackers

_OF_THE_RECIPE = (
    "cost_weights",
    "num_epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "patience",
    "lora_rank",
)


@dataclass(frozen=True)
class RunOptions:
    """How a training run is carried out; none of it changes what is asked of it.

    Attributes:
        folder: where checkpoints lie; None for a folder that is gone when training ends.
        checkpoint_every: steps between checkpoints; None for none.
        resume: go on from the last whole checkpoint in `folder`; from the start where there is none.
        num_workers: processes that take batches from disk ahead of the training; 0 for the training's own.
        log_to: names of trackers, as transformers knows them.
        logging_dir: TensorBoard's folder, which it must have.
        name: of the run, for trackers.
        bf16: autocast to bfloat16.
        gradient_accumulation: passes per step of the optimiser; the global batch is shared among them.
        progress: called with (done, total) steps of each training.
    """

    folder: Path | None = None
    checkpoint_every: int | None = None
    resume: bool = False
    bf16: bool = False
    gradient_accumulation: int = 1
    progress: Callable[[int, int], None] | None = None
    num_workers: int = 0
    log_to: tuple[str, ...] = ()
    logging_dir: Path | None = None
    name: str = "training"

    def __post_init__(self) -> None:
        check_trackers(self.log_to)
        if (self.logging_dir is None) == (TENSORBOARD in self.log_to):
            raise RouterError(
                f"--logging-dir is where --log-to {TENSORBOARD} writes: expected both or neither, found "
                f"{self.logging_dir} with {', '.join(self.log_to) or 'no tracker'}."
            )
        if self.num_workers < 0:
            raise RouterError(f"expected num_workers >= 0, found {self.num_workers}.")
        for name in ("checkpoint_every", "gradient_accumulation"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RouterError(f"expected {name} >= 1, found {value}.")


@dataclass(frozen=True)
class RouterTrainingArguments:
    """Training options.

    Attributes:
        cost_weights: lambdas to try; the one with the best Rank Score on validation is kept.
        seed: of weights, order, dropout and clusters.
        unsolved: rule for samples that no candidate answers; dropped unless told otherwise.
        variant: "default", or "reference" for a router as the paper's.
        options: configuration fields of the family to fix instead of choosing them.
        shared_trunk: train the routers of several cost weights on one trunk, where the family can (`mlp`); each by
            itself otherwise.
        num_epochs: at most this many passes over the train split (gradient families).
        batch_size: global batch, over all processes.
        learning_rate: of the optimiser.
        weight_decay: of the optimiser.
        lora_rank: train adapters of this rank in the place of an end-to-end router's backbone; None for none.
        patience: epochs without a better Rank Score on validation before training stops.
        teacher: a router, by folder or Hub id, whose scores are learnt instead of soft labels: their softmax is the
            target of every training sample that counts.
        running: how the run is carried out.
    """

    cost_weights: tuple[float, ...] | None = None
    seed: int = 0
    unsolved: Unsolved | None = None
    variant: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)
    shared_trunk: bool = False
    num_epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    patience: int | None = None
    lora_rank: int | None = None
    teacher: str | None = None
    running: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        weights = self.cost_weights
        if weights is not None and (not weights or any(math.isnan(w) or w < 0 for w in weights)):
            raise RouterError(f"expected cost weights >= 0 (or inf), found {list(weights)}.")
        if self.lora_rank is not None and not importlib.util.find_spec("peft"):
            raise RouterError('LoRA needs the library peft, which is not installed: install "vlrouterbench[peft]".')
        for name in ("num_epochs", "batch_size", "patience", "lora_rank"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RouterError(f"expected {name} >= 1, found {value}.")

    def applied_to(self, recipe: Recipe, family: str) -> Recipe:
        """The family's recipe with what was asked for in its place.

        Raises:
            RouterError: the family's targets have no cost weight, and one was asked for.
        """
        asked = {name: getattr(self, name) for name in _OF_THE_RECIPE if getattr(self, name) is not None}
        if recipe.cost_weights == ():
            given = (self.cost_weights, self.unsolved, self.teacher)
            for name, value in zip(("--cost-weight", "--unsolved", "--teacher"), given, strict=True):
                if value is not None:
                    raise RouterError(
                        f"{name}: {family} in its {self.variant} variant has no training cost weight: it learns from "
                        "the measured pairs as they are, not from soft labels. Leave the option out."
                    )
        elif recipe.cost_weights is None:
            asked = {"cost_weights": DEFAULT_COST_WEIGHTS} | asked
        return replace(recipe, **asked).pinned(self.options)

"""How to train a router: one dataclass, normalised and checked when it is made, and handed down whole.

Decisions
- What is left at None is the family's own choice (its recipe), or the trainer's default where the family has none.
- An argument that a recipe has too bears the same name there, and takes its place.
- Some arguments define the router that comes out, the others only how the work is carried out; both stand in one
  object, so that no layer between the command line and the trainer has to copy options.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import DEFAULT_COST_WEIGHTS, Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.limits import LARGEST_SEED
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.training.trackers import TENSORBOARD, check_trackers

_COUNTS = (
    "num_epochs",
    "batch_size",
    "patience",
    "max_samples",
    "lora_rank",
    "checkpoint_every",
    "gradient_accumulation",
)


@dataclass(frozen=True)
class RouterTrainingArguments:
    """Training options.

    Attributes:
        cost_weights: lambdas to try; the one with the best Rank Score on validation is kept.
        seed: of weights, order, dropout and clusters.
        unsolved: rule for samples that no candidate answers correctly; None to drop them.
        variant: "default", or "reference" for a router as in the benchmark's paper.
        options: configuration fields of the family to fix instead of choosing them.
        side_by_side: train the networks of several cost weights at once, where the family can (`mlp`): the same
            routers in less time, but for rounding.
        num_epochs: at most this many passes over the train split (gradient families).
        batch_size: global batch, over all processes.
        learning_rate: of the optimiser.
        weight_decay: of the optimiser.
        patience: epochs without a better Rank Score on validation before training stops.
        max_samples: the most training samples in memory at once. What must hold its samples (neighbours, a kernel) is
            learnt from as many of a longer split, drawn by the seed; sums are made in blocks of as many, and batches
            are streamed. None for MOST_IN_MEMORY.
        lora_rank: train adapters of this rank in the place of an end-to-end router's backbone; None for none.
        teacher: a router, by folder or Hub id, whose scores are learnt instead of soft labels: their softmax is the
            target of every training sample that counts.
        checkpoint_folder: where checkpoints are kept; None for a temporary folder.
        checkpoint_every: steps between checkpoints; None for none.
        resume: go on from the last complete checkpoint in `checkpoint_folder`; from the start where there is none.
        bf16: autocast to bfloat16.
        gradient_accumulation: passes per step of the optimiser; the global batch is shared among them.
        num_workers: processes that load batches ahead of the training; 0 to load them in the training's own process.
        log_to: names of trackers, as transformers knows them.
        logging_dir: TensorBoard's folder, which it must have.
        progress: called with (done, total) steps of each training.
    """

    cost_weights: Sequence[float] | None = None
    seed: int = 0
    unsolved: Unsolved | None = None
    variant: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)
    side_by_side: bool = False
    num_epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    patience: int | None = None
    max_samples: int | None = None
    lora_rank: int | None = None
    teacher: str | None = None
    checkpoint_folder: Path | None = None
    checkpoint_every: int | None = None
    resume: bool = False
    bf16: bool = False
    gradient_accumulation: int = 1
    num_workers: int = 0
    log_to: Sequence[str] = ()
    logging_dir: Path | None = None
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        self._normalise()
        weights = self.cost_weights
        if weights is not None and (not weights or any(math.isnan(w) or w < 0 for w in weights)):
            raise RouterError(f"expected cost weights >= 0 (or inf), found {list(weights)}.")
        if self.lora_rank is not None and not importlib.util.find_spec("peft"):
            raise RouterError('LoRA needs the library peft, which is not installed: install "vlrouterbench[peft]".')
        check_trackers(self.log_to)
        if (self.logging_dir is None) == (TENSORBOARD in self.log_to):
            raise RouterError(
                f"--logging-dir is where --log-to {TENSORBOARD} writes: expected both or neither, found "
                f"{self.logging_dir} with {', '.join(self.log_to) or 'no tracker'}."
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            raise RouterError(f"expected a seed of 0 to {LARGEST_SEED:,}, found {self.seed:,}.")
        rate, decay = self.learning_rate, self.weight_decay
        if rate is not None and not 0 < rate < math.inf:
            raise RouterError(f"expected a finite learning_rate > 0, found {rate}.")
        if decay is not None and not 0 <= decay < math.inf:
            raise RouterError(f"expected a finite weight_decay >= 0, found {decay}.")
        if self.num_workers < 0:
            raise RouterError(f"expected num_workers >= 0, found {self.num_workers}.")
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RouterError(f"expected {name} >= 1, found {value}.")

    def _normalise(self) -> None:
        """Lists become tuples, and texts what they name: arguments can be hashed and compared field by field."""
        values: dict[str, object] = {"log_to": tuple(self.log_to)}
        if self.cost_weights is not None:
            values["cost_weights"] = tuple(self.cost_weights)
        if self.unsolved is not None:
            values["unsolved"] = Unsolved(self.unsolved)
        for name in ("checkpoint_folder", "logging_dir"):
            path = getattr(self, name)
            values[name] = None if path is None else Path(path)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def applied_to(self, recipe: Recipe, family: str) -> Recipe:
        """The family's recipe with the values of these arguments in its place.

        Raises:
            RouterError: the family's targets have no cost weight, and one was given.
        """
        names = {one.name for one in fields(Recipe)} & {one.name for one in fields(self)}
        values = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if recipe.cost_weights == ():
            given = (self.cost_weights, self.unsolved, self.teacher)
            for name, value in zip(("--cost-weight", "--unsolved", "--teacher"), given, strict=True):
                if value is not None:
                    raise RouterError(
                        f"{name}: {family} in its {self.variant} variant has no training cost weight: it learns from "
                        "the measured pairs as they are, not from soft labels. Leave the option out."
                    )
        elif recipe.cost_weights is None:
            values = {"cost_weights": DEFAULT_COST_WEIGHTS} | values
        return replace(recipe, **values).pinned(self.options)

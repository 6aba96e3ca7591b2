"""How to train a router: one small dataclass, checked when it is made.

Decisions
- What is left at None is the family's own choice (its recipe), or the trainer's default where the family has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vlrouterbench.constants import DEFAULT_COST_WEIGHTS, Unsolved
from vlrouterbench.errors import RouterError
from vlrouterbench.routers.learning import Recipe


@dataclass(frozen=True)
class RunOptions:
    """How a training run is carried out; none of it changes what is asked of it.

    Attributes:
        folder: where checkpoints lie; None for a folder that is gone when training ends.
        checkpoint_every: steps between checkpoints; None for none.
        resume: go on from the last whole checkpoint in `folder`; from the start where there is none.
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

    def __post_init__(self) -> None:
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
    teacher: str | None = None
    running: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        weights = self.cost_weights
        if weights is not None and (not weights or any(math.isnan(w) or w < 0 for w in weights)):
            raise RouterError(f"expected cost weights >= 0 (or inf), found {list(weights)}.")
        for name in ("num_epochs", "batch_size", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RouterError(f"expected {name} >= 1, found {value}.")

    def applied_to(self, recipe: Recipe, family: str) -> Recipe:
        """The family's recipe with what was asked for in its place.

        Raises:
            RouterError: the family's targets have no cost weight, and one was asked for.
        """
        asked = {
            name: getattr(self, name)
            for name in ("cost_weights", "num_epochs", "batch_size", "learning_rate", "weight_decay", "patience")
            if getattr(self, name) is not None
        }
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

"""How to train a router: one small dataclass, checked when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vlrouterbench.constants import DEFAULT_COST_WEIGHTS
from vlrouterbench.errors import RouterError
from vlrouterbench.soft_labels import Unsolved


@dataclass(frozen=True)
class RouterTrainingArguments:
    """Training options.

    Attributes:
        cost_weights: lambdas to try; the one with the best Rank Score on validation is kept.
        seed: of weights, order and dropout.
        unsolved: rule for samples that no candidate answers.
        num_epochs: at most this many passes over the train split (gradient families).
        batch_size: global batch, over all processes.
        learning_rate: of AdamW; None takes the family's own.
        weight_decay: of AdamW.
        patience: epochs without a better Rank Score on validation before training stops.
    """

    cost_weights: tuple[float, ...] = DEFAULT_COST_WEIGHTS
    seed: int = 0
    unsolved: Unsolved = Unsolved.DROP
    num_epochs: int = 60
    batch_size: int = 256
    learning_rate: float | None = None
    weight_decay: float = 0.01
    patience: int = 10

    def __post_init__(self) -> None:
        if not self.cost_weights or any(math.isnan(w) or w < 0 for w in self.cost_weights):
            raise RouterError(f"expected cost weights >= 0 (or inf), found {list(self.cost_weights)}.")
        for name in ("num_epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise RouterError(f"expected {name} >= 1, found {getattr(self, name)}.")

"""IRT: candidates have abilities, samples have difficulty and discrimination, and a logistic curve joins them.

Source: multidimensional item response theory, with the item side predicted from features so that it holds for samples
that no candidate has answered.
Requirements: features and quality of the training split, graded or 0/1; pairs that were not measured do not count.
Relations: OVR with the slopes of all candidates in a few shared dimensions; Ridge-MF is its linear relative, in closed
form.

Decisions
- Discrimination is positive (softplus), so that more ability never hurts; a candidate may still be strong in one
  dimension and weak in another.
- Abilities start at 0 for all: no candidate is preferred by its position in the pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, masked_binary_cross_entropy


class IRTRouterConfig(EstimatingRouterConfig):
    """Configuration of an IRT router.

    Args:
        num_dimensions: of ability.
        dropout: share of features dropped in training.
        kwargs: the shared part.
    """

    model_type = "vlrouter-irt"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"num_dimensions": (1, 65_536), "dropout": (0, 1)}

    def __init__(self, num_dimensions: int = 16, dropout: float = 0.3, **kwargs: Any) -> None:
        self.num_dimensions = num_dimensions
        self.dropout = dropout
        super().__init__(**kwargs)


class IRTRouter(EstimatingRouter):
    """Quality is sigmoid(discrimination . ability - difficulty)."""

    config: IRTRouterConfig
    config_class = IRTRouterConfig
    title = "IRT"
    by_gradient = True
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": Recipe(cost_weights=(), num_epochs=100, patience=15)}

    def __init__(self, config: IRTRouterConfig) -> None:
        super().__init__(config)
        self.dropout = nn.Dropout(config.dropout)
        self.discrimination = nn.Linear(self.feature_dim, config.num_dimensions)
        self.difficulty = nn.Linear(self.feature_dim, 1)
        self.abilities = nn.Parameter(torch.zeros(self.num_candidates, config.num_dimensions))
        self.post_init()

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Start with all candidates alike."""
        super().fit(training_set)
        self.abilities.zero_()

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Log odds of a correct answer, (num_samples, num_candidates)."""
        features = self.dropout(features)
        discrimination = nn.functional.softplus(self.discrimination(features))
        return discrimination @ self.abilities.T - self.difficulty(features)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probability of a correct answer, and mean cost."""
        return torch.sigmoid(self.logits(features)), self.mean_cost

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Quality, NaN where it was not measured."""
        return training_set.quality

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean negative log likelihood of the measured pairs, and the scores."""
        logits = self.logits(features)
        return masked_binary_cross_entropy(logits, targets), self._utility(torch.sigmoid(logits), self.mean_cost)

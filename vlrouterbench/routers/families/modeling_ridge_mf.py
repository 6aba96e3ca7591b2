"""Ridge-MF: quality and cost of all candidates as one low-rank linear function of the features.

Source: reduced-rank ridge regression; low-rank ridge regression was best on MMR-Bench, another benchmark of routers.
Requirements: features, quality and cost of the training split; pairs that were not measured do not count.
Relations: OVR with squared loss, in closed form, with directions shared among candidates and with cost as a target;
K-means and UniRoute are piecewise constant where this is linear.

Decisions
- Targets are quality and cost over the candidate's mean cost, each less its mean: two scales that weigh about the same.
- The fit is ridge regression followed by projection on the leading directions of its fitted values, penalty rows
  included: the exact minimum under the rank where every pair was measured.
- All directions are kept, best first; `rank` cuts them when scoring, so that it is chosen without another fit.
- The penalty is a multiple of the number of samples: the same strength means the same shrinkage on any benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.clustering import group_sums
from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
RANKS = (1, 2, 4, 8, 16, 64)


class RidgeMFRouterConfig(EstimatingRouterConfig):
    """Configuration of a Ridge-MF router.

    Args:
        strength: penalty on squared weights, as a multiple of the number of samples.
        rank: directions that are used.
        kwargs: the shared part.
    """

    model_type = "vlrouter-ridge-mf"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"strength": (0, MANY), "rank": (1, MANY)}

    def __init__(self, strength: float = 0.1, rank: int = 8, **kwargs: Any) -> None:
        self.strength = strength
        self.rank = rank
        super().__init__(**kwargs)


class RidgeMFRouter(EstimatingRouter):
    """Quality and cost are linear in a few directions of the features."""

    config: RidgeMFRouterConfig
    config_class = RidgeMFRouterConfig
    title = "Ridge-MF"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(cost_weights=(), fit_grid={"strength": STRENGTHS}, decision_grid={"rank": RANKS}),
    }

    def __init__(self, config: RidgeMFRouterConfig) -> None:
        super().__init__(config)
        num_targets = 2 * self.num_candidates
        self.feature_means = frozen(self.feature_dim)
        self.target_means = frozen(num_targets)
        self.directions = frozen(self.feature_dim, num_targets)
        self.loadings = frozen(num_targets, num_targets)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Solve for all directions at once."""
        super().fit(training_set)
        unit = training_set.mean_cost.clamp(min=torch.finfo(torch.float32).tiny)
        targets = torch.cat([training_set.quality.double(), training_set.cost / unit], dim=1)
        sums, counts = group_sums(targets, torch.ones(len(targets), 1))
        means = (sums / counts.clamp(min=1))[0]
        # Never measured: no quality, and the mean cost that stands for it.
        means[self.num_candidates :][counts[0, self.num_candidates :] == 0] = 1.0
        features = training_set.features.double()
        feature_means = features.mean(dim=0)
        directions, loadings = reduced_rank_ridge(
            features - feature_means, targets - means, penalty=self.config.strength * len(features)
        )
        self.feature_means.copy_(feature_means)
        self.target_means.copy_(means)
        self.directions.copy_(directions)
        self.loadings.copy_(loadings)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quality and cost (USD per sample, never below 0), each (num_samples, num_candidates)."""
        rank = self.config.rank
        latent = (features - self.feature_means) @ self.directions[:, :rank]
        quality, relative_cost = (latent @ self.loadings[:rank] + self.target_means).chunk(2, dim=1)
        return quality, relative_cost.clamp(min=0) * self.mean_cost


def reduced_rank_ridge(
    features: torch.Tensor, targets: torch.Tensor, *, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ridge regression, split into directions in the order of what they explain.

    Args:
        features: (num_samples, dim), centred.
        targets: (num_samples, num_targets), centred, NaN = does not count.
        penalty: added to the squared weights, > 0.

    Returns:
        Directions (dim, num_targets) and loadings (num_targets, num_targets); with the first r of each,
        `features @ directions[:, :r] @ loadings[:r]` is the fit of rank r.
    """
    ridge = penalty * torch.eye(features.shape[1], dtype=features.dtype)
    weights = torch.zeros(features.shape[1], targets.shape[1], dtype=features.dtype)
    masks, group_of = (~targets.isnan()).unique(dim=1, return_inverse=True)
    for group, mask in enumerate(masks.T):
        columns, rows = group_of == group, features[mask]
        weights[:, columns] = torch.linalg.solve(rows.T @ rows + ridge, rows.T @ targets[mask][:, columns])
    gram = weights.T @ (features.T @ features + ridge) @ weights
    loadings = torch.linalg.eigh((gram + gram.T) / 2).eigenvectors.flip(dims=[1]).T
    return weights @ loadings.T, loadings

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

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.clustering import group_sums
from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, mean_of_blocks
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

        def targets(part: slice) -> torch.Tensor:
            """Quality and relative cost of some rows, (num_rows, 2 * num_candidates)."""
            return torch.cat([training_set.quality[part].double(), training_set.cost[part] / unit], dim=1)

        parts = training_set.blocks()
        sums, counts = torch.zeros(()), torch.zeros(())
        for part in parts:
            own = targets(part)
            sums, counts = (
                total + more
                for total, more in zip((sums, counts), group_sums(own, torch.ones(len(own), 1)), strict=True)
            )
        means = (sums / counts.clamp(min=1))[0]
        # Never measured: no quality, and the mean cost that stands for it.
        means[self.num_candidates :][counts[0, self.num_candidates :] == 0] = 1.0
        feature_means = mean_of_blocks(training_set.features[part].double() for part in parts)
        directions, loadings = ridge_of_blocks(
            lambda: ((training_set.features[part].double() - feature_means, targets(part) - means) for part in parts),
            penalty=self.config.strength * len(training_set.features),
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
    return ridge_of_blocks(lambda: [(features, targets)], penalty=penalty)


def ridge_of_blocks(
    blocks: Callable[[], Iterable[tuple[torch.Tensor, torch.Tensor]]], *, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `reduced_rank_ridge`, of blocks of features and targets: sums of products are all that is kept of a block.

    Args:
        blocks: gives them, in the same order whenever it is called.
        penalty: as there.
    """
    groups = torch.zeros(1, dtype=torch.int64)
    for _, targets in blocks():
        own = (~targets.isnan()).unique(dim=1, return_inverse=True)[1]
        groups = torch.stack([groups.expand_as(own), own]).unique(dim=1, return_inverse=True)[1]
    columns_of = [(groups == group).nonzero().flatten() for group in range(int(groups.max()) + 1)]
    whole, sums = torch.zeros(()), [(torch.zeros(()), torch.zeros(()))] * len(columns_of)
    for features, targets in blocks():
        gram_of_all = features.T @ features
        whole = whole + gram_of_all
        for group, columns in enumerate(columns_of):
            mask = ~targets[:, columns[0]].isnan()
            rows = features if mask.all() else features[mask]
            gram = gram_of_all if mask.all() else rows.T @ rows
            before, toward = sums[group]
            sums[group] = before + gram, toward + rows.T @ targets[mask][:, columns]
    ridge = penalty * torch.eye(len(whole), dtype=whole.dtype)
    weights = torch.zeros(len(whole), len(groups), dtype=whole.dtype)
    for columns, (gram, toward) in zip(columns_of, sums, strict=True):
        weights[:, columns] = torch.linalg.solve(gram + ridge, toward)
    gram = weights.T @ (whole + ridge) @ weights
    loadings = torch.linalg.eigh((gram + gram.T) / 2).eigenvectors.flip(dims=[1]).T
    return weights @ loadings.T, loadings

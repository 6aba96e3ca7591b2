"""PRkNN: the candidate that wins most pairwise comparisons over the nearest training samples.

Source: the paper's PRkNN router (arXiv 2512.23562), which is the reference variant: k = 7, weights of one over
distance, and of two candidates the better is the one more correct, or as correct and cheaper. The default chooses k,
and lets a cheaper candidate win a tie by 1 - exp(-lambda * saving): nothing at lambda 0, all (the paper's rule) at
infinity.
Requirements: features, quality and cost of the training split; a comparison needs both measured.
Relations: kNN averages soft labels over the same neighbours, so one sample with a single correct candidate weighs more
there; here every neighbour has one vote per pair.

Decisions
- A candidate's score is its wins over the pool, a tied pair counting half (Copeland); equal scores are ordered by the
  mean margin of their comparisons, so that the pool's order decides nothing.
- Where one of two was not measured, the other wins by next to nothing: it counts only where there is no other evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.families.modeling_knn import KNNRouterConfig, NeighborRouter

ROWS_PER_BLOCK = 64
NUM_NEIGHBORS = (7, 15, 30, 60, 100)
NOT_MEASURED = -1.0
SURE = 1000.0
"""Scaled saving at which a tie surely goes to the cheaper: exp(-SURE) is 0."""
UNKNOWN_MARGIN = 1e-6
"""What a measured candidate wins by over one that was not measured."""
MARGIN_PART = 0.24
"""What a margin in [-1, 1] adds to a number of wins: less than half a win between any two candidates."""


class PRKNNRouterConfig(KNNRouterConfig):
    """Configuration of a PRkNN router: that of kNN."""

    model_type = "vlrouter-prknn"

    def __init__(self, num_neighbors: int = 7, **kwargs: Any) -> None:
        super().__init__(num_neighbors=num_neighbors, **kwargs)


class PRKNNRouter(NeighborRouter):
    """Scores are pairwise wins among the neighbours."""

    config: PRKNNRouterConfig
    config_class = PRKNNRouterConfig
    title = "PRkNN"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(decision_grid={"num_neighbors": NUM_NEIGHBORS}),
        "reference": Recipe(cost_weights=(float("inf"),), fixed={"num_neighbors": 7, "weighting": "distance"}),
    }

    def __init__(self, config: PRKNNRouterConfig) -> None:
        super().__init__(config)
        self.memory_correct = frozen(config.memory_size, self.num_candidates)
        self.memory_price = frozen(config.memory_size, self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Remember the samples that count."""
        samples, kept = training_set.sampled, training_set.sampled.counted
        self.remember_features(samples.features[kept])
        self.memory_correct.copy_(samples.correct[kept].nan_to_num(NOT_MEASURED))
        self.memory_price.copy_(_scaled(samples.cost[kept], samples.cost_rate))

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Wins over the pool, (num_samples, num_candidates)."""
        return next(self.scores_for(features, [{}]))

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """As the base's: votes of more neighbours are those of fewer and some more."""
        counts = [min(s.get("num_neighbors", self.config.num_neighbors), len(self.memory)) for s in settings]
        blocks = [self._by_count(block, set(counts)) for block in features.split(ROWS_PER_BLOCK)]
        for setting, count in zip(settings, counts, strict=True):
            self.config.update(dict(setting))
            yield torch.cat([by_count[count] for by_count in blocks])

    def _by_count(self, features: torch.Tensor, counts: set[int]) -> dict[int, torch.Tensor]:
        """Scores of a block of samples for several neighbour counts."""
        weights, indices = self.neighbors(features, max(counts))
        correct, price = (memory[indices].flatten(0, 1) for memory in (self.memory_correct, self.memory_price))
        margins = advantages(correct, price).unflatten(0, indices.shape) * weights[:, :, None, None]
        margins, weights = margins.cumsum(dim=1), weights.cumsum(dim=1)
        return {count: copeland(margins[:, count - 1] / weights[:, count - 1, None, None]) for count in counts}


def advantages(correct: torch.Tensor, price: torch.Tensor) -> torch.Tensor:
    """By how much each candidate beats each other on a sample.

    Args:
        correct: (num_samples, num_candidates), 1, 0, or NOT_MEASURED.
        price: (num_samples, num_candidates), scaled cost.

    Returns:
        (num_samples, num_candidates, num_candidates) in [-1, 1], antisymmetric: first against second.
    """
    ours, theirs = correct.unsqueeze(2), correct.unsqueeze(1)
    saving = price.unsqueeze(1) - price.unsqueeze(2)
    cheaper = torch.sign(saving) * (1 - torch.exp(-saving.abs()))
    measured, measured_too = ours != NOT_MEASURED, theirs != NOT_MEASURED
    compared = torch.where(ours == theirs, cheaper, torch.sign(ours - theirs))
    return torch.where(measured & measured_too, compared, UNKNOWN_MARGIN * (measured.float() - measured_too.float()))


def copeland(margins: torch.Tensor) -> torch.Tensor:
    """Wins of each candidate, (num_samples, num_candidates), from mean margins of its pairs, half a win for a tie."""
    others = margins.shape[-1]
    wins = (margins > 0).sum(dim=2) + 0.5 * ((margins == 0).sum(dim=2) - 1)
    return wins + MARGIN_PART * margins.sum(dim=2) / others


def _scaled(cost: torch.Tensor, cost_rate: float) -> torch.Tensor:
    """Cost times its rate; at an infinite rate the rank of each cost within its sample, far apart."""
    if cost_rate != float("inf"):
        return (cost * cost_rate).nan_to_num(0.0).float()
    ordered, order = cost.nan_to_num(torch.inf).sort(dim=1)
    steps = torch.zeros_like(ordered)
    steps[:, 1:] = (ordered[:, 1:] > ordered[:, :-1]).to(ordered.dtype).cumsum(dim=1)
    return torch.zeros_like(ordered).scatter(1, order, SURE * steps).float()

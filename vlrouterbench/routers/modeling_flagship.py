"""Flagship: one calibrated router for every budget, a stack of simple members combined on out-of-fold estimates.

Source: the plain recipe that comparative studies found strong: kNN with many neighbours (arXiv 2505.12601) and low-rank
ridge regression, stacked (Wolpert 1992) and Platt-scaled per candidate; the decision p - usd_weight * cost is CARROT's.
Requirements: features, quality and cost of the training split; pairs that were not measured do not count.
Relations: kNN and Ridge-MF are its members; they choose one setting by validation where this weighs several.

Decisions
- Everything that is combined, calibrated or chosen is so on estimates of samples whose group no member was fitted on.
- The trade-off is chosen on those estimates and validation together: validation alone is too small to tell.
- Cost is relative to a candidate's mean, so that the unit does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch

from .budgets import Estimates
from .calibrated_router import CalibratedRouter
from .calibrating import calibrated, calibration_curve
from .estimating_router import EstimatingRouterConfig
from .learning import Recipe, TrainingSet
from .members import LinearMember, NeighborMember
from .modeling_router import frozen
from .stacking import NUM_FOLDS, fold_of, stack_weights, stacked

NEIGHBOR_COUNTS = (30, 100, 300)
RANKS = (2, 8)
STRENGTH = 0.1
COST_RANK = 8
LEAST_RELATIVE_COST = 0.05
"""Of its mean: no candidate is expected to be cheaper than this on any sample."""


class FlagshipRouterConfig(EstimatingRouterConfig):
    """Configuration of a flagship router.

    Args:
        memory_size: number of remembered training samples.
        neighbor_counts: numbers of neighbours that guess.
        ranks: numbers of linear directions that guess.
        strength: of the linear member's penalty, as a multiple of the number of samples.
        kwargs: the shared part.
    """

    model_type = "vlrouter-flagship"
    _auto_class = "AutoConfig"

    def __init__(
        self,
        memory_size: int = 0,
        neighbor_counts: list[int] | None = None,
        ranks: list[int] | None = None,
        strength: float = STRENGTH,
        **kwargs: Any,
    ) -> None:
        self.memory_size = memory_size
        self.neighbor_counts = neighbor_counts or list(NEIGHBOR_COUNTS)
        self.ranks = ranks or list(RANKS)
        self.strength = strength
        super().__init__(**kwargs)


class FlagshipRouter(CalibratedRouter):
    """Estimates are a calibrated stack of neighbours and linear directions."""

    config_class = FlagshipRouterConfig
    _auto_class = "AutoModel"
    title = "Flagship"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": Recipe(cost_weights=())}

    def __init__(self, config: FlagshipRouterConfig) -> None:
        super().__init__(config)
        self.neighbors, self.linear, self.costs = self._members(config.memory_size)
        num_guesses = len(config.neighbor_counts) + len(config.ranks)
        self.mean_quality = frozen(self.num_candidates)
        self.weights = frozen(2 * num_guesses)
        self.curve = frozen(2, self.num_candidates)
        self.out_of_fold: Estimates | None = None
        self.post_init()

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, Any]:
        """As many memories as training samples."""
        return {"memory_size": len(training_set.features)}

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Fit the members without each fold, then the stack and its calibration, then the members on everything."""
        super().fit(training_set)
        features, quality = training_set.features, training_set.quality
        self.mean_quality.copy_(quality.double().nanmean(dim=0).nan_to_num(0.0))
        deviations = quality - self.mean_quality
        unit = self.mean_cost.double().clamp(min=torch.finfo(torch.float32).tiny)
        dearness = training_set.cost / unit - 1
        groups = training_set.groups
        folds = fold_of(torch.arange(len(features)) if groups is None else groups, seed=training_set.seed)
        guesses: torch.Tensor | None = None
        relative = torch.zeros_like(quality)
        for fold in range(NUM_FOLDS):
            left = folds == fold
            if not left.any() or left.all():
                continue
            members = self._members(int((~left).sum()))
            self._fit_members(members, features[~left], deviations[~left], dearness[~left])
            found = self._guesses(members, features[left])
            if guesses is None:
                guesses = torch.zeros(len(features), *found.shape[1:])
            guesses[left] = found
            relative[left] = members[2].guesses(features[left])[:, :, 0]
        self._fit_members((self.neighbors, self.linear, self.costs), features, deviations, dearness)
        if guesses is None:
            guesses = self._guesses((self.neighbors, self.linear, self.costs), features)
        self.weights.copy_(stack_weights(guesses, deviations))
        self.curve.copy_(calibration_curve(self._quality(guesses), quality))
        accuracy = calibrated(self._quality(guesses), self.curve)
        self.out_of_fold = Estimates(accuracy, self._cost(relative))

    def estimates(self, features: torch.Tensor) -> Estimates:
        """As the base's."""
        guesses = self._guesses((self.neighbors, self.linear, self.costs), features)
        accuracy = calibrated(self._quality(guesses), self.curve)
        known = min(max(self.config.neighbor_counts), max(self.config.memory_size, 1))
        error = (accuracy * (1 - accuracy) / known).sqrt()
        return Estimates(accuracy, self._cost(self.costs.guesses(features)[:, :, 0]), error)

    def out_of_fold_scores_for(self, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor] | None:
        """As the base's, while the router that was fitted is in memory."""
        if self.out_of_fold is None:
            return None
        made = self.out_of_fold
        return (made.accuracy - setting["usd_weight"] * made.cost_usd - self.handicap for setting in settings)

    def _members(self, memory_size: int) -> tuple[NeighborMember, LinearMember, LinearMember]:
        """Members before they are fitted: two that guess quality, and one that guesses cost."""
        config, dim, width = self.config, self.feature_dim, self.num_candidates
        return (
            NeighborMember(memory_size, dim, width, config.neighbor_counts),
            LinearMember(dim, width, config.ranks, config.strength),
            LinearMember(dim, width, [COST_RANK], config.strength),
        )

    def _fit_members(
        self,
        members: tuple[NeighborMember, LinearMember, LinearMember],
        features: torch.Tensor,
        deviations: torch.Tensor,
        dearness: torch.Tensor,
    ) -> None:
        members[0].fit(features, deviations)
        members[1].fit(features, deviations)
        members[2].fit(features, dearness)

    def _guesses(
        self, members: tuple[NeighborMember, LinearMember, LinearMember], features: torch.Tensor
    ) -> torch.Tensor:
        """Deviations of quality, (num_samples, num_candidates, num_guesses)."""
        return torch.cat([members[0].guesses(features), members[1].guesses(features)], dim=2)

    def _quality(self, guesses: torch.Tensor) -> torch.Tensor:
        return self.mean_quality + stacked(guesses, self.weights)

    def _cost(self, dearness: torch.Tensor) -> torch.Tensor:
        return (1 + dearness).clamp(min=LEAST_RELATIVE_COST) * self.mean_cost

"""The base of families that estimate quality and cost apart and decide by quality - usd_weight * cost.

Decisions
- With true probabilities this is the best form a policy can have (benchmark's section 2), so one estimate serves every
  trade-off; the weight is chosen on validation by Rank Score and saved.
- Weights are tried as multiples of one over the mean cost of the most expensive candidate: the unit of cost does not
  matter. The heaviest is tried first, so that of trade-offs that validation cannot tell apart the cheapest is kept.
- Estimates are not calibrated here: such a family refuses a budget in a request (`calibrated.py` is for those that
  accept one).
- A candidate that train never measured has a penalty that no estimate makes up for.
- A family without a cost model of its own takes each candidate's mean cost on train.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.familiarity import unfamiliarities
from vlrouterbench.routers.base.learning import Recipe, Setting, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, frozen

LEAST_COST = 1e-35
"""In the place of 0 USD: every trade-off over it is still a number that a budget takes."""
TRADE_OFFS = (30.0, 10.0, 5.0, 3.0, 2.0, 1.5, 1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.0)
"""Accuracy that asking the most expensive candidate instead of a free one must gain."""
UNMEASURED_PENALTY = 1000.0
"""Of a candidate that train never measured, in the unit of scores."""


class EstimatingRouterConfig(RouterConfig):
    """Configuration of a family that estimates.

    Args:
        usd_weight: accuracy that one USD must buy.
        kwargs: the shared part.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"usd_weight": (0, 1e300)}

    def __init__(self, usd_weight: float = 0.0, **kwargs: Any) -> None:
        self.usd_weight = usd_weight
        super().__init__(**kwargs)


class EstimatingRouter(PreTrainedRouter):
    """Scores are estimated quality less the weighted cost."""

    config: EstimatingRouterConfig
    config_class: type[RouterConfig] = EstimatingRouterConfig
    out_of_fold: Estimates | None = None
    """Of training samples, by what was learnt without their groups; of families that make some, after `fit`."""
    held_out_estimates: Estimates | None = None
    """Of validation, where these are others than `estimates` gives: calibrated without each sample's fold."""
    out_of_fold_rows: torch.Tensor | None = None
    """Of which training samples they are, (num_sampled,) int64, where these are not all."""

    def __init__(self, config: EstimatingRouterConfig) -> None:
        super().__init__(config)
        self.mean_cost = frozen(self.num_candidates)
        # The candidates' penalties; the name is that of the tensor in saved routers.
        self.handicap = frozen(self.num_candidates)

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Learn the candidates' mean costs, and which were never measured."""
        self.mean_cost.copy_(training_set.mean_cost)
        never = training_set.quality.isnan().all(dim=0) | training_set.cost.isnan().all(dim=0)
        self.handicap.copy_(UNMEASURED_PENALTY * never)

    def complete(
        self, training_set: TrainingSet, features: Any, quality: torch.Tensor, groups: torch.Tensor
    ) -> Estimates | None:
        """Learn what follows the best epoch of a gradient family; nothing here.

        Args:
            training_set: what it learnt from.
            features: of held-out samples.
            quality: theirs, (num_samples, num_candidates), NaN = not measured.
            groups: (num_samples,) int64: number of each one's group of near-duplicates.

        Returns:
            Estimates of the held-out samples that its trade-off is chosen by; None to ask it as it then is.
        """
        return None

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quality (num_samples, num_candidates) and cost (USD per sample, that shape or (num_candidates,))."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Estimated quality - usd_weight * cost, (num_samples, num_candidates)."""
        return self._utility(*self.estimate(features))

    def _utility(self, quality: torch.Tensor, cost: torch.Tensor) -> torch.Tensor:
        """Utility of estimates at the configuration's trade-off."""
        return quality - self.config.usd_weight * cost - self.handicap

    @torch.no_grad()
    def decide_one(
        self, features: torch.Tensor, candidates: Sequence[str] | None = None, **budget: float | None
    ) -> RoutingDecision:
        """As the base's, with how unlike the training samples the request is."""
        return replace(super().decide_one(features, candidates, **budget), unfamiliar=self.unfamiliarity(features))

    def unfamiliarity(self, features: torch.Tensor) -> float | None:
        """How unlike the training samples a sample is, 0 to 1, by features (1, dim); see `familiarity.py`."""
        scores = unfamiliarities(features, self.held_out, self.encoder)
        return None if scores is None else float(scores[0])

    def estimates(self, features: torch.Tensor) -> Estimates:
        """As `estimate`, every candidate's cost for every sample."""
        quality, cost = self.estimate(features)
        return Estimates(quality, cost.expand_as(quality))

    def of_pool(self, made: Estimates) -> Estimates:
        """Estimates for the candidates of training, as those of the pool as it is now."""
        return made

    def utility_at(self, made: Estimates, usd_weight: float) -> torch.Tensor:
        """Scores (num_samples, num_candidates) that estimates lead to at a trade-off."""
        return made.accuracy - usd_weight * made.cost_usd - self.handicap

    @property
    def largest_mean_cost(self) -> float:
        """Mean cost of the most expensive candidate, USD per sample, above 0."""
        return max(float(self.mean_cost.max()), LEAST_COST)

    def decision_settings(self, recipe: Recipe) -> list[Setting]:
        """The recipe's own settings, each with every trade-off unless the recipe fixes it."""
        settings = super().decision_settings(recipe)
        if "usd_weight" in recipe.fixed:
            return settings
        unit = self.largest_mean_cost
        return [{**setting, "usd_weight": part / unit} for setting in settings for part in TRADE_OFFS]

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """As the base's; estimates are made once for settings that differ in the trade-off alone."""
        made_with: Setting | None = None
        for setting in settings:
            self.config.update(dict(setting))
            others = {name: value for name, value in setting.items() if name != "usd_weight"}
            if others != made_with:
                made_with, (quality, cost) = others, self.estimate(features)
            yield self._utility(quality, cost)

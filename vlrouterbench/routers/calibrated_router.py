"""The base of families whose estimates may be taken at their word: one checkpoint for every budget.

Decisions
- `estimates` is the one thing such a family adds; `score`, `route` and every budget follow from it.
- Without a budget in the request, the weight that was best on validation decides.
- A candidate that train never measured is never chosen by estimates; it can be asked for by name alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from .budgets import Budget, Estimates
from .decision import RoutingDecision, considered
from .estimating_router import EstimatingRouter
from .explaining import reason


class CalibratedRouter(EstimatingRouter):
    """Decides under any budget by calibrated estimates."""

    calibrated = True

    def estimates(self, features: torch.Tensor) -> Estimates:
        """Calibrated estimates for features (num_samples, dim)."""
        raise TypeError(f"{type(self).__name__} is a base of families: load one of them.")

    def caution(self, made: Estimates, asked: Budget) -> torch.Tensor | float:
        """What is taken off scores (num_samples, num_candidates) because estimates are uncertain; nothing here."""
        return 0.0

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """What estimates are worth at the configuration's trade-off, (num_samples, num_candidates)."""
        return self.worth(self.estimates(features), Budget(usd_weight=self.config.usd_weight))

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """As the base's; estimates are made once, since settings change what they are worth alone."""
        made = self.estimates(features)
        for setting in settings:
            self.config.update(dict(setting))
            yield self.worth(made, Budget(usd_weight=self.config.usd_weight))

    def worth(self, made: Estimates, asked: Budget) -> torch.Tensor:
        """Scores (num_samples, num_candidates) of estimates under a budget: the largest of a row is the decision."""
        return asked.scores(made) - self.handicap - self.caution(made, asked)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Accuracy and cost (USD per sample), each (num_samples, num_candidates)."""
        made = self.estimates(features)
        return made.accuracy, made.cost_usd

    @torch.no_grad()
    def decide_one(
        self, features: torch.Tensor, candidates: Sequence[str] | None = None, **budget: float | None
    ) -> RoutingDecision:
        """As the base's, with estimates, under any budget."""
        self.check_budget(budget)
        given = any(value is not None for value in budget.values())
        asked = Budget(**budget) if given else Budget(usd_weight=self.config.usd_weight)
        made = self.estimates(features.to(self.device))
        scores = self.worth(made, asked)
        chosen = int(self.choose(scores, candidates)[0])
        target_met = asked.met(float(made.accuracy[0, chosen]), float(made.cost_usd[0, chosen]))
        names = self.config.candidate_names
        places = considered(names, candidates)

        def by_name(values: torch.Tensor) -> dict[str, float]:
            return {names[place]: float(values[0, place]) for place in places}

        accuracy, cost = by_name(made.accuracy), by_name(made.cost_usd)
        return RoutingDecision(
            candidate=names[chosen],
            score=by_name(scores),
            estimated_accuracy=accuracy,
            estimated_cost_usd=cost,
            usd_weight=asked.usd_weight,
            standard_error=None if made.standard_error is None else by_name(made.standard_error),
            target_met=target_met,
            reason=reason(names[chosen], accuracy, cost, asked),
        )

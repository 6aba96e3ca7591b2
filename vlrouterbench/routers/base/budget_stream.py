"""An average budget over a stream: one weight per sample, corrected by what was spent so far.

Decisions
- The weight is read off a curve of what each weight would spend on the router's own training samples, with the pool and
  prices as they are now.
- What was under- or overspent is to be given back over the next `HORIZON` samples: the running mean is steered towards
  the budget, and one expensive sample does not starve the next. It is no bound: where samples stay dearer than those of
  training, the mean stays above the budget.
- Spending counts as expected, until the caller reports what was measured (`spent`).
"""

from __future__ import annotations

from typing import Any

import torch

from vlrouterbench.routers.base.decision import Budget, BudgetError, RoutingDecision

HORIZON = 50
CURVE_SAMPLES = 500
CURVE_STEPS = 40


class BudgetStream:
    """Decides on one sample after another.

    Args:
        router: any with an open pool.
        average_cost_usd: what one sample may cost on average, USD.

    Raises:
        BudgetError: no sensible budget, or less than the cheapest decisions cost.
    """

    def __init__(self, router: Any, average_cost_usd: float) -> None:
        if not 0 < average_cost_usd < float("inf"):
            raise BudgetError(f"average_cost_usd: expected a number above 0, found {average_cost_usd}.")
        self.router, self.average_cost_usd = router, average_cost_usd
        self.num_samples, self.total_cost_usd = 0, 0.0
        self._curve = spending_curve(router)
        least = self._curve[0][0]
        if average_cost_usd < least:
            raise BudgetError(
                f"average_cost_usd: {average_cost_usd:.3g} USD per sample is less than the cheapest decisions cost on "
                f"training samples, {least:.3g}. Raise the budget, or add a cheaper candidate."
            )

    @property
    def usd_weight(self) -> float:
        """The weight of the next decision."""
        allowed = self.average_cost_usd * (self.num_samples + HORIZON) - self.total_cost_usd
        return weight_for(self._curve, allowed / HORIZON)

    def decide_one(self, features: torch.Tensor) -> RoutingDecision:
        """The next decision, on features (1, dim)."""
        return self._counted(self.router.decide_one(features, usd_weight=self.usd_weight))

    def route(self, question: str | None = None, image: Any = None, **options: Any) -> RoutingDecision:
        """The next decision, on a question and an image or `messages`, with the router's own options."""
        return self._counted(self.router.route(question, image, usd_weight=self.usd_weight, **options))

    def spent(self, expected_usd: float, measured_usd: float) -> None:
        """Replace the expected cost of an answer by the measured one."""
        self.total_cost_usd += measured_usd - expected_usd

    def _counted(self, decision: RoutingDecision) -> RoutingDecision:
        self.num_samples += 1
        # A router with an open pool expects a cost of every candidate.
        self.total_cost_usd += decision.estimated_cost_usd[decision.candidate] or 0.0
        return decision


@torch.no_grad()
def spending_curve(router: Any) -> list[tuple[float, float]]:
    """(mean expected cost in USD per sample, usd_weight), from the heaviest weight to none, on training samples."""
    rows, _ = router.remembered
    step = max(1, len(rows) // CURVE_SAMPLES)
    made = router.estimates_of_rows(rows[::step])
    largest_mean_cost = float(made.cost_usd.mean(dim=0).max())
    # From "a hundred times the largest mean cost of a candidate for all accuracy" down to nearly free.
    weights = [*torch.logspace(2, -3, CURVE_STEPS).div(max(largest_mean_cost, 1e-12)).tolist(), 0.0]
    curve = []
    for weight in weights:
        chosen = router.choose(router.utility(made, Budget(usd_weight=weight))).unsqueeze(1)
        curve.append((float(made.cost_usd.gather(1, chosen).mean()), weight))
    return curve


def weight_for(curve: list[tuple[float, float]], cost_usd: float) -> float:
    """The lightest weight of a curve whose decisions cost no more than that; the heaviest where none does."""
    fitting = [weight for cost, weight in curve if cost <= cost_usd]
    return min(fitting) if fitting else curve[0][1]

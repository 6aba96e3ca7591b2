"""What decisions at each weight cost on average, as a router expects of its own training samples.

Decisions
- The router is asked as it is now, so the curve knows its pool and prices of today.
"""

from __future__ import annotations

from typing import Any

import torch

from vlrouterbench.routers.base.budget import Budget

CURVE_SAMPLES = 500
CURVE_STEPS = 40


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

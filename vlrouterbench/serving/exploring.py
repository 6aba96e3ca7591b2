"""Asking another candidate than the best one now and then, so that a log says what the others would have been worth.

Decisions
- Drawn with equal chances among all that the request's budget and the endpoints allow, the best one included, so that
  each has a known probability above 0.
- Whoever is drawn comes first; should it fail, the others follow in their own order.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from vlrouterbench.routers.base.decision import RoutingDecision


def affordable(order: Sequence[str], decision: RoutingDecision, budget: Mapping[str, float]) -> list[str]:
    """Those of some candidates that keep to a budget by the decision's estimates; the first one always counts."""
    most, least = budget.get("max_cost_usd"), budget.get("min_accuracy")
    kept = []
    for place, name in enumerate(order):
        cost, accuracy = decision.ceiling_cost_usd.get(name), (decision.estimated_accuracy or {}).get(name)
        is_dear = most is not None and (cost is None or cost > most)
        is_weak = least is not None and (accuracy is None or accuracy < least)
        if place == 0 or not (is_dear or is_weak):
            kept.append(name)
    return kept


def explored(order: Sequence[str], allowed: Sequence[str], share: float) -> tuple[tuple[str, ...], float, bool]:
    """The order in which to ask, the probability that its first candidate had, and whether it was drawn.

    Args:
        order: candidates, the best first.
        allowed: those that may be drawn, the best among them.
        share: of requests that are drawn, 0 to 1.
    """
    is_drawn = random.random() < share
    first = random.choice(allowed) if is_drawn else order[0]
    propensity = share / len(allowed) + (1 - share if first == order[0] else 0.0)
    return (first, *(name for name in order if name != first)), propensity, is_drawn

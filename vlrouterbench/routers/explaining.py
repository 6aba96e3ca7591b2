"""Why a decision fell as it did, in one plain sentence or two."""

from __future__ import annotations

from collections.abc import Mapping

from .budgets import Budget

PER_10K = 10_000


def reason(
    chosen: str,
    accuracy: Mapping[str, float],
    cost_usd: Mapping[str, float],
    budget: Budget,
) -> str:
    """What the chosen candidate promises, and why not the most accurate other one.

    Args:
        chosen: name of the decision.
        accuracy: estimated probability of a correct answer per considered candidate.
        cost_usd: expected cost per considered candidate, USD per sample.
        budget: what the request asked for.
    """
    said = f"{chosen} is expected to be right with {_chance(accuracy[chosen])} at {_price(cost_usd[chosen])}"
    others = [name for name in accuracy if name != chosen]
    if not others:
        return f"{said}; no other candidate was considered."
    rival = max(others, key=lambda name: accuracy[name])
    gain, extra = accuracy[rival] - accuracy[chosen], cost_usd[rival] - cost_usd[chosen]
    if budget.min_accuracy is not None and accuracy[chosen] < budget.min_accuracy:
        return f"{said}: no candidate reaches {budget.min_accuracy:.1%}, and this is the most accurate."
    if gain <= 0:
        return f"{said}: none of the {len(others)} others is expected to do better{_dearer(extra)}."
    named = f"{rival} promises {_chance(accuracy[rival])} at {_price(cost_usd[rival])}"
    if budget.max_cost_usd is not None:
        return f"{said}; {named}, above the budget of {_price(budget.max_cost_usd)}."
    if budget.min_accuracy is not None:
        return f"{said}, the cheapest that reaches {budget.min_accuracy:.1%}; {named}."
    if extra <= 0:
        # A guard alone decides so.
        return f"{said}; {named}, a lead too uncertain to leave it for."
    return f"{said}; {named}: {100 * gain:.1f} points more for {_price(extra)} more, which is not worth it here."


def _chance(probability: float) -> str:
    return f"{probability:.1%}"


def _price(usd: float) -> str:
    return f"${PER_10K * usd:.3g} per 10K"


def _dearer(extra: float) -> str:
    return ", and the best of them costs more" if extra > 0 else ""

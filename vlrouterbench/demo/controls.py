"""The one slider, and the budgets beside it: what a visitor sets -> what a router is asked for.

Decisions
- The slider runs over accuracy per dollar on a logarithmic scale, in units of the dearest candidate's mean cost: its
  middle means the same for every pool. Its ends are exact: nothing but cost, nothing but accuracy.
- It starts where the router's own choice on validation lies.
- People enter USD per 10,000 questions, as everywhere in this package; one answer costs fractions of a cent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.limits import DemoError

TRADE_OFF, CEILING, FLOOR = "Trade-off", "Budget", "Target"
KINDS = (TRADE_OFF, CEILING, FLOOR)
CHEAPEST, MOST_ACCURATE = 0, 100
_HEAVIEST, _LIGHTEST = 100.0, 0.005
"""Accuracy that asking the dearest candidate instead of a free one must gain, at the two ends of the scale."""
_COST_ALONE = 1e9


@dataclass(frozen=True)
class Wish:
    """How a visitor wants accuracy traded against cost.

    Attributes:
        kind: one of KINDS.
        position: of the slider, 0 (cheapest) to 100 (most accurate).
        usd_per_10k: most that 10,000 answers may cost, USD.
        percent: least chance of a correct answer, 0 to 100.
    """

    kind: str = TRADE_OFF
    position: float = 50.0
    usd_per_10k: float | None = None
    percent: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the number that the kind needs was given."""
        return {CEILING: self.usd_per_10k, FLOOR: self.percent}.get(self.kind, self.position) is not None

    def budget(self, router: PreTrainedRouter) -> dict[str, float]:
        """Keyword arguments of `decide_one`; none for a router without calibrated estimates.

        Raises:
            DemoError: the number that the kind needs was not given.
        """
        if not router.calibrated:
            return {}
        if self.kind == CEILING:
            return {"max_cost_usd": _given(self.usd_per_10k, "dollar budget") / SAMPLES_PER_COST_UNIT}
        if self.kind == FLOOR:
            return {"min_accuracy": _given(self.percent, "accuracy target") / 100}
        return {"usd_weight": weight_at(_given(self.position, "slider"), dearest_usd(router))}


def dearest_usd(router: PreTrainedRouter) -> float:
    """Mean cost of the dearest candidate on the training split, USD per sample."""
    known = [entry["mean_cost_usd"] for entry in router.config.candidates]
    return max([cost for cost in known if cost] or [1.0])


def weight_at(position: float, dearest: float) -> float:
    """Accuracy per USD at a position of the slider.

    Args:
        position: 0 to 100.
        dearest: see `dearest_usd`.
    """
    if not CHEAPEST <= position <= MOST_ACCURATE:
        raise DemoError(f"The slider goes from {CHEAPEST} to {MOST_ACCURATE}, found {position}.")
    if position == MOST_ACCURATE:
        return 0.0
    if position == CHEAPEST:
        return _COST_ALONE / dearest
    return _HEAVIEST * (_LIGHTEST / _HEAVIEST) ** (position / MOST_ACCURATE) / dearest


def position_of(weight: float, dearest: float) -> int:
    """The position of the slider that is nearest to a weight."""
    part = weight * dearest
    if part <= 0:
        return MOST_ACCURATE
    share = math.log(part / _HEAVIEST) / math.log(_LIGHTEST / _HEAVIEST)
    return round(min(1.0, max(0.0, share)) * MOST_ACCURATE)


def _given(value: float | None, what: str) -> float:
    if value is None or not math.isfinite(value):
        raise DemoError(f"Enter a number for the {what}.")
    return float(value)

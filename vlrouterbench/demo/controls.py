"""The slider and the budgets beside it: a visitor's preference -> the budget of a request to the router.

Decisions
- The slider sets accuracy per dollar on a logarithmic scale, in units of the most expensive candidate's mean cost: its
  middle means the same for every pool. Its ends are exact: cost alone, accuracy alone.
- It starts at the trade-off that the router chose on validation.
- People enter USD per 10,000 questions, as everywhere in this package; one answer costs fractions of a cent.
- An objective is followed as `route --objective` follows it: by a trade-off that is chosen on samples that the router
  did not learn from, among the candidates that are left. What cannot be kept leads to no choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.demo.errors import DemoError, NobodyFitsError
from vlrouterbench.metrics.objectives import ACCURACY, ACCURACY_SHARE, BUDGET, RANK_SCORE, Goal, Objective
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.rechoosing import Choice, choose_trade_off

TRADE_OFF, CEILING, FLOOR, OBJECTIVE = "Trade-off", "Budget", "Target", "Objective"
KINDS = (TRADE_OFF, CEILING, FLOOR, OBJECTIVE)
KEEP_SHARE = "share of best accuracy"
OBJECTIVES = {
    KEEP_SHARE: ACCURACY_SHARE,
    "average budget": BUDGET,
    "best Rank Score": RANK_SCORE,
    "highest accuracy": ACCURACY,
}
"""What a visitor may want over many questions, in words -> the kind of objective."""
AMOUNTS = {
    ACCURACY_SHARE: ("At least, %", 100, 95.0),
    BUDGET: ("At most, USD per 10K", SAMPLES_PER_COST_UNIT, None),
}
"""Kind of objective that has a number -> its label, how many of it are one of the objective's own, where it starts."""
_CHOICES_KEPT = 64
CHEAPEST, MOST_ACCURATE = 0, 100
_HEAVIEST, _LIGHTEST = 100.0, 0.005
"""Accuracy that the most expensive candidate must gain over a free one to be chosen, at the two ends of the scale."""
_COST_ALONE = 1e9


@dataclass(frozen=True)
class Preference:
    """How a visitor wants accuracy traded against cost.

    Attributes:
        kind: one of KINDS.
        position: position of the slider, 0 (cheapest) to 100 (most accurate).
        usd_per_10k: most that 10,000 answers may cost, USD.
        percent: least chance of a correct answer, 0 to 100.
        objective: one of OBJECTIVES.
        amount: its number, in the unit of AMOUNTS.
    """

    kind: str = TRADE_OFF
    position: float = 50.0
    usd_per_10k: float | None = None
    percent: float | None = None
    objective: str = KEEP_SHARE
    amount: float | None = 95.0

    @property
    def is_complete(self) -> bool:
        """Whether the number that this kind needs was entered."""
        needed = {CEILING: self.usd_per_10k, FLOOR: self.percent, OBJECTIVE: self.amount}
        if self.kind == OBJECTIVE and OBJECTIVES.get(self.objective) not in AMOUNTS:
            return True
        return needed.get(self.kind, self.position) is not None

    def budget(self, router: PreTrainedRouter, candidates: Sequence[str] | None = None) -> dict[str, float]:
        """The budget as `PreTrainedRouter.decide_one` takes it; none for a router without calibrated estimates.

        Args:
            router: that decides.
            candidates: names to choose from, which an objective depends on; None for the whole pool.

        Raises:
            DemoError: the number that this kind needs was not entered, or makes no sense.
            NobodyFitsError: the objective cannot be kept; the message says what can.
            RouterError: the router keeps nothing to choose a trade-off by.
        """
        if not router.calibrated:
            return {}
        if self.kind == CEILING:
            return {"max_cost_usd": _entered(self.usd_per_10k, "dollar budget") / SAMPLES_PER_COST_UNIT}
        if self.kind == FLOOR:
            return {"min_accuracy": _entered(self.percent, "accuracy target") / 100}
        if self.kind == OBJECTIVE:
            names = router.config.candidate_names if candidates is None else candidates
            choice = _choice(router, self.wanted, tuple(names))
            if choice.note:
                raise NobodyFitsError(choice.note)
            return {"usd_weight": choice.usd_weight}
        return {"usd_weight": weight_at(_entered(self.position, "slider"), highest_cost_usd(router))}

    @property
    def wanted(self) -> Objective:
        """The objective.

        Raises:
            DemoError: there is none of that name, or its number was not entered.
        """
        kind = OBJECTIVES.get(self.objective)
        if kind is None:
            raise DemoError(f"Choose one of the objectives: {'; '.join(OBJECTIVES)}.")
        if kind not in AMOUNTS:
            return Objective(kind)
        label, unit, _ = AMOUNTS[kind]
        return Objective(kind, _entered(self.amount, f"objective: {label}") / unit)


@lru_cache(maxsize=_CHOICES_KEPT)
def _choice(router: PreTrainedRouter, objective: Objective, candidates: tuple[str, ...]) -> Choice:
    return choose_trade_off(router, Goal(objective), list(candidates))


def start_position(router: PreTrainedRouter) -> int:
    """Where the slider starts: at the router's own trade-off."""
    return position_of(getattr(router.config, "usd_weight", 0.0), highest_cost_usd(router))


def highest_cost_usd(router: PreTrainedRouter) -> float:
    """Mean cost of the most expensive candidate on the training split, USD per sample."""
    costs = [entry.get("mean_cost_usd") for entry in router.config.candidates]
    return max([cost for cost in costs if cost] or [1.0])


def weight_at(position: float, highest_cost: float) -> float:
    """Accuracy per USD at a position of the slider.

    Args:
        position: 0 to 100.
        highest_cost: see `highest_cost_usd`.
    """
    if not CHEAPEST <= position <= MOST_ACCURATE:
        raise DemoError(f"The slider goes from {CHEAPEST} to {MOST_ACCURATE}, found {position}.")
    if position == MOST_ACCURATE:
        return 0.0
    if position == CHEAPEST:
        return _COST_ALONE / highest_cost
    return _HEAVIEST * (_LIGHTEST / _HEAVIEST) ** (position / MOST_ACCURATE) / highest_cost


def position_of(weight: float, highest_cost: float) -> int:
    """The position of the slider that is nearest to a weight."""
    gain = weight * highest_cost
    if gain <= 0:
        return MOST_ACCURATE
    share = math.log(gain / _HEAVIEST) / math.log(_LIGHTEST / _HEAVIEST)
    return round(min(1.0, max(0.0, share)) * MOST_ACCURATE)


def _entered(value: float | None, what: str) -> float:
    if value is None or not math.isfinite(value):
        raise DemoError(f"Enter a number for the {what}.")
    return float(value)

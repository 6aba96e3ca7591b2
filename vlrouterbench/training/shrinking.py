"""How much of what estimates say of a single sample counts at a router's own trade-off, by held-out outcomes.

Where features hardly tell candidates apart, the best of many noisy estimates is a candidate that chance favours, and
the router falls below the best static mixture. Drawn towards the candidates' means, estimates leave to choose between
two neighbours on the mean frontier, as the mixture does, and only in their order is there anything to lose.

Decisions
- Every share has the trade-off that it is expected to do best at. Shares are then compared by what was measured on
  held-out samples (validation, and train out of fold): expectations speak for themselves.
- The largest share counts whose gain over the smallest exceeds one standard error, the smallest where none does: the
  one-standard-error rule (Breiman et al., Classification and Regression Trees, 1984), with the mixture's nearest
  relative in the place of the simplest tree. At 0 a router could not mix two candidates, so the smallest share is not.
- The standard error is that of the paired difference, over groups of near-duplicates: the gain in Rank Score to first
  order is a mean over samples of the difference in quality and in cost, each times the Rank Score's slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.flagship.modeling_flagship import FlagshipRouter
from vlrouterbench.training.held_out import HeldOut, averages
from vlrouterbench.training.margins import standard_error

SHARES = (0.05, 0.25, 0.5, 0.75)
"""Tried below 1, the smallest first."""
_STEP = 1e-3
"""Of accuracy, and of cost as a share of it, that slopes are taken over."""
Outcomes = tuple[np.ndarray, np.ndarray]
"""Quality and cost (USD per sample) of decisions, (num_samples,) each."""


@dataclass(frozen=True)
class OwnTradeOff:
    """A trade-off, and how much of what estimates say of a single sample counts there.

    Attributes:
        usd_weight: accuracy that one USD must buy.
        share: 0 to 1.
        value: expected on held-out samples, in the goal's unit.
    """

    usd_weight: float
    share: float
    value: float


@torch.no_grad()
def shrunk(
    router: FlagshipRouter,
    kept: HeldOut,
    goal: Goal,
    full: OwnTradeOff,
    weights: Sequence[float],
    candidates: Sequence[str] | None = None,
) -> OwnTradeOff:
    """The trade-off at which as much counts as held-out outcomes bear out.

    Args:
        router: whose estimates they are.
        kept: of it.
        goal: Rank Score.
        full: the best trade-off where all of it counts.
        weights: trade-offs to try below that.
        candidates: names to choose from, None for the whole pool.
    """
    found: dict[OwnTradeOff, Outcomes] = {}
    for share in SHARES:
        drawn = replace(kept, made=router.drawn(kept.made, share))
        best = _expected_best(router, drawn, goal, weights, candidates)
        found[replace(best, share=share)] = _outcomes(router, drawn, best.usd_weight, candidates)
    found[full] = _outcomes(router, kept, full.usd_weight, candidates)
    (least, base), *others = found.items()
    proven = [one for one, outcomes in others if exceeds(goal, outcomes, base, kept.groups)]
    return max(proven, key=lambda one: one.share, default=least)


def exceeds(goal: Goal, outcomes: Outcomes, base: Outcomes, groups: np.ndarray) -> bool:
    """Whether outcomes are better than others on the same samples by more than one standard error of the difference.

    Args:
        goal: what they are judged by.
        outcomes: of some decisions.
        base: of others.
        groups: (num_samples,); samples of one group count as one.
    """
    (quality, cost), (other, other_cost) = outcomes, base
    gain = goal.merit(quality.mean(), cost.mean()) - goal.merit(other.mean(), other_cost.mean())
    by_quality, by_cost = _slopes(goal, (quality.mean() + other.mean()) / 2, (cost.mean() + other_cost.mean()) / 2)
    differences = by_quality * (quality - other) + by_cost * (cost - other_cost)
    return bool(gain > standard_error(differences, groups))


def _slopes(goal: Goal, accuracy: float, cost: float) -> tuple[float, float]:
    """How a goal's figure rises with accuracy and with cost (USD per sample), at averages."""
    inner = min(max(accuracy, _STEP), 1 - _STEP)
    step = _STEP * cost or np.finfo(float).tiny
    by_quality = (goal.merit(inner + _STEP, cost) - goal.merit(inner - _STEP, cost)) / (2 * _STEP)
    by_cost = (goal.merit(inner, cost + step) - goal.merit(inner, cost - step)) / (2 * step)
    return float(by_quality), float(by_cost)


def _expected_best(
    router: FlagshipRouter, kept: HeldOut, goal: Goal, weights: Sequence[float], candidates: Sequence[str] | None
) -> OwnTradeOff:
    judged = []
    for weight in weights:
        chosen = router.choose(router.utility_at(kept.made, weight), candidates)
        judged.append(OwnTradeOff(weight, 1.0, float(goal.merit(*averages(kept, chosen, goal, 0)))))
    return max(judged, key=lambda one: one.value)


def _outcomes(router: FlagshipRouter, kept: HeldOut, weight: float, candidates: Sequence[str] | None) -> Outcomes:
    chosen = router.choose(router.utility_at(kept.made, weight), candidates).cpu().numpy()
    return chosen_values(kept.quality, chosen), chosen_values(kept.cost, chosen)

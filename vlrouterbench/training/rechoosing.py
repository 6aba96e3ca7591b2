"""Choosing the trade-off of a trained router anew for another objective, without training and without the scored split.

Decisions
- A router that estimates keeps what it estimated of samples that it did not learn from, and what was measured there:
  validation, and, of a family with out-of-fold estimates, the train split. For Rank Score the choice is the one that
  training makes.
- A share of accuracy and a budget are kept with CONFIDENCE: the one-sided bound of the slack, by the spread of
  outcomes over groups of near-duplicates, must lie on the right side (`training/margins.py`). Trade-offs are tested
  from the most accurate (for a budget the cheapest) on, up to the first that fails, so that trying many does not spoil
  it (fixed-sequence testing, as in Learn then Test, arXiv 2110.01052). `usd-weight` and `accuracy` state the trade-off
  themselves.
- What cannot be met leads to the nearest that can be had, and is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
import torch

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.objectives import ACCURACY, ACCURACY_SHARE, BUDGET, RANK_SCORE, USD_WEIGHT, Goal
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.flagship.modeling_flagship import FlagshipRouter
from vlrouterbench.training.held_out import HeldOut, averages, held_out_now
from vlrouterbench.training.margins import CONFIDENCE
from vlrouterbench.training.shrinking import OwnTradeOff, shrunk

_FINE = (*(30.0 * 0.95**step for step in range(220)), 0.0)
"""Trade-offs that are tried for a share or a budget, in the unit of `estimating.TRADE_OFFS`."""


@dataclass(frozen=True)
class Choice:
    """A trade-off that was chosen.

    Attributes:
        usd_weight: accuracy that one USD must buy.
        value: what it was chosen by, on held-out samples.
        share: how much of what estimates say of a single sample counts there (`shrinking.py`).
        note: what the objective comes to there, where that is not as asked for; else empty.
    """

    usd_weight: float
    value: float
    note: str = ""
    share: float = 1.0


def can_rechoose(router: PreTrainedRouter, goal: Goal) -> bool:
    """Whether a router's trade-off can be chosen for a goal without training."""
    if not isinstance(router, EstimatingRouter):
        return False
    return goal.objective.kind in (USD_WEIGHT, ACCURACY) or held_out_now(router) is not None


def trained_for(router: PreTrainedRouter) -> str:
    """The objective that a router's settings were chosen for."""
    return str(router.config.training.get("objective", RANK_SCORE))


def own_trade_off(router: PreTrainedRouter) -> dict[str, float]:
    """The fields that `rechoose` sets, as they are; none of a family with one trade-off."""
    return {name: getattr(router.config, name) for name in ("usd_weight", "share") if hasattr(router.config, name)}


def rechoose(router: PreTrainedRouter, goal: Goal, candidates: Sequence[str] | None = None) -> Choice:
    """Choose a router's trade-off for a goal and set it; arguments and errors as for `choose_trade_off`."""
    choice = choose_trade_off(router, goal, candidates)
    router.config.update({"usd_weight": choice.usd_weight})
    if isinstance(router, FlagshipRouter):
        router.config.update({"share": choice.share})
    return choice


def choose_trade_off(router: PreTrainedRouter, goal: Goal, candidates: Sequence[str] | None = None) -> Choice:
    """Choose a trade-off for a goal; the router's own stays as it is.

    Args:
        router: of a family that estimates.
        goal: an objective; where it has no costs of a benchmark, those that the router was trained at count.
        candidates: names to choose from, None for the whole pool.

    Raises:
        RouterError: the router has a single trade-off, or keeps no held-out values.
    """
    if not isinstance(router, EstimatingRouter):
        raise RouterError(
            f"objective {goal.objective}: {type(router).__name__} has one trade-off, chosen for {trained_for(router)}. "
            f"Train it for this one: `vlrouterbench train --objective {goal.objective}`, or a family that estimates."
        )
    objective, kept = goal.objective, held_out_now(router)
    if objective.kind in (USD_WEIGHT, ACCURACY):
        return Choice(objective.value or 0.0, 0.0)
    if kept is None or router.held_out is None:
        raise RouterError(
            f"objective {objective}: this router keeps no held-out values of its pool to choose a trade-off by: it was "
            "saved by an older release, or its pool has changed. Train it again."
        )
    if not any(goal.measured):
        low, high = router.held_out["cost_bounds"].tolist()
        goal = goal.on((low, high))
    return _best(router, kept, goal, candidates)


@torch.no_grad()
def _best(router: EstimatingRouter, kept: HeldOut, goal: Goal, candidates: Sequence[str] | None) -> Choice:
    names = router.config.candidate_names
    allowed = np.array([candidates is None or name in candidates for name in names])
    means = np.where(allowed, kept.quality.mean(axis=0), -np.inf)
    single = int(np.lexsort((kept.cost.mean(axis=0), -means))[0])
    bounded = goal.objective.kind in (ACCURACY_SHARE, BUDGET)
    settings = router.decision_settings(Recipe())
    fine = [part / router.largest_mean_cost for part in _FINE]
    weights = fine if bounded else [setting["usd_weight"] for setting in settings]
    judged = []
    for weight in dict.fromkeys(weights):
        chosen = router.choose(router.utility_at(kept.made, weight), candidates)
        figures = averages(kept, chosen, goal, single)
        judged.append((float(goal.merit(*figures)), weight, figures))
    if bounded:
        # Tested one after another from the safe end, up to the first that fails: the confidence is that of one test.
        judged.sort(key=lambda one: one[1], reverse=goal.objective.kind == BUDGET)
        judged = list(takewhile(lambda one: goal.met(*one[2]), judged)) or judged
    value, weight, figures = max(judged, key=lambda one: one[0])
    if isinstance(router, FlagshipRouter) and router.config.shrink and goal.objective.kind == RANK_SCORE:
        own = shrunk(router, kept, goal, OwnTradeOff(weight, 1.0, value), fine, candidates)
        return Choice(own.usd_weight, own.value, share=own.share)
    return Choice(weight, value, "" if goal.met(*figures) else _not_met(goal, figures, names[single]))


def _not_met(goal: Goal, figures: tuple[float, float, float], best: str) -> str:
    """What can be had where an objective cannot be met, in one sentence."""
    accuracy, cost, best_accuracy = figures
    sure = f"with {100 * CONFIDENCE:g} % confidence on held-out samples"
    if goal.objective.kind == BUDGET and not np.isfinite(cost):
        return f"Objective {goal.objective} cannot be met {sure}: they are one group, which shows no spread."
    if goal.objective.kind == BUDGET:
        per = SAMPLES_PER_COST_UNIT
        return (
            f"Objective {goal.objective} cannot be met {sure}: the cheapest that this router can have is "
            f"{cost:.3g} USD per sample ({per * cost:.3g} per {per:,})."
        )
    return (
        f"Objective {goal.objective} cannot be met {sure}: the most that this router can be sure of is "
        f"{max(0.0, 100 * accuracy / best_accuracy):.1f} % of {best}'s accuracy."
    )

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
- A candidate that joined later has no outcomes there: it counts with its estimates. New prices scale its costs.
- What cannot be met leads to the nearest that can be had, and is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np
import torch

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.objectives import ACCURACY, ACCURACY_SHARE, BUDGET, RANK_SCORE, USD_WEIGHT, Goal
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.familiarity import familiar
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.base.saved_router import HELD_OUT_FILE
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.training.margins import CONFIDENCE, sure_averages
from vlrouterbench.training.problem import Problem

_FINE = (*(30.0 * 0.95**step for step in range(220)), 0.0)
"""Trade-offs that are tried for a share or a budget, in the unit of `estimating.TRADE_OFFS`."""
KEPT = ("accuracy", "cost_usd", "standard_error", "quality", "measured_cost", "groups", "is_train", "cost_bounds")
"""Names of the tensors that a router keeps."""


@dataclass(frozen=True)
class Choice:
    """A trade-off that was chosen.

    Attributes:
        usd_weight: accuracy that one USD must buy.
        value: what it was chosen by, on held-out samples.
        note: what the objective comes to there, where that is not as asked for; else empty.
    """

    usd_weight: float
    value: float
    note: str = ""


@dataclass(frozen=True)
class HeldOut:
    """Held-out samples, for the pool as it is now.

    Attributes:
        made: estimates, (num_samples, num_candidates) each.
        quality, cost: outcomes of that shape; estimates where nothing was measured.
        groups: (num_samples,) int64.
        is_train: (num_samples,) bool, samples of train, whose estimates are out of fold.
    """

    made: Estimates
    quality: np.ndarray
    cost: np.ndarray
    groups: np.ndarray
    is_train: np.ndarray


@torch.no_grad()
def held_out_of(router: PreTrainedRouter, problem: Problem) -> dict[str, torch.Tensor] | None:
    """What a router that estimates keeps of held-out samples; None for other families.

    Args:
        router: as it was fitted, in memory.
        problem: what it was trained on.
    """
    if not isinstance(router, EstimatingRouter) or router.end_to_end:
        return None
    made = router.estimates(problem.validation_features.to(router.device))
    parts, tables = [made], [problem.validation_outcomes]
    if router.out_of_fold is not None:
        rows = router.out_of_fold_rows
        train = problem.train if rows is None else problem.train.take(rows.numpy())
        parts, tables = [made, router.out_of_fold], [problem.validation_outcomes, train]
    sizes = [len(table) for table in tables]
    groups = np.unique([name for table in tables for name in table.column("group_id")], return_inverse=True)[1]
    errors = [torch.zeros_like(p.accuracy) if p.standard_error is None else p.standard_error for p in parts]
    kept = {
        "accuracy": torch.cat([part.accuracy.cpu() for part in parts]),
        "cost_usd": torch.cat([part.cost_usd.cpu() for part in parts]),
        "quality": torch.from_numpy(np.concatenate([table.quality for table in tables]).astype(np.float32)),
        "measured_cost": torch.from_numpy(np.concatenate([table.cost for table in tables])),
        "groups": torch.from_numpy(groups.astype(np.int64)),
        "is_train": torch.arange(sum(sizes)) >= sizes[0],
        "cost_bounds": torch.tensor(problem.table.goal.measured, dtype=torch.float64),
    }
    kept |= familiar(problem.train_features, problem.train_groups, problem.features.encoder)
    return kept | ({"standard_error": torch.cat([e.cpu() for e in errors])} if router.calibrated else {})


def can_rechoose(router: PreTrainedRouter, goal: Goal) -> bool:
    """Whether a router's trade-off can be chosen for a goal without training."""
    if not isinstance(router, EstimatingRouter):
        return False
    return goal.objective.kind in (USD_WEIGHT, ACCURACY) or held_out_now(router) is not None


def trained_for(router: PreTrainedRouter) -> str:
    """The objective that a router's settings were chosen for."""
    return str(router.config.training.get("objective", RANK_SCORE))


def rechoose(router: PreTrainedRouter, goal: Goal, candidates: Sequence[str] | None = None) -> Choice:
    """Choose a router's trade-off for a goal and set it; arguments and errors as for `choose_trade_off`."""
    choice = choose_trade_off(router, goal, candidates)
    router.config.update({"usd_weight": choice.usd_weight})
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
    weights = [part / router.largest_mean_cost for part in _FINE] if bounded else [s["usd_weight"] for s in settings]
    judged = []
    for weight in dict.fromkeys(weights):
        chosen = router.choose(router.utility_at(kept.made, weight), candidates)
        averages = _averages(kept, chosen, goal, single)
        judged.append((float(goal.merit(*averages)), weight, averages))
    if bounded:
        # Tested one after another from the safe end, up to the first that fails: the confidence is that of one test.
        judged.sort(key=lambda one: one[1], reverse=goal.objective.kind == BUDGET)
        judged = list(takewhile(lambda one: goal.met(*one[2]), judged)) or judged
    value, weight, averages = max(judged, key=lambda one: one[0])
    return Choice(weight, value, "" if goal.met(*averages) else _not_met(goal, averages, names[single]))


def _averages(kept: HeldOut, chosen: torch.Tensor, goal: Goal, single: int) -> tuple[float, float, float]:
    """As `sure_averages`; what neither a share nor a budget binds is the expectation on train, out of fold."""
    decisions = chosen.cpu().numpy()
    quality, cost = chosen_values(kept.quality, decisions), chosen_values(kept.cost, decisions)
    sure = sure_averages(goal, quality, cost, kept.quality[:, single], kept.groups)
    if goal.objective.kind == ACCURACY_SHARE or not kept.is_train.any():
        return sure
    rows = torch.from_numpy(kept.is_train)
    picked, sizes = chosen[rows].unsqueeze(1), (int((~kept.is_train).sum()), int(kept.is_train.sum()))
    measured = [float(values[~kept.is_train].mean()) for values in (quality, cost)]
    expected = [float(v[rows].double().gather(1, picked).mean()) for v in (kept.made.accuracy, kept.made.cost_usd)]
    accuracy, average_cost = (
        (sizes[0] * m + sizes[1] * e) / sum(sizes) for m, e in zip(measured, expected, strict=True)
    )
    return accuracy, sure[1] if goal.objective.kind == BUDGET else average_cost, sure[2]


def _not_met(goal: Goal, averages: tuple[float, float, float], best: str) -> str:
    """What can be had where an objective cannot be met, in one sentence."""
    accuracy, cost, best_accuracy = averages
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


def _check_kept(router: EstimatingRouter, kept: Mapping[str, torch.Tensor]) -> None:
    """Refuse held-out values that are damaged, or of another router."""
    width = router.num_trained if isinstance(router, OpenPoolRouter) else router.num_candidates
    lacking = [name for name in KEPT if name not in kept and name != "standard_error"]
    sizes = {name: kept[name].shape for name in ("accuracy", "cost_usd", "quality", "measured_cost") if name in kept}
    rows = len(kept.get("groups", ()))
    wrong = [name for name, size in sizes.items() if tuple(size) != (rows, width) or (kept[name] < 0).any()]
    if lacking or wrong or len(kept["is_train"]) != rows:
        raise RouterError(
            f"{HELD_OUT_FILE}: expected {', '.join(KEPT)} of one router, none below 0, for {width} candidates and as "
            f"many samples each; missing: {', '.join(lacking) or 'none'}, wrong: {', '.join(wrong) or 'none'}. It is "
            "damaged or of another router: fetch the folder again, or train again."
        )


@torch.no_grad()
def held_out_now(router: EstimatingRouter) -> HeldOut | None:
    """What a router keeps of samples that it did not learn from, for its pool; None for nothing, or none that fits.

    Raises:
        RouterError: it is damaged, or of another router.
    """
    kept = router.held_out
    if kept is None:
        return None
    _check_kept(router, kept)
    made = router.of_pool(Estimates(kept["accuracy"], kept["cost_usd"], kept.get("standard_error")))
    if made.accuracy.shape[1] != router.num_candidates:
        return None
    quality, cost = kept["quality"].double(), kept["measured_cost"]
    if isinstance(router, OpenPoolRouter):
        joined = torch.full((len(quality), max(0, max(router.columns) + 1 - quality.shape[1])), torch.nan)
        columns, then = router.columns, torch.cat([router.trained_cost, router.joined_cost])[router.columns]
        quality, cost = (torch.cat([side, joined.double()], dim=1)[:, columns] for side in (quality, cost))
        ratio = torch.where(then > 0, router.mean_cost / then.clamp(min=torch.finfo(then.dtype).tiny), 1.0).double()
        cost = torch.where(ratio == 1, cost, cost * ratio)
    return HeldOut(
        replace(made, output_tokens=None),
        torch.where(quality.isnan(), made.accuracy.double(), quality).numpy(),
        torch.where(cost.isnan(), made.cost_usd.double(), cost).numpy(),
        kept["groups"].numpy(),
        kept["is_train"].numpy(),
    )

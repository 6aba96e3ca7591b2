"""One question -> a decision with everything that the page shows of it.

Decisions
- Encoding and deciding are separate: features are kept, so that a move of the slider does not read the image again.
- Excluded candidates keep their point and their row; they are marked, and never chosen.
- Saving is relative to the candidate that is best overall on the training data: the one to ask without a router.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from vlrouterbench.demo.controls import Preference
from vlrouterbench.demo.errors import DemoError, NobodyFitsError
from vlrouterbench.demo.html import usd_per_10k
from vlrouterbench.metrics.frontier import pareto_frontier
from vlrouterbench.plotting.candidates import CandidatePoint
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.routing.limits import checked_text


@dataclass(frozen=True)
class CandidateEstimates:
    """What a router estimates of every candidate for one question, each array in the order of the pool.

    Attributes:
        height: probability of a correct answer, or the score of a router without calibrated estimates.
        cost_usd: expected cost, USD per sample; NaN where it is not known.
        standard_error: standard error of the probability, None where there is none.
    """

    height: np.ndarray
    cost_usd: np.ndarray
    standard_error: np.ndarray | None = None


@dataclass(frozen=True)
class Answer:
    """A decision and what the page shows with it.

    Attributes:
        decision: what the router decided.
        points: one per candidate of the pool, in its order.
        strongest: the candidate that the saving is relative to.
        saving: share of the strongest candidate's expected cost that is saved; negative where the choice costs more,
            None where a cost is not known.
        calibrated: whether the heights of points are probabilities and not scores.
    """

    decision: RoutingDecision
    points: list[CandidatePoint]
    strongest: str
    saving: float | None
    calibrated: bool

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready content, for the API."""
        return {
            **self.decision.as_dict(),
            "strongest": self.strongest,
            "saving": self.saving,
            "calibrated": self.calibrated,
            "frontier": [point.name for point in self.points if point.frontier],
        }


def encode(router: PreTrainedRouter, question: str, image: Image.Image | None) -> torch.Tensor:
    """Features of a question, (1, dim).

    Raises:
        DemoError: there is neither text nor image.
        QuestionError: the text is too long.
    """
    question = checked_text(question)
    if not question.strip() and image is None:
        raise DemoError("Type a question, or drop an image.")
    with torch.no_grad():
        return router.encoder.encode([RouterInput(question, image=image)])


def answer(
    router: PreTrainedRouter,
    features: torch.Tensor,
    preference: Preference,
    *,
    excluded: Collection[str] = (),
    strongest: str | None = None,
) -> Answer:
    """Decide on features that were kept.

    Args:
        router: any family.
        features: (1, dim), from `encode`.
        preference: trade-off or budget; ignored where the router has no calibrated estimates.
        excluded: names that must not be chosen.
        strongest: the candidate that the saving is relative to; None takes the one with the highest estimate.

    Raises:
        DemoError: every candidate is excluded, or one is unknown; a number is missing.
        NobodyFitsError: no candidate fits the budget, or no trade-off keeps the objective.
        BudgetError: a number that makes no sense.
    """
    names = router.config.candidate_names
    if unknown := sorted(set(excluded) - set(names)):
        raise DemoError(f"Unknown candidates: {', '.join(map(str, unknown[:3]))}. Known: {', '.join(names)}.")
    kept = [name for name in names if name not in excluded]
    if not kept:
        raise DemoError("Every candidate is excluded. Allow at least one.")
    estimates = _estimates(router, features)
    cost_of = dict(zip(names, estimates.cost_usd, strict=True))
    budget = preference.budget(router, kept)
    _check_ceiling(budget.get("max_cost_usd"), {name: float(cost_of[name]) for name in kept})
    decision = router.decide_one(features, kept, **budget)
    if strongest is None or strongest not in names:
        strongest = names[int(np.argmax(estimates.height))]
    return Answer(
        decision=decision,
        points=_points(names, estimates, decision, kept),
        strongest=strongest,
        saving=_saving(cost_of[decision.candidate], cost_of[strongest]),
        calibrated=router.calibrated,
    )


def estimated(router: PreTrainedRouter, features: torch.Tensor, excluded: Collection[str] = ()) -> list[CandidatePoint]:
    """Every candidate's point where nobody was chosen; arguments as for `answer`."""
    names = router.config.candidate_names
    kept = [name for name in names if name not in excluded]
    return _points(names, _estimates(router, features), None, kept)


def _check_ceiling(most: float | None, cost: dict[str, float]) -> None:
    """Say in the page's own units that no candidate fits below a ceiling on cost."""
    cheapest = min(cost, key=lambda name: cost[name])
    if most is not None and cost[cheapest] > most >= 0:
        raise NobodyFitsError(
            f"No candidate is expected to stay within ${usd_per_10k(most)} per 10,000 questions here; the cheapest, "
            f"{cheapest}, costs ${usd_per_10k(cost[cheapest])}. Raise the budget, or allow more candidates."
        )


def _estimates(router: PreTrainedRouter, features: torch.Tensor) -> CandidateEstimates:
    if not is_kind(router, CalibratedRouter):
        decision = router.decide_one(features)
        costs = [np.nan if cost is None else cost for cost in (decision.estimated_cost_usd or {}).values()]
        return CandidateEstimates(np.array(list(decision.score.values())), np.array(costs, dtype=float))
    with torch.no_grad():
        estimates = router.estimates(features.to(router.device))
    error = None if estimates.standard_error is None else estimates.standard_error[0].cpu().numpy()
    return CandidateEstimates(estimates.accuracy[0].cpu().numpy(), estimates.cost_usd[0].cpu().numpy(), error)


def _points(
    names: list[str], estimates: CandidateEstimates, decision: RoutingDecision | None, kept: Collection[str]
) -> list[CandidatePoint]:
    height, cost, error = estimates.height, estimates.cost_usd, estimates.standard_error
    eligible = [name in kept and bool(np.isfinite(cost[index])) for index, name in enumerate(names)]
    rows = np.flatnonzero(eligible)
    front = {int(rows[index]) for index in pareto_frontier(cost[rows], _unit(height[rows]))} if rows.size else set()
    return [
        CandidatePoint(
            name=name,
            cost_usd=float(cost[index]) if np.isfinite(cost[index]) else None,
            height=float(height[index]),
            standard_error=None if error is None else float(error[index]),
            chosen=decision is not None and name == decision.candidate,
            frontier=index in front,
            excluded=name not in kept,
        )
        for index, name in enumerate(names)
    ]


def _unit(height: np.ndarray) -> np.ndarray:
    """Heights scaled to [0, 1] in the same order: scores may have any range."""
    span = height.max() - height.min()
    return (height - height.min()) / span if span > 0 else np.zeros_like(height)


def _saving(chosen: np.floating[Any], strongest: np.floating[Any]) -> float | None:
    if not (np.isfinite(chosen) and np.isfinite(strongest) and strongest > 0):
        return None
    return float(1 - chosen / strongest)

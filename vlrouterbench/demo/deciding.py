"""One question -> a decision with everything that the page shows of it.

Decisions
- Encoding and deciding are apart: features are kept, so that a slider decides anew without reading the picture again.
- Excluded candidates keep their point and their row; they are marked, and never chosen.
- Saving is told against the candidate that is best on the training data over all: what one would ask without a router.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from vlrouterbench.demo.controls import Wish
from vlrouterbench.demo.html import usd_per_10k
from vlrouterbench.metrics.frontier import pareto_frontier
from vlrouterbench.plotting.candidates import CandidatePoint
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.routing.limits import DemoError, checked_text


@dataclass(frozen=True)
class Answer:
    """A decision and what stands around it.

    Attributes:
        decision: what the router decided.
        points: one per candidate of the pool, in its order.
        strongest: the candidate that saving is told against.
        saving: share of the strongest candidate's expected cost that is saved; below 0 where the choice costs more,
            None where a cost is not known.
        calibrated: whether points have probabilities, not scores.
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


def encode(router: PreTrainedRouter, question: str, picture: Image.Image | None) -> torch.Tensor:
    """Features of a question, (1, dim).

    Raises:
        DemoError: there is neither text nor picture, or the text is too long.
    """
    question = checked_text(question)
    if not question and picture is None:
        raise DemoError("Type a question, or drop a picture.")
    with torch.no_grad():
        return router.encoder.encode([RouterInput(question, image=picture)])


def answer(
    router: PreTrainedRouter,
    features: torch.Tensor,
    wish: Wish,
    *,
    excluded: Collection[str] = (),
    strongest: str | None = None,
) -> Answer:
    """Decide on kept features.

    Args:
        router: any family.
        features: (1, dim), from `encode`.
        wish: trade-off or budget; not looked at where the router has no calibrated estimates.
        excluded: names that must not be chosen.
        strongest: who saving is told against; None takes the one with the highest estimate.

    Raises:
        DemoError: every candidate is excluded, or one is unknown; a number is missing, or no candidate fits the budget.
        BudgetError: a number that makes no sense.
    """
    names = router.config.candidate_names
    if unknown := sorted(set(excluded) - set(names)):
        raise DemoError(f"Unknown candidates: {', '.join(map(str, unknown[:3]))}. Known: {', '.join(names)}.")
    kept = [name for name in names if name not in excluded]
    if not kept:
        raise DemoError("Every candidate is excluded. Allow at least one.")
    height, cost, error = _estimates(router, features)
    budget = wish.budget(router)
    _check_ceiling(budget.get("max_cost_usd"), {n: float(c) for n, c in zip(names, cost, strict=True) if n in kept})
    decision = router.decide_one(features, kept, **budget)
    strongest = strongest if strongest in names else names[int(np.argmax(height))]
    at = {name: place for place, name in enumerate(names)}
    points = _points(names, (height, cost, error), decision, kept)
    return Answer(
        decision, points, strongest, _saving(cost[at[decision.candidate]], cost[at[strongest]]), router.calibrated
    )


def _check_ceiling(most: float | None, cost: dict[str, float]) -> None:
    """Say in the page's own units that nobody fits below a ceiling."""
    cheapest = min(cost, key=lambda name: cost[name])
    if most is not None and cost[cheapest] > most >= 0:
        raise DemoError(
            f"No candidate is expected to stay within ${usd_per_10k(most)} per 10,000 questions here; the cheapest, "
            f"{cheapest}, costs ${usd_per_10k(cost[cheapest])}. Raise the budget, or allow more candidates."
        )


def _estimates(router: PreTrainedRouter, features: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Probability or score, cost, and standard error where there is one, of every candidate."""
    with torch.no_grad():
        if router.calibrated:
            made = router.estimates(features.to(router.device))
            error = None if made.standard_error is None else made.standard_error[0].cpu().numpy()
            return made.accuracy[0].cpu().numpy(), made.cost_usd[0].cpu().numpy(), error
    decision = router.decide_one(features)
    costs = [np.nan if cost is None else cost for cost in decision.estimated_cost_usd.values()]
    return np.array(list(decision.score.values())), np.array(costs, dtype=float), None


def _points(
    names: list[str],
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    decision: RoutingDecision,
    kept: Collection[str],
) -> list[CandidatePoint]:
    height, cost, error = estimates
    rows = np.array([place for place, name in enumerate(names) if name in kept and np.isfinite(cost[place])], dtype=int)
    front = {int(rows[place]) for place in pareto_frontier(cost[rows], _unit(height[rows]))} if rows.size else set()
    return [
        CandidatePoint(
            name=name,
            cost_usd=float(cost[place]) if np.isfinite(cost[place]) else None,
            height=float(height[place]),
            standard_error=None if error is None else float(error[place]),
            chosen=name == decision.candidate,
            frontier=place in front,
            excluded=name not in kept,
        )
        for place, name in enumerate(names)
    ]


def _unit(height: np.ndarray) -> np.ndarray:
    """Heights in the same order within [0, 1]: scores need not lie there."""
    span = height.max() - height.min()
    return (height - height.min()) / span if span > 0 else np.zeros_like(height)


def _saving(chosen: float, strongest: float) -> float | None:
    if not (np.isfinite(chosen) and np.isfinite(strongest) and strongest > 0):
        return None
    return float(1 - chosen / strongest)

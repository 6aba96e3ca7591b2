"""A router's decisions on a whole split where something is done with samples unlike its training samples.

Decisions
- The other samples keep their decision. Of every trade-off of the router's frontier the same samples are meant: the
  score is of the sample, and no decision has a part in it.
- A split cannot be scored where some of its requests would be refused: they have no decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.evaluation.records import FreeForm, ResultRecord
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.when_unfamiliar import ERROR, GUARD, WhenUnfamiliar

FIELD = "when_unfamiliar"
"""In a record's `router_config`."""
Frontier = list[tuple[float, np.ndarray]]


class UnfamiliarFacts(TypedDict):
    """What was done: the action, from which score on, on how many samples, and how many decisions it changed."""

    action: str
    level: float
    num_unfamiliar: int
    num_changed: int


def decisions_of(
    router: PreTrainedRouter,
    features: torch.Tensor,
    order: np.ndarray,
    candidates: Sequence[str] | None,
    when: WhenUnfamiliar,
) -> tuple[np.ndarray, Frontier | None, FreeForm]:
    """Decisions (num_samples,), those at every trade-off, and what to record of them.

    Args:
        router: of any family.
        features: (num_samples, dim) by its encoder.
        order: index in the benchmark's pool of each of its candidates, -1 for one that is not scored.
        candidates: names to choose from, None for the whole pool.
        when: what is done with samples unlike its training samples; the router was checked for it.

    Raises:
        EvaluationError: samples would be refused.
    """
    decisions, frontier = _of_router(router, features, order, candidates)
    if not when.acts:
        return decisions, frontier, {}
    unlike = when.unlike(router, features).numpy()
    count = int(unlike.sum())
    if when.action == ERROR and count:
        raise EvaluationError(
            f"when unfamiliar: expected a decision on every sample, found {count:,} of {len(unlike):,} that {when} "
            "would refuse. Score guard or fallback=NAME, or give error@LEVEL with a higher level."
        )
    changed, other = decisions, frontier
    if when.action == GUARD:
        with when.guarding(router):
            changed, other = _of_router(router, features, order, candidates)
    elif count:
        changed = np.full_like(decisions, order[router.config.candidate_names.index(when.fallback)])
        other = None if frontier is None else [(weight, changed) for weight, _ in frontier]
    made = np.where(unlike, changed, decisions)
    facts: UnfamiliarFacts = {
        "action": str(when),
        "level": when.level,
        "num_unfamiliar": count,
        "num_changed": int((made != decisions).sum()),
    }
    if frontier is not None and other is not None:
        pairs = zip(frontier, other, strict=True)
        frontier = [(weight, np.where(unlike, theirs, own)) for (weight, own), (_, theirs) in pairs]
    return made, frontier, {FIELD: facts}


def unfamiliar_notes(records: Sequence[ResultRecord]) -> list[str]:
    """What was done, in a sentence for each router that something was done for."""
    told = [(record, record["router_config"].get(FIELD)) for record in records]
    return [
        f"{record['router']}: {facts['num_unfamiliar']:,} of {record['num_samples']:,} samples are unlike its training "
        f"samples ({facts['action']}); {facts['num_changed']:,} decisions changed."
        for record, facts in told
        if facts is not None
    ]


def _of_router(
    router: PreTrainedRouter, features: torch.Tensor, order: np.ndarray, candidates: Sequence[str] | None
) -> tuple[np.ndarray, Frontier | None]:
    chosen = router.decide(features, candidates)
    frontier = decisions_by_weight(router, features, order, candidates=candidates)
    return order[chosen.cpu().numpy()], frontier

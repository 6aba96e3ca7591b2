"""What a router answers: the chosen candidate, and what it thinks of every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


class PoolMismatchError(ValueError):
    """A request names candidates that the router does not know."""


class CalibrationError(ValueError):
    """A request needs calibrated estimates that the router does not have."""


@dataclass(frozen=True)
class RoutingDecision:
    """One decision.

    Attributes:
        candidate: the chosen one.
        score: what the family ranks by, per considered candidate; comparable within one decision only.
        estimated_accuracy: calibrated probability of a correct answer per candidate, None where the family has none.
        estimated_cost_usd: expected cost of asking per candidate, USD per sample. Without a cost model it is the
            candidate's mean over the training split.
        usd_weight: accuracy per USD that the decision traded at, None where the family has no such knob.
        standard_error: of `estimated_accuracy` per candidate, None where the family has none.
        target_met: False where no candidate reached the accuracy that was asked for.
        reason: why this candidate, in a sentence; empty where the family has no estimates to tell it by.
        image_used: whether a picture had a part in the decision.
    """

    candidate: str
    score: dict[str, float]
    estimated_accuracy: dict[str, float] | None
    estimated_cost_usd: dict[str, float] | None
    usd_weight: float | None = None
    standard_error: dict[str, float] | None = None
    target_met: bool = True
    reason: str = ""
    image_used: bool = True

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready content."""
        return asdict(self)


def considered(names: Sequence[str], candidates: Sequence[str] | None) -> list[int]:
    """Places of the candidates that may be chosen: all, or a subset by name.

    Raises:
        PoolMismatchError: the subset is empty or names an unknown candidate.
    """
    if candidates is None:
        return list(range(len(names)))
    unknown = [name for name in candidates if name not in names]
    if unknown or not candidates:
        raise PoolMismatchError(
            f"expected candidates out of {', '.join(names)}; found {', '.join(unknown) or 'an empty list'}."
        )
    return [place for place, name in enumerate(names) if name in set(candidates)]

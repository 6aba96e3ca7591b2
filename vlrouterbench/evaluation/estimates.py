"""A calibrated router's estimates of every candidate on every scored sample.

Decisions
- Estimates are made once, when the router decides; figures of calibration can be computed from files: for the chosen
  candidates from `decisions.parquet`, for all candidates from `estimates.parquet`.
- Families that are not calibrated have no estimates: a score is not a probability.
- torch is imported where a router estimates: scoring the decisions of others, as the leaderboard does, needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from vlrouterbench.core.errors import EvaluationError

if TYPE_CHECKING:
    import torch

    from vlrouterbench.routers.base.calibrated import CalibratedRouter
    from vlrouterbench.routers.base.modeling_router import PreTrainedRouter


@dataclass(frozen=True)
class CandidateEstimates:
    """Estimates in the benchmark's order of candidates.

    Attributes:
        accuracy: (num_samples, num_candidates) in [0, 1].
        cost_usd: (num_samples, num_candidates), USD per sample.
        standard_error: of `accuracy`, of its shape; None where the family has none.
    """

    accuracy: np.ndarray
    cost_usd: np.ndarray
    standard_error: np.ndarray | None = None

    def of_chosen(self, decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Estimated accuracy and cost of the decisions, each (num_samples,)."""
        rows = np.arange(len(decisions))
        return self.accuracy[rows, decisions], self.cost_usd[rows, decisions]


def ask_estimates(
    name: str, router: PreTrainedRouter, features: torch.Tensor, order: np.ndarray
) -> CandidateEstimates | None:
    """A router's estimates on features (num_samples, dim); None where its family is not calibrated.

    Args:
        name: the router's name, for messages.
        router: of any family.
        features: by the router's own encoder.
        order: index in the benchmark's pool of each of the router's candidates, -1 for one that is not scored.

    Raises:
        EvaluationError: an estimated accuracy is not a probability, or an estimated cost not a cost.
    """
    if not _is_calibrated(router):
        return None
    import torch

    with torch.no_grad():
        estimates = router.estimates(features.to(router.device))
    accuracy, cost = _reordered(estimates.accuracy, order), _reordered(estimates.cost_usd, order)
    error = None if estimates.standard_error is None else _reordered(estimates.standard_error, order)
    # Written so that NaN is refused too.
    if not ((accuracy >= 0) & (accuracy <= 1)).all() or not ((cost >= 0) & (cost < np.inf)).all():
        raise EvaluationError(
            f"{name}: expected calibrated estimates with accuracy in [0, 1] and a cost >= 0 in USD, found accuracy "
            f"from {accuracy.min():g} to {accuracy.max():g}, cost from {cost.min():g} to {cost.max():g}. Train again."
        )
    return CandidateEstimates(accuracy, cost, error)


def _is_calibrated(router: PreTrainedRouter) -> TypeGuard[CalibratedRouter]:
    return router.calibrated


def _reordered(values: torch.Tensor, order: np.ndarray) -> np.ndarray:
    scored = order >= 0
    reordered = np.empty((len(values), int(scored.sum())), dtype=np.float64)
    reordered[:, order[scored]] = values.detach().cpu().numpy()[:, scored]
    return reordered

"""What a calibrated router expects of every candidate on every scored sample.

Decisions
- Estimates are asked for once, when the router decides; what is said of their calibration is computed from files:
  of the chosen candidates from `decisions.parquet`, of all candidates from `estimates.parquet`.
- A family that is not calibrated is not asked: a score is no probability.
- torch is imported where a router is asked: scoring decisions of others, as the leaderboard does, needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vlrouterbench.core.errors import EvaluationError

if TYPE_CHECKING:
    import torch

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
        """Accuracy and cost expected of the decisions, each (num_samples,)."""
        rows = np.arange(len(decisions))
        return self.accuracy[rows, decisions], self.cost_usd[rows, decisions]


def ask_estimates(
    name: str, router: PreTrainedRouter, features: torch.Tensor, order: np.ndarray
) -> CandidateEstimates | None:
    """A router's estimates on features (num_samples, dim); None where its family is not calibrated.

    Args:
        name: the router's, for messages.
        router: of any family.
        features: by the router's own encoder.
        order: place in the benchmark's pool of each of the router's candidates.

    Raises:
        EvaluationError: an estimated accuracy is no probability, or a cost no cost.
    """
    if not router.calibrated:
        return None
    import torch

    with torch.no_grad():
        made = router.estimates(features.to(router.device))
    accuracy, cost, error = (
        None if found is None else _reordered(found, order)
        for found in (made.accuracy, made.cost_usd, made.standard_error)
    )
    # Written so that NaN is refused too.
    if not ((accuracy >= 0) & (accuracy <= 1)).all() or not ((cost >= 0) & (cost < np.inf)).all():
        raise EvaluationError(
            f"{name}: expected calibrated estimates with accuracy in [0, 1] and a cost >= 0 in USD, found accuracy "
            f"from {accuracy.min():g} to {accuracy.max():g}, cost from {cost.min():g} to {cost.max():g}. Train again."
        )
    return CandidateEstimates(accuracy, cost, error)


def _reordered(values: torch.Tensor, order: np.ndarray) -> np.ndarray:
    reordered = np.empty(values.shape, dtype=np.float64)
    reordered[:, order] = values.detach().cpu().numpy()
    return reordered

"""Average quality, average cost, and the Rank Score that trades one against the other.

Decisions
- Cost bounds are a required argument, never taken from the decisions at hand: two routers compare only under one pair.
- Rank Score is a property of averages, not a mean over samples (benchmark's section 2).
- NaN is refused: a decision on an unmeasured pair has no value, and an imputed one would go unnoticed.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.core.errors import EvaluationError

MIN_BOUND_RATIO = 1.1
"""Below this ratio of cost bounds all candidates cost about the same, and Rank Score separates nothing."""


def values_of_calls(matrix: np.ndarray, decisions: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """Costs or seconds of decisions, (num_samples,), with those of the calls that came before: each is charged.

    Args:
        matrix: (num_samples, num_candidates).
        decisions: (num_samples,) indices of candidates.
        before: (num_samples,) who was asked before, -1: nobody; None: nobody ever.

    Raises:
        EvaluationError: as `chosen_values`.
    """
    values = chosen_values(matrix, decisions)
    if before is None:
        return values
    rows = np.flatnonzero(before >= 0)
    values[rows] += chosen_values(matrix[rows], before[rows])
    return values


def check_cost_bounds(cost_bounds: tuple[float, float]) -> tuple[float, float]:
    """The bounds as floats.

    Raises:
        EvaluationError: not two finite positive numbers with cmin < cmax.
    """
    try:
        cmin, cmax = (float(bound) for bound in cost_bounds)
    except (TypeError, ValueError) as error:
        raise EvaluationError(f"expected cost_bounds=(cmin, cmax) in USD per sample, found {cost_bounds!r}.") from error
    if not (np.isfinite([cmin, cmax]).all() and 0 < cmin < cmax):
        raise EvaluationError(
            f"expected cost bounds in USD per sample with 0 < cmin < cmax, found ({cmin:g}, {cmax:g}). The benchmark's "
            "own are the smallest and largest mean cost over its candidates."
        )
    return cmin, cmax


def check_beta(beta: float) -> None:
    """Raise EvaluationError for a weight of cost against accuracy that is not a finite number above 0."""
    if not 0 < beta < np.inf:
        raise EvaluationError(f"expected a finite beta > 0, found {beta}.")


def normalized_cost(average_cost: np.ndarray | float, *, cost_bounds: tuple[float, float]) -> np.ndarray:
    """C = clip((log2 cmax - log2 c) / (log2 cmax - log2 cmin), 0, 1) with c clipped to the bounds: 1 is cheapest.

    Args:
        average_cost: mean cost of a policy, USD per sample, any shape.
        cost_bounds: (cmin, cmax), USD per sample.
    """
    cmin, cmax = check_cost_bounds(cost_bounds)
    clipped = np.clip(average_cost, cmin, cmax)
    return np.clip((np.log2(cmax) - np.log2(clipped)) / (np.log2(cmax) - np.log2(cmin)), 0.0, 1.0)


def rank_score(
    average_quality: np.ndarray | float,
    average_cost: np.ndarray | float,
    *,
    cost_bounds: tuple[float, float],
    beta: float = RANK_SCORE_BETA,
) -> np.ndarray:
    """Rank Score, 0 to 100: S = (1 + beta) A C / (beta A + C), 0 where both are 0 (benchmark's section 2).

    Args:
        average_quality: mean quality of a policy in [0, 1], any shape.
        average_cost: mean cost of a policy in USD per sample, same shape.
        cost_bounds: (cmin, cmax), USD per sample.
        beta: weight of cost against accuracy.

    Raises:
        EvaluationError: NaN, quality outside [0, 1], shapes that disagree, or bounds that are none.
    """
    quality, cost = np.asarray(average_quality, dtype=float), np.asarray(average_cost, dtype=float)
    if quality.shape != cost.shape:
        raise EvaluationError(f"expected one cost per quality, found shapes {cost.shape} and {quality.shape}.")
    if np.isnan(quality).any() or np.isnan(cost).any():
        raise EvaluationError("expected measured quality and cost, found NaN: a decision fell on an unmeasured pair.")
    if (quality < 0).any() or (quality > 1).any():
        raise EvaluationError(f"expected average quality in [0, 1], found {quality.min():g} to {quality.max():g}.")
    check_beta(beta)
    cheapness = normalized_cost(cost, cost_bounds=cost_bounds)
    denominator = beta * quality + cheapness
    safe = np.where(denominator > 0, denominator, 1.0)
    score = np.where(denominator > 0, (1 + beta) * quality * cheapness / safe, 0.0)
    return 100 * np.clip(score, 0.0, 1.0)


def chosen_values(matrix: np.ndarray, decisions: np.ndarray) -> np.ndarray:
    """Value of the chosen candidate per sample, (num_samples,), from a matrix (num_samples, num_candidates).

    Raises:
        EvaluationError: shapes disagree, or a decision is not an index in the pool.
    """
    matrix, decisions = np.asarray(matrix, dtype=float), np.asarray(decisions)
    if decisions.size and not np.issubdtype(decisions.dtype, np.integer):
        raise EvaluationError(f"expected decisions as whole numbers (indices in the pool), found {decisions.dtype}.")
    if matrix.ndim != 2 or decisions.shape != matrix.shape[:1]:
        raise EvaluationError(
            f"expected one decision per row of a (num_samples, num_candidates) matrix, found {decisions.shape} "
            f"decisions for a matrix of shape {matrix.shape}."
        )
    if decisions.size and not ((decisions >= 0) & (decisions < matrix.shape[1])).all():
        raise EvaluationError(
            f"expected decisions in 0..{matrix.shape[1] - 1}, found {decisions.min()} to {decisions.max()}."
        )
    return matrix[np.arange(len(decisions)), decisions.astype(np.int64)]


def oracle_gap_closed(accuracy: float, *, baseline: float, oracle: float) -> float | None:
    """Share of the accuracy gap from a baseline to the oracle that a router closes; None where there is no gap.

    NaN, where a figure does not exist, gives None.
    """
    return (accuracy - baseline) / (oracle - baseline) if oracle > baseline else None

"""Soft labels: turn measured quality and cost into a target distribution over candidates.

Decisions
- Mass goes only to candidates that answered correctly, weighted by exp(-cost_weight * COST_SCALE * cost) (benchmark's
  section 3); an infinite cost weight really is one-hot on the cheapest correct candidate.
- A sample that no candidate answers is dropped from training (a row of zeros) or gets all mass on the cheapest one.
- Computed in log space in float64: a large `cost_weight` underflows otherwise.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, Unsolved
from vlrouterbench.core.errors import RouterError

COST_SCALE = 100.0
"""The paper's scale s, for costs in USD per sample."""


def build_soft_labels(
    quality: np.ndarray, cost: np.ndarray, *, cost_weight: float, unsolved: Unsolved = Unsolved.DROP
) -> np.ndarray:
    """Target distribution per sample.

    Args:
        quality: (num_samples, num_candidates) in [0, 1]; at or above 0.5 counts as correct; NaN = not measured.
        cost: (num_samples, num_candidates) USD per sample; NaN = not measured.
        cost_weight: lambda >= 0; 0 is uniform over the correct candidates, infinity the cheapest correct one.
        unsolved: rule for samples without a correct candidate.

    Returns:
        (num_samples, num_candidates) float64; rows sum to 1, or to 0 where the sample is dropped.

    Raises:
        RouterError: the cost weight is negative or not a number.
    """
    if not cost_weight >= 0:
        raise RouterError(f"expected a cost weight >= 0 (or inf), found {cost_weight}.")
    measured = np.isfinite(quality) & np.isfinite(cost)
    correct = measured & (np.nan_to_num(quality) >= CORRECT_THRESHOLD)
    lone = ~correct.any(axis=1)
    allowed = np.where(lone[:, None], measured, correct)
    priced = np.where(allowed, cost, np.inf)
    cheapest = np.argmin(priced, axis=1)
    if np.isinf(cost_weight):
        labels = np.zeros(quality.shape)
        labels[np.arange(len(labels)), cheapest] = 1.0
    else:
        smallest = np.where(allowed.any(axis=1), priced.min(axis=1, initial=np.inf), 0.0)
        exponent = np.where(
            allowed, -cost_weight * (COST_SCALE * (np.where(allowed, cost, 0.0) - smallest[:, None])), -np.inf
        )
        labels = np.exp(exponent)
        labels /= np.maximum(labels.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    if unsolved is Unsolved.DROP:
        labels[lone] = 0.0
    else:
        labels[lone] = 0.0
        labels[lone, cheapest[lone]] = 1.0
    labels[~measured.any(axis=1)] = 0.0
    return labels

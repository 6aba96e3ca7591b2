"""The null distribution of an expected calibration error: what a calibrated estimator would show on these groups.

Decisions
- ECE is never 0 on real outcomes: bins of a calibrated estimator miss by chance, the more the fewer groups they hold.
  A figure of ECE says nothing until it is compared with that null distribution.
- Groups, not rows, get signs: near-duplicates, and answers of several candidates to one question, miss together.
- The recipe is fixed, so that others can draw the same: groups in sorted order, and for every 250 draws one
  `default_rng(seed).integers(2, size=(draws, num_groups))`, 0 for a minus.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.calibration import NUM_BINS, bin_indices, checked_pairs

NUM_DRAWS = 1_000
_DRAWS_PER_BLOCK = 250
_LEVEL = 95


def null_calibration_error(
    estimates: np.ndarray, outcomes: np.ndarray, groups: Sequence[str] | np.ndarray, seed: int, num_bins: int = NUM_BINS
) -> tuple[float, float]:
    """Mean and 95th percentile of the ECE under the hypothesis that the estimates are calibrated.

        null ECE = sum over b of 1 / n * |sum over i in b of s_g(i) * (outcome_i - estimate_i)|

    with s_g a sign drawn for each group, -1 or 1 with chance 1/2: the observed residuals, under the hypothesis
    that those of each group have mean zero. An ECE at or below the 95th percentile is no evidence of miscalibration;
    it is no proof of calibration either, on few groups least of all. Where the estimates are far off, the null
    distribution lies too high, since residuals carry the error too. Source: the wild cluster bootstrap of Cameron,
    Gelbach and Miller, Bootstrap-Based Improvements for Inference with Clustered Errors (Review of
    Economics and Statistics 90(3), 2008).

    Args:
        estimates: as for `expected_calibration_error`.
        outcomes: as for `expected_calibration_error`.
        groups: group of each row, (num_samples,), names or numbers.
        seed: of the signs.
        num_bins: as for `expected_calibration_error`.

    Returns:
        Mean and 95th percentile over 1,000 draws; unit: probability.

    Raises:
        EvaluationError: as `expected_calibration_error`, or not one group per row.
    """
    estimates, outcomes = checked_pairs(estimates, outcomes)
    if len(groups) != len(estimates):
        raise EvaluationError(f"expected one group per estimate, found {len(groups)} for {len(estimates)}.")
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    # A draw changes the sign of whole groups, so each needs only its sum per bin.
    cells = group_of * num_bins + bin_indices(estimates, num_bins)
    totals = np.bincount(cells, weights=outcomes - estimates, minlength=len(names) * num_bins)
    sums = totals.reshape(len(names), num_bins) / len(estimates)
    rng = np.random.default_rng(seed)
    errors = [
        np.abs((2.0 * rng.integers(2, size=(_DRAWS_PER_BLOCK, len(names))) - 1) @ sums).sum(axis=1)
        for _ in range(NUM_DRAWS // _DRAWS_PER_BLOCK)
    ]
    draws = np.concatenate(errors)
    return float(draws.mean()), float(np.percentile(draws, _LEVEL))

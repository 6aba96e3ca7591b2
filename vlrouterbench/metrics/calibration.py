"""Whether estimated probabilities mean what they say."""

from __future__ import annotations

import numpy as np

from vlrouterbench.errors import EvaluationError

NUM_BINS = 15
"""Bins of the usual definition."""


def expected_calibration_error(estimates: np.ndarray, outcomes: np.ndarray, *, num_bins: int = NUM_BINS) -> float:
    """ECE: the mean distance between estimate and outcome over bins of equal width, weighted by what falls into them.

        ECE = sum over b of n_b / n * |mean outcome in b - mean estimate in b|

    Unit: probability, 0 to 1; 0 is calibrated. Source: Guo et al., On Calibration of Modern Neural Networks (arXiv
    1706.04599), section 2. Bins are closed on the right; 0 falls into the first. The figure is biased upwards where
    bins hold few samples: compare only figures over the same number of samples and bins.

    Args:
        estimates: estimated accuracy of each decision, (num_samples,), in [0, 1].
        outcomes: quality that the decision had, (num_samples,), in [0, 1].
        num_bins: how many.

    Raises:
        EvaluationError: nothing to measure, values outside [0, 1] or NaN, or shapes that disagree.
    """
    estimates, outcomes = np.asarray(estimates, dtype=float), np.asarray(outcomes, dtype=float)
    if estimates.ndim != 1 or estimates.shape != outcomes.shape or not estimates.size:
        raise EvaluationError(
            f"expected one estimate and one outcome per sample, found shapes {estimates.shape} and {outcomes.shape}."
        )
    for name, values in (("estimates", estimates), ("outcomes", outcomes)):
        if not ((values >= 0) & (values <= 1)).all():
            raise EvaluationError(f"expected {name} in [0, 1], found NaN or {values.min():g} to {values.max():g}.")
    if num_bins < 1:
        raise EvaluationError(f"expected at least one bin, found {num_bins}.")
    bins = np.clip(np.ceil(estimates * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=outcomes - estimates, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(estimates))

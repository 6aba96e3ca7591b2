"""Whether estimated probabilities mean what they say.

Decisions
- An outcome is a quality in [0, 1], which may be graded: an estimate is calibrated when it is the mean quality of the
  samples that it was made for.
- Bins of one definition serve the error and the diagram, so that the one can be read off the other.
- A curve of risk over coverage does not depend on the order of equal estimates: they share their mean outcome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.errors import EvaluationError

NUM_BINS = 15
"""Bins of the usual definition."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Samples whose estimates fall into one bin.

    Attributes:
        count: how many, at least 1.
        estimate: their mean estimate.
        outcome: their mean outcome.
    """

    count: int
    estimate: float
    outcome: float


def expected_calibration_error(estimates: np.ndarray, outcomes: np.ndarray, *, num_bins: int = NUM_BINS) -> float:
    """ECE: the mean distance between estimate and outcome over bins of equal width, weighted by what falls into them.

        ECE = sum over b of n_b / n * abs(mean outcome in b - mean estimate in b)

    Unit: probability, 0 to 1; 0 is calibrated. Source: Guo et al., On Calibration of Modern Neural Networks (arXiv
    1706.04599), section 2. Bins are closed on the right; 0 falls into the first. The figure is biased upwards where
    bins hold few samples: compare only figures over the same number of samples and bins, or with the null
    distribution (`calibration_null.py`).

    Args:
        estimates: estimated accuracy of each decision, (num_samples,), in [0, 1].
        outcomes: quality that the decision had, (num_samples,), in [0, 1].
        num_bins: how many.

    Raises:
        EvaluationError: nothing to measure, values outside [0, 1] or NaN, or shapes that disagree.
    """
    bins = reliability_bins(estimates, outcomes, num_bins=num_bins)
    return float(sum(b.count * abs(b.outcome - b.estimate) for b in bins) / sum(b.count for b in bins))


def reliability_bins(
    estimates: np.ndarray, outcomes: np.ndarray, *, num_bins: int = NUM_BINS
) -> tuple[ReliabilityBin, ...]:
    """The bins of `expected_calibration_error` that hold samples, by rising estimate; arguments and errors are its."""
    estimates, outcomes = checked_pairs(estimates, outcomes)
    indices = bin_indices(estimates, num_bins)
    counts, *sums = (np.bincount(indices, weights=w, minlength=num_bins) for w in (None, estimates, outcomes))
    return tuple(
        ReliabilityBin(int(count), float(estimate / count), float(outcome / count))
        for count, estimate, outcome in zip(counts, *sums, strict=True)
        if count
    )


def bin_indices(estimates: np.ndarray, num_bins: int) -> np.ndarray:
    """Index of the bin of every estimate, (num_samples,) from 0 on, for estimates in [0, 1]."""
    if num_bins < 1:
        raise EvaluationError(f"expected at least one bin, found {num_bins}.")
    return np.clip(np.ceil(estimates * num_bins).astype(int) - 1, 0, num_bins - 1)


def brier_score(estimates: np.ndarray, outcomes: np.ndarray) -> float:
    """Brier score: mean of (estimate - outcome)^2.

    Unit: squared probability, 0 to 1; lower is better. Unlike ECE it also falls when estimates tell samples apart, and
    it is not biased. Source: Brier, Verification of forecasts expressed in terms of probability (Monthly Weather
    Review 78, 1950). Arguments and errors as for `expected_calibration_error`.
    """
    estimates, outcomes = checked_pairs(estimates, outcomes)
    return float(((estimates - outcomes) ** 2).mean())


def risk_coverage(estimates: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Risk when only the decisions with the highest estimates are kept, at every coverage.

        coverage_k = k / n,   risk_k = 1 - mean outcome of the k highest estimates

    Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification (JMLR 11, 2010). Arguments
    and errors as for `expected_calibration_error`.

    Returns:
        coverage and risk, each (num_samples,), by rising coverage.
    """
    estimates, outcomes = checked_pairs(estimates, outcomes)
    _, level = np.unique(-estimates, return_inverse=True)
    shared = np.bincount(level, weights=outcomes) / np.bincount(level)
    kept = np.arange(1, len(estimates) + 1)
    return kept / len(estimates), 1 - np.cumsum(shared[np.sort(level)]) / kept


def area_under_risk_coverage(estimates: np.ndarray, outcomes: np.ndarray) -> float:
    """AURC: mean risk over all coverages 1/n, 2/n, ..., 1.

    Unit: probability, 0 to 1; lower is better; equal to the whole risk where estimates tell nothing apart. Arguments
    and errors as for `expected_calibration_error`.
    """
    return float(risk_coverage(estimates, outcomes)[1].mean())


def checked_pairs(estimates: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as floats; arguments and errors as for `expected_calibration_error`."""
    estimates, outcomes = np.asarray(estimates, dtype=float), np.asarray(outcomes, dtype=float)
    if estimates.ndim != 1 or estimates.shape != outcomes.shape or not estimates.size:
        raise EvaluationError(
            f"expected one estimate and one outcome per sample, found shapes {estimates.shape} and {outcomes.shape}."
        )
    for name, values in (("estimates", estimates), ("outcomes", outcomes)):
        if not ((values >= 0) & (values <= 1)).all():
            raise EvaluationError(f"expected {name} in [0, 1], found NaN or {values.min():g} to {values.max():g}.")
    return estimates, outcomes

"""Validation where no sample was measured for every candidate, as a log of answered requests gives it.

Decisions
- Each candidate's outcome on each sample is replaced by its doubly robust value: what a plain regression on train
  expects, and on the pair that was asked the difference to what came, over the probability with which it was asked.
  Its mean over samples is an unbiased estimate of any policy's, whatever the regression expects, where the
  probabilities are right (Dudik, Langford and Li 2011, arXiv 1103.4601, equation 2). A pair asked with probability 1
  keeps its outcome.
- Single values may lie outside of what an outcome can be; averages of them are what choices are made by.
- Samples with a measured pair whose probability is not stated have no part. Nothing of this is silent: the router's
  record and the command say how many samples choices were made on, and how.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vlrouterbench.data.table import RoutingTable

LEAST_SAMPLES = 20
"""Of validation: with fewer every choice would be made by a handful of answers."""
_PENALTY = 1.0
"""Of the regression, per sample and standardised feature: it only has to be better than a mean."""


def doubly_robust(
    train: RoutingTable, validation: RoutingTable, features: tuple[np.ndarray, np.ndarray] | None
) -> RoutingTable | None:
    """Validation with a value for every pair; None where too few of its samples state probabilities.

    Args:
        train: what the regression learns from.
        validation: its measured pairs, with `propensity`.
        features: of train and of validation, (num_samples, dim) each; None: every candidate's mean is expected.
    """
    if validation.propensity is None:
        return None
    measured = np.isfinite(validation.quality) & np.isfinite(validation.cost)
    usable = measured.any(axis=1) & (np.isfinite(validation.propensity) | ~measured).all(axis=1)
    if usable.sum() < LEAST_SAMPLES:
        return None
    kept = validation.take(usable)
    ends = None if features is None else (features[0], features[1][usable])
    matrices = dict(kept.matrices)
    for name in ("quality", "cost"):
        expected = _expected(train.matrices[name], len(kept), ends)
        outcome, asked = kept.matrices[name], measured[usable]
        share = np.where(asked, kept.matrices["propensity"], 1.0)
        matrices[name] = expected + np.where(asked, (np.nan_to_num(outcome) - expected) / share, 0.0)
    return replace(kept, matrices=matrices)


def _expected(outcomes: np.ndarray, count: int, ends: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """What is expected of each of `count` samples, (count, num_candidates), by outcomes of train; their mean at least.

    A ridge regression per candidate on its measured pairs, around its mean; one that train never measured is expected
    to do as all others do on average.
    """
    whole = float(np.nanmean(outcomes)) if np.isfinite(outcomes).any() else 0.0
    expected = np.full((count, outcomes.shape[1]), whole)
    for place, column in enumerate(outcomes.T):
        known = np.isfinite(column)
        if not known.any():
            continue
        mean = column[known].mean()
        expected[:, place] = mean
        if ends is None:
            continue
        rows, asked = (part.astype(np.float64) for part in (ends[0][known], ends[1]))
        centre = rows.mean(axis=0)
        rows, asked = rows - centre, asked - centre
        # In the space of samples: there may be fewer of them than features.
        kernel = rows @ rows.T + _PENALTY * rows.shape[1] * np.eye(len(rows))
        expected[:, place] += asked @ (rows.T @ np.linalg.solve(kernel, column[known] - mean))
    return expected

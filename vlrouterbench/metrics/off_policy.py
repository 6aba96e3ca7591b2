"""What a policy would have got, from requests that another one answered with known probabilities.

Decisions
- Three estimators side by side. Inverse propensity scoring is unbiased and spreads most; self-normalising it costs a
  bias that vanishes with more requests; the doubly robust one also uses expectations, and is unbiased however wrong
  they are, as long as the probabilities are right.
- Intervals are normal ones by the spread over clusters, since requests of one conversation are no independent ones.
- The last two count one more agreeing request, with the outcome of the log that lies farthest from the estimate: a few
  that all went well would show no spread, and be taken for certainty.
- The effective sample size says how many requests the weights leave. Below MIN_EFFECTIVE there is no estimate: a
  normal interval over a few large weights does not hold what it promises.

Sources: Horvitz and Thompson (JASA 47, 1952) for inverse propensities; Swaminathan and Joachims (NeurIPS 2015) for the
self-normalised estimator; Dudik, Langford and Li (ICML 2011, arXiv 1103.4601) for the doubly robust one; Kish (Survey
Sampling, 1965) for the effective sample size; Liang and Zeger (Biometrika 73, 1986) for clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MIN_EFFECTIVE = 30.0
"""Requests that the weights must leave."""
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, in the unit of the outcomes."""

    value: float
    low: float
    high: float

    def within(self, lowest: float, highest: float) -> Estimate:
        """The same with its interval cut to what is possible; the value, which may lie outside, as it is."""
        return Estimate(self.value, *(min(max(end, lowest), highest) for end in (self.low, self.high)))


def weights_of(agrees: np.ndarray, propensity: np.ndarray) -> np.ndarray:
    """w_i = 1[pi(x_i) = a_i] / e_i, (num_requests,).

    Args:
        agrees: (num_requests,) bool: whether the policy would have asked the candidate that was asked.
        propensity: (num_requests,) probabilities above 0 with which it was asked.
    """
    return np.where(agrees, 1.0 / propensity, 0.0)


def effective_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2: how many requests of equal weight would say as much; 0 where no weight is left."""
    total = float((weights**2).sum())
    return float(weights.sum() ** 2 / total) if total else 0.0


def inverse_propensity(weights: np.ndarray, outcome: np.ndarray, clusters: np.ndarray) -> Estimate:
    """mean(w_i y_i).

    Args:
        weights: of `weights_of`.
        outcome: (num_requests,) of the candidate that was asked.
        clusters: (num_requests,) conversation of each, names or numbers.
    """
    return mean_over(weights * outcome, clusters)


def self_normalised(weights: np.ndarray, outcome: np.ndarray, clusters: np.ndarray) -> Estimate:
    """sum(w_i y_i) / sum(w_i), with the interval of the delta method; arguments as for `inverse_propensity`."""
    value = float((weights * outcome).sum() / weights.sum())
    more = _one_more(weights, outcome, value) / weights.mean()
    spread = _half_width(weights * (outcome - value) / weights.mean(), clusters, more)
    return Estimate(value, value - spread, value + spread)


def doubly_robust(terms: np.ndarray, weights: np.ndarray, outcome: np.ndarray, clusters: np.ndarray) -> Estimate:
    """Mean of terms (num_requests,) of `doubly_robust_terms`; other arguments as for `inverse_propensity`."""
    value = float(terms.mean())
    spread = _half_width(terms - value, clusters, _one_more(weights, outcome, value))
    return Estimate(value, value - spread, value + spread)


def doubly_robust_terms(
    weights: np.ndarray, outcome: np.ndarray, expected_asked: np.ndarray, expected_policy: np.ndarray
) -> np.ndarray:
    """q(x_i, pi(x_i)) + w_i (y_i - q(x_i, a_i)), (num_requests,): their mean is the doubly robust estimate.

    Args:
        weights: as for `inverse_propensity`.
        outcome: likewise.
        expected_asked: (num_requests,) outcome that was expected of the candidate that was asked.
        expected_policy: (num_requests,) outcome that is expected of the policy's own choice.
    """
    return expected_policy + weights * (outcome - expected_asked)


def mean_over(values: np.ndarray, clusters: np.ndarray) -> Estimate:
    """Mean of values (num_requests,) with its interval by clusters (num_requests,)."""
    mean = float(values.mean())
    spread = _half_width(values - mean, clusters)
    return Estimate(mean, mean - spread, mean + spread)


def _one_more(weights: np.ndarray, outcome: np.ndarray, value: float) -> float:
    """What one more agreeing request of mean weight adds, with the outcome that lies farthest from a value."""
    farthest = max(abs(float(outcome.max()) - value), abs(float(outcome.min()) - value))
    return farthest * float(weights[weights > 0].mean())


def _half_width(residuals: np.ndarray, clusters: np.ndarray, more: float = 0.0) -> float:
    sums = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=residuals)
    if len(sums) < 2:
        return float("inf")
    variance = len(sums) / (len(sums) - 1) * ((sums**2).sum() + more**2) / len(residuals) ** 2
    return float(_NORMAL_95 * np.sqrt(variance))

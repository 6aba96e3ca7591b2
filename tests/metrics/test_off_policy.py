"""Off-policy estimates: by hand, and against the truth of drawn logs."""

import numpy as np
import pytest

from vlrouterbench.metrics.off_policy import (
    Estimate,
    doubly_robust,
    doubly_robust_terms,
    effective_size,
    inverse_propensity,
    mean_over,
    self_normalised,
    weights_of,
)


def test_estimates_by_hand():
    weights = weights_of(np.array([True, False, True, True]), np.array([0.5, 0.5, 0.25, 1.0]))
    outcome, clusters = np.array([1.0, 1.0, 0.0, 1.0]), np.arange(4)
    np.testing.assert_allclose(weights, [2, 0, 4, 1])
    assert inverse_propensity(weights, outcome, clusters).value == pytest.approx((2 + 0 + 0 + 1) / 4)
    assert self_normalised(weights, outcome, clusters).value == pytest.approx(3 / 7)
    assert effective_size(weights) == pytest.approx(49 / 21) and effective_size(np.zeros(3)) == 0
    terms = doubly_robust_terms(weights, outcome, np.full(4, 0.5), np.full(4, 0.75))
    np.testing.assert_allclose(terms, [0.75 + 1, 0.75, 0.75 - 2, 0.75 + 0.5])


def test_an_interval_is_that_of_a_mean_and_clusters_that_repeat_one_answer_add_nothing():
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    alone = mean_over(values, np.arange(5))
    half = 1.959964 * values.std(ddof=1) / np.sqrt(5)
    assert (alone.low, alone.high) == pytest.approx((0.6 - half, 0.6 + half), rel=1e-5)
    again = mean_over(np.repeat(values, 7), np.repeat(np.arange(5), 7))
    assert (again.low, again.high) == pytest.approx((alone.low, alone.high))
    assert mean_over(values, np.zeros(5)).high == np.inf


def test_what_cannot_be_is_cut_off_an_interval_and_the_value_stays():
    assert Estimate(0.98, 0.9, 1.06).within(0.0, 1.0) == Estimate(0.98, 0.9, 1.0)
    assert Estimate(0.1, -0.3, 0.5).within(0.0, float("inf")) == Estimate(0.1, 0.0, 0.5)


def test_requests_that_all_went_well_are_no_certainty():
    weights, outcome = np.array([2.0] * 10 + [0.0] * 10), np.array([1.0] * 10 + [0.0] * 10)
    found = self_normalised(weights, outcome, np.arange(20))
    # One more request that failed, of weight 2: a residual of 2 over the mean weight of 1, for 20 requests.
    half = 1.959964 * np.sqrt(20 / 19) * 2 / 20
    assert (found.value, found.low) == pytest.approx((1.0, 1.0 - half), rel=1e-5)
    terms = doubly_robust_terms(weights, outcome, outcome, np.ones(20))
    assert doubly_robust(terms, weights, outcome, np.arange(20)).low == pytest.approx(1.0 - half, rel=1e-5)


def drawn_log(rng, count):
    """What a soft policy asked of three candidates on drawn requests: estimates of a greedy one, and its true value.

    Expectations are wrong on purpose: the doubly robust estimate must not need them.
    """
    chance = np.array([[0.2, 0.5, 0.9], [0.7, 0.6, 0.8]])  # by kind of request and candidate
    kind = rng.integers(2, size=count)
    logits = np.array([[1.0, 0.2, 0.0], [0.0, 1.0, 0.3]])[kind]
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    asked = (rng.random((count, 1)) > share.cumsum(axis=1)).sum(axis=1)
    rows = np.arange(count)
    outcome = (rng.random(count) < chance[kind, asked]).astype(float)
    policy = np.array([2, 0])[kind]
    weights = weights_of(policy == asked, share[rows, asked])
    expected = np.array([0.3, 0.4, 0.6])
    terms = doubly_robust_terms(weights, outcome, expected[asked], expected[policy])
    found = {
        "ips": inverse_propensity(weights, outcome, rows),
        "self-normalised": self_normalised(weights, outcome, rows),
        "doubly-robust": doubly_robust(terms, weights, outcome, rows),
    }
    return found, 0.5 * (chance[0, 2] + chance[1, 0])


def test_intervals_of_95_percent_hold_the_truth_in_about_95_of_100_logs():
    rng = np.random.default_rng(26)
    holds = {name: [] for name in ("ips", "self-normalised", "doubly-robust")}
    for _ in range(200):
        found, truth = drawn_log(rng, 500)
        for name, estimate in found.items():
            holds[name].append(estimate.low <= truth <= estimate.high)
    # Of 200 logs at 95 %, 181 to 198 are what 999 of 1000 runs would show.
    for name, held in holds.items():
        assert 181 <= sum(held) <= 198, f"{name}: {sum(held)} of 200"

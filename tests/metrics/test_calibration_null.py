"""ECE under the null: golden numbers by hand, signs that do not matter, and its verdict on known estimators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.calibration import expected_calibration_error
from vlrouterbench.metrics.calibration_null import null_calibration_error


def test_one_group_of_all_samples_has_its_own_error_under_every_sign():
    outcomes = np.array([1, 1, 1, 0, 0.5])
    # |mean of 0.5, 0.5, 0.5, -0.5, 0| whichever way the group is turned.
    assert null_calibration_error(np.full(5, 0.5), outcomes, ["g"] * 5, 0) == pytest.approx((0.2, 0.2))


def test_two_groups_in_one_bin_add_up_or_cancel():
    # Residuals 0.5 twice and 0.1 twice over four samples: 0.3 where signs agree, 0.2 where they do not.
    estimates, outcomes = np.array([0.5, 0.5, 0.5, 0.5]), np.array([1, 1, 0.6, 0.6])
    mean, p95 = null_calibration_error(estimates, outcomes, ["a", "a", "b", "b"], 0)
    # The mean of 1,000 draws of 0.3 or 0.2 is within four standard errors of 0.25.
    assert mean == pytest.approx(0.25, abs=4 * 0.05 / np.sqrt(1000)) and p95 == pytest.approx(0.3)


def test_bins_do_not_cancel_each_other():
    # One bin each: 0.1 / 2 and 0.3 / 2, whatever the signs.
    found = null_calibration_error(np.array([0.1, 0.7]), np.array([0.2, 1.0]), ["a", "b"], 3)
    assert found == pytest.approx((0.2, 0.2))


@given(st.integers(0, 1_000), st.integers(0, 5))
def test_the_null_distribution_is_the_same_when_a_group_errs_the_other_way(seed, turned):
    # All in one bin and balanced signs: turning one group's residuals turns its sign in every draw.
    rng = np.random.default_rng(seed)
    groups, residuals = rng.integers(0, 6, 40), rng.uniform(-0.4, 0.4, 40)
    estimates = np.full(40, 0.5)
    other = np.where(groups == turned, -residuals, residuals)
    means = [null_calibration_error(estimates, estimates + r, groups, 7) for r in (residuals, other)]
    exact = [_exact_mean(groups, r) for r in (residuals, other)]
    assert exact[0] == pytest.approx(exact[1])
    for (mean, _), value in zip(means, exact, strict=True):
        assert mean == pytest.approx(value, rel=0.15)


def _exact_mean(groups, residuals):
    """The mean over all signs, by enumeration."""
    names = np.unique(groups)
    sums = np.array([residuals[groups == name].sum() for name in names]) / len(groups)
    signs = 1 - 2 * ((np.arange(2 ** len(names))[:, None] >> np.arange(len(names))) & 1)
    return np.abs(signs @ sums).mean()


def test_names_of_groups_do_not_matter_beyond_their_order():
    rng = np.random.default_rng(0)
    estimates, outcomes, numbers = rng.random(60), rng.integers(0, 2, 60), rng.integers(0, 9, 60)
    by_number = null_calibration_error(estimates, outcomes, numbers, 1)
    assert by_number == null_calibration_error(estimates, outcomes, [f"group {n}" for n in numbers], 1)
    assert by_number != null_calibration_error(estimates, outcomes, numbers, 2)


def _clustered(rng, shift):
    """Estimates of 40 groups of 10 samples and outcomes that a group shares in part; off by `shift`."""
    truth = np.repeat(rng.uniform(0.3, 0.7, 40), 10)
    shared = np.repeat(rng.random(40), 10)
    alone = rng.random(400) < 0.5
    outcomes = (np.where(alone, rng.random(400), shared) < truth).astype(float)
    return truth + shift, outcomes, np.repeat(np.arange(40), 10)


def test_a_calibrated_estimator_on_few_groups_is_within_the_null_distribution_and_a_shifted_one_is_not():
    within = {0.0: 0, 0.25: 0}
    for seed in range(60):
        for shift in within:
            estimates, outcomes, groups = _clustered(np.random.default_rng(seed), shift)
            _, p95 = null_calibration_error(estimates, outcomes, groups, seed)
            within[shift] += expected_calibration_error(estimates, outcomes) <= p95
    assert within[0.0] >= 51 and within[0.25] <= 9


def test_samples_taken_one_by_one_would_call_the_calibrated_estimator_wrong():
    above = 0
    for seed in range(40):
        estimates, outcomes, groups = _clustered(np.random.default_rng(seed), 0.0)
        _, p95 = null_calibration_error(estimates, outcomes, np.arange(len(groups)), seed)
        above += expected_calibration_error(estimates, outcomes) > p95
    assert above >= 12


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(EvaluationError, match="one group per estimate, found 1 for 2"):
        null_calibration_error(np.array([0.5, 0.5]), np.array([0, 1]), ["a"], 0)
    with pytest.raises(EvaluationError, match="estimates"):
        null_calibration_error(np.array([1.5]), np.array([1]), ["a"], 0)

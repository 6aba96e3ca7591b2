"""Expected calibration error: by hand, and against scipy's binning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binned_statistic

from vlrouterbench.errors import EvaluationError
from vlrouterbench.metrics.calibration import expected_calibration_error


def test_error_of_four_decisions_in_five_bins():
    # |0 - 0.1| * 1/4 + |0.5 - 0.3| * 2/4 + |1 - 0.9| * 1/4
    estimates, outcomes = np.array([0.1, 0.3, 0.3, 0.9]), np.array([0, 1, 0, 1])
    assert expected_calibration_error(estimates, outcomes, num_bins=5) == pytest.approx(0.15)


def test_errors_of_opposite_sign_cancel_within_a_bin_alone():
    estimates = np.array([0.5, 0.5])
    assert expected_calibration_error(estimates, np.array([0, 1])) == 0
    assert expected_calibration_error(np.array([0.1, 0.9]), np.array([1, 0])) == pytest.approx(0.9)


def test_ends_of_the_scale_fall_into_the_outer_bins():
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0
    # 0.2 closes the first of five bins: with 0.0 it has mean 0.1.
    assert expected_calibration_error(np.array([0.0, 0.2]), np.array([0.0, 0.2]), num_bins=5) == 0
    assert expected_calibration_error(np.array([0.0, 0.2]), np.array([1.0, 0.0]), num_bins=5) == pytest.approx(0.4)


@given(st.integers(0, 10_000))
def test_equals_scipys_binned_means(seed):
    rng = np.random.default_rng(seed)
    estimates, outcomes = rng.random(60), rng.integers(0, 2, 60)
    edges = {"bins": 15, "range": (0, 1)}
    counts = binned_statistic(estimates, estimates, "count", **edges).statistic
    gap = [binned_statistic(estimates, values, "sum", **edges).statistic for values in (outcomes, estimates)]
    expected = np.abs(gap[0] - gap[1]).sum() / counts.sum()
    assert expected_calibration_error(estimates, outcomes) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("estimates", "outcomes", "said"),
    [([], [], "shapes"), ([0.5, 0.5], [1], "shapes"), ([1.2], [1], "estimates"), ([0.5], [np.nan], "outcomes")],
)
def test_what_cannot_be_compared_is_refused(estimates, outcomes, said):
    with pytest.raises(EvaluationError, match=said):
        expected_calibration_error(np.array(estimates), np.array(outcomes))

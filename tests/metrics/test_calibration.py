"""Calibration: error, diagram, Brier score and risk over coverage by hand, and against other libraries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binned_statistic
from sklearn.metrics import brier_score_loss

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.calibration import (
    ReliabilityBin,
    area_under_risk_coverage,
    brier_score,
    expected_calibration_error,
    reliability_bins,
    risk_coverage,
)

ESTIMATES, OUTCOMES = np.array([0.9, 0.6, 0.6, 0.2]), np.array([1.0, 1.0, 0.0, 0.5])


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
    for measure in (expected_calibration_error, reliability_bins, brier_score, risk_coverage):
        with pytest.raises(EvaluationError, match=said):
            measure(np.array(estimates), np.array(outcomes))


def test_the_diagram_holds_the_bins_that_are_not_empty():
    # Bins of width 0.2: 0.2 closes the first, 0.6 twice closes the third, 0.9 is in the fifth.
    assert reliability_bins(ESTIMATES, OUTCOMES, num_bins=5) == (
        ReliabilityBin(1, 0.2, 0.5),
        ReliabilityBin(2, 0.6, 0.5),
        ReliabilityBin(1, 0.9, 1.0),
    )
    # |0.3| * 1/4 + |0.1| * 2/4 + |0.1| * 1/4
    assert expected_calibration_error(ESTIMATES, OUTCOMES, num_bins=5) == pytest.approx(0.15)


def test_brier_score_of_four_decisions():
    # (0.01 + 0.16 + 0.36 + 0.09) / 4
    assert brier_score(ESTIMATES, OUTCOMES) == pytest.approx(0.155)


def test_risk_over_coverage_of_four_decisions():
    coverage, risk = risk_coverage(ESTIMATES, OUTCOMES)
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    # The two of 0.6 share their mean outcome 0.5: kept are 1, 1.5 of 2, 2 of 3, 2.5 of 4.
    assert risk == pytest.approx([0, 0.25, 1 / 3, 0.375])
    assert area_under_risk_coverage(ESTIMATES, OUTCOMES) == pytest.approx((0.25 + 1 / 3 + 0.375) / 4)


@given(st.integers(0, 10_000))
def test_brier_score_equals_sklearns(seed):
    rng = np.random.default_rng(seed)
    estimates, outcomes = rng.random(40), rng.integers(0, 2, 40)
    outcomes[:2] = 0, 1
    assert brier_score(estimates, outcomes) == pytest.approx(brier_score_loss(outcomes, estimates))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=30), st.randoms())
def test_a_curve_does_not_depend_on_the_order_and_ends_at_the_whole_risk(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    curves = [risk_coverage(*(np.array(column, float) / (4, 1)[i] for i, column in enumerate(zip(*p, strict=True))))
              for p in (pairs, shuffled)]  # fmt: skip
    assert curves[0][1] == pytest.approx(curves[1][1])
    assert curves[0][1][-1] == pytest.approx(1 - np.mean([outcome for _, outcome in pairs]))


def test_estimates_that_tell_nothing_apart_have_the_whole_risk_at_every_coverage():
    assert risk_coverage(np.full(4, 0.7), OUTCOMES)[1] == pytest.approx([0.375] * 4)

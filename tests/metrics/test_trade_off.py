"""Rank Score and its parts: the published table, numbers by hand, monotony, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.trade_off import chosen_values, normalized_cost, oracle_gap_closed, rank_score

# (method, accuracy %, USD per 10,000 samples, Rank Score): the published table of arXiv 2512.23562 and two later works.
PUBLISHED = (
    ("Oracle", 95.60, 0.37, 93.68),
    ("Strongest", 78.01, 2.72, 68.88),
    ("Cheapest", 62.43, 0.14, 64.63),
    ("KNN", 66.26, 0.38, 67.13),
    ("PRkNN", 70.68, 0.41, 71.09),
    ("OVR", 75.49, 2.18, 68.92),
    ("K-means", 70.01, 2.21, 64.62),
    ("Linear", 68.32, 1.32, 65.68),
    ("MLP", 77.49, 1.13, 74.23),
    ("CosineCls", 70.24, 0.61, 69.90),
    ("RouterDC", 77.52, 1.04, 74.59),
    ("ZOOTER", 74.65, 0.93, 72.58),
    ("VLC", 78.09, 1.23, 74.33),
    ("UniRoute-KM", 75.88, 0.82, 74.04),
    ("UniRoute-LM", 75.14, 0.68, 73.86),
    ("SCOPE-Router", 79.11, 0.98, 76.18),
)
# The mean of scores over trials is not the score of means: two rows are further off.
TOLERANCES = {"UniRoute-LM": 0.10, "Linear": 0.20}
PUBLISHED_BOUNDS = (0.143e-4, 10.70e-4)
BOUNDS = (0.001, 0.008)
SETTINGS = examples(60)
SHARES = st.floats(0, 1)
COSTS = st.floats(1e-5, 1.0)


@pytest.mark.parametrize(("method", "accuracy", "per_10k", "published"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_published_rank_scores_are_reproduced(method, accuracy, per_10k, published):
    score = rank_score(accuracy / 100, per_10k / 10_000, cost_bounds=PUBLISHED_BOUNDS)
    assert score == pytest.approx(published, abs=TOLERANCES.get(method, 0.04))


def test_rank_score_by_hand(golden_matrices):
    quality, cost = golden_matrices
    scores = []
    for decisions in ([0] * 5, [1] * 5, [2] * 5, [0, 1, 2, 0, 0]):
        chosen = np.array(decisions)
        accuracy, average = chosen_values(quality, chosen).mean(), chosen_values(cost, chosen).mean()
        scores.append(float(rank_score(accuracy, average, cost_bounds=BOUNDS)))
    # small: A 2/5, C 1. middle: A 2/5, C 2/3. large: A 4/5, C 0. cheapest correct: A 4/5, cost 13/5 of 0.001.
    cheapness = math.log2(8 / 2.6) / 3
    by_hand = [44 / 1.04, 100 * 1.1 * 0.4 * (2 / 3) / (0.04 + 2 / 3), 0.0, 88 * cheapness / (0.08 + cheapness)]
    assert scores == pytest.approx(by_hand, abs=1e-9)
    assert scores == pytest.approx([42.3077, 41.5094, 0.0, 76.6544], abs=5e-4)


def test_normalized_cost_is_one_at_cmin_zero_at_cmax_and_logarithmic_between():
    values = normalized_cost(np.array([0.001, 0.002, 0.004, 0.008]), cost_bounds=BOUNDS)
    assert values[0] == 1.0 and values[-1] == 0.0
    np.testing.assert_allclose(values, [1, 2 / 3, 1 / 3, 0], atol=1e-12)


@pytest.mark.parametrize(("outside", "bound"), [(0.0005, 0.001), (0.0, 0.001), (0.02, 0.008), (math.inf, 0.008)])
def test_cost_outside_the_bounds_counts_as_at_the_bound(outside, bound):
    assert rank_score(0.7, outside, cost_bounds=BOUNDS) == rank_score(0.7, bound, cost_bounds=BOUNDS)


def test_no_accuracy_or_no_cheapness_scores_zero():
    assert rank_score(0.0, 0.001, cost_bounds=BOUNDS) == 0
    assert rank_score(1.0, 0.008, cost_bounds=BOUNDS) == 0
    assert rank_score(0.0, 0.008, cost_bounds=BOUNDS) == 0


def test_all_right_at_cmin_scores_hundred():
    assert rank_score(1.0, 0.001, cost_bounds=BOUNDS) == pytest.approx(100)


@SETTINGS
@given(SHARES, SHARES, COSTS)
def test_more_accuracy_never_lowers_the_score(one, two, cost):
    low, high = sorted((one, two))
    scores = rank_score(np.array([low, high]), np.array([cost, cost]), cost_bounds=(1e-4, 0.1))
    assert scores[1] >= scores[0] - 1e-9


@SETTINGS
@given(SHARES, COSTS, COSTS)
def test_more_cost_never_raises_the_score(accuracy, one, two):
    low, high = sorted((one, two))
    scores = rank_score(np.array([accuracy, accuracy]), np.array([low, high]), cost_bounds=(1e-4, 0.1))
    assert scores[1] <= scores[0] + 1e-9


@SETTINGS
@given(SHARES, COSTS, st.floats(0.01, 10), st.floats(0.001, 1000))
def test_score_lies_in_0_to_100_and_the_currency_does_not_matter(accuracy, cost, beta, rate):
    score = rank_score(accuracy, cost, cost_bounds=(1e-4, 0.1), beta=beta)
    assert 0 <= score <= 100
    assert score == pytest.approx(
        float(rank_score(accuracy, cost * rate, cost_bounds=(1e-4 * rate, 0.1 * rate), beta=beta)), abs=1e-6
    )


def test_arrays_score_like_their_elements():
    accuracy, cost = np.array([[0.2, 0.5], [0.7, 0.9]]), np.array([[0.001, 0.002], [0.003, 0.01]])
    scores = rank_score(accuracy, cost, cost_bounds=BOUNDS)
    assert scores.shape == (2, 2)
    for place in np.ndindex(2, 2):
        assert scores[place] == rank_score(accuracy[place], cost[place], cost_bounds=BOUNDS)


@pytest.mark.parametrize(("quality", "cost"), [(math.nan, 0.001), (0.5, math.nan), ([0.5, math.nan], [0.001, 0.001])])
def test_nan_is_refused(quality, cost):
    with pytest.raises(EvaluationError, match="NaN"):
        rank_score(quality, cost, cost_bounds=BOUNDS)


@pytest.mark.parametrize("quality", [-0.01, 1.01, 55.0])
def test_quality_outside_the_unit_interval_is_refused(quality):
    with pytest.raises(EvaluationError, match=r"\[0, 1\]"):
        rank_score(quality, 0.001, cost_bounds=BOUNDS)


@pytest.mark.parametrize(
    "bounds",
    [(0.008, 0.001), (0.001, 0.001), (0.0, 0.01), (-1.0, 1.0), (math.nan, 1.0), (0.1, math.inf), (0.1,), None, "ab"],
)
def test_wrong_cost_bounds_are_refused(bounds):
    with pytest.raises(EvaluationError, match="cost.bounds"):
        rank_score(0.5, 0.001, cost_bounds=bounds)


@pytest.mark.parametrize("beta", [0.0, -0.1, math.nan, math.inf])
def test_beta_must_be_positive(beta):
    with pytest.raises(EvaluationError, match="beta"):
        rank_score(0.5, 0.001, cost_bounds=BOUNDS, beta=beta)


def test_chosen_values_picks_one_per_row(golden_matrices):
    quality, cost = golden_matrices
    decisions = np.array([2, 0, 1, 1, 0])
    assert chosen_values(quality, decisions).tolist() == [1, 0, 0, 0, 1]
    assert chosen_values(cost, decisions).tolist() == [0.008, 0.001, 0.002, 0.002, 0.001]


@pytest.mark.parametrize("decisions", [[0, 1], [[0, 1, 2, 0, 1]], 0])
def test_wrong_number_of_decisions_is_refused(golden_matrices, decisions):
    with pytest.raises(EvaluationError, match="one decision per row"):
        chosen_values(golden_matrices[0], np.array(decisions))


def test_matrix_of_one_dimension_is_refused():
    with pytest.raises(EvaluationError, match="one decision per row"):
        chosen_values(np.array([1.0, 0.0]), np.array([0, 0]))


@pytest.mark.parametrize("wrong", [-1, 3])
def test_decision_outside_the_pool_is_refused(golden_matrices, wrong):
    with pytest.raises(EvaluationError, match=r"0\.\.2"):
        chosen_values(golden_matrices[0], np.array([0, 1, wrong, 0, 0]))


def test_oracle_gap_is_a_share_and_none_without_a_gap():
    assert oracle_gap_closed(0.8, baseline=0.7, oracle=0.9) == pytest.approx(0.5)
    assert oracle_gap_closed(0.6, baseline=0.7, oracle=0.9) == pytest.approx(-0.5)
    assert oracle_gap_closed(0.7, baseline=0.7, oracle=0.7) is None


def test_shapes_that_disagree_are_refused():
    with pytest.raises(EvaluationError, match=r"\(3,\) and \(2,\)"):
        rank_score(np.array([0.5, 0.6]), np.array([0.001, 0.002, 0.003]), cost_bounds=BOUNDS)


@pytest.mark.parametrize("decisions", [[0.5, 1, 2, 0, 0], [math.nan] * 5, list("abcab")])
def test_decisions_must_be_whole_numbers(golden_matrices, decisions):
    with pytest.raises(EvaluationError, match="whole numbers"):
        chosen_values(golden_matrices[0], np.array(decisions))

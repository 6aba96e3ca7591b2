"""Soft labels: mass on correct candidates only, weighted by cost, computed so that nothing underflows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.series import examples
from vlrouterbench.core.constants import COST_WEIGHTS, Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.training.soft_labels import build_soft_labels

SHAPE = (6, 4)
SETTINGS = examples(50)
WEIGHTS = st.sampled_from(COST_WEIGHTS)
UNSOLVED = st.sampled_from(list(Unsolved))
QUALITIES = arrays(float, SHAPE, elements=st.sampled_from([0.0, 0.3, 0.5, 1.0, np.nan]))
COSTS = arrays(float, SHAPE, elements=st.floats(1e-6, 1e-2) | st.just(np.nan))


def _measured(quality, cost):
    return np.isfinite(quality) & np.isfinite(cost)


@SETTINGS
@given(QUALITIES, COSTS, WEIGHTS, UNSOLVED)
def test_rows_sum_to_one_or_to_zero_where_dropped(quality, cost, weight, unsolved):
    labels = build_soft_labels(quality, cost, cost_weight=weight, unsolved=unsolved)
    measured = _measured(quality, cost)
    solved = (measured & (quality >= 0.5)).any(axis=1)
    counts = solved if unsolved is Unsolved.DROP else measured.any(axis=1)
    assert (labels >= 0).all()
    np.testing.assert_allclose(labels.sum(axis=1), counts.astype(float), atol=1e-12)


@SETTINGS
@given(QUALITIES, COSTS, WEIGHTS, UNSOLVED)
def test_unmeasured_candidates_get_no_mass(quality, cost, weight, unsolved):
    labels = build_soft_labels(quality, cost, cost_weight=weight, unsolved=unsolved)
    assert (labels[~_measured(quality, cost)] == 0).all()


@SETTINGS
@given(QUALITIES, COSTS, WEIGHTS)
def test_wrong_candidates_get_no_mass_on_solved_samples(quality, cost, weight):
    labels = build_soft_labels(quality, cost, cost_weight=weight)
    assert (labels[~(quality >= 0.5)] == 0).all()


@SETTINGS
@given(QUALITIES, COSTS)
def test_zero_cost_weight_is_uniform_over_the_correct(quality, cost):
    labels = build_soft_labels(quality, cost, cost_weight=0.0)
    correct = _measured(quality, cost) & (quality >= 0.5)
    expected = correct / np.maximum(correct.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(labels, expected, atol=1e-15)


@SETTINGS
@given(QUALITIES, COSTS, UNSOLVED)
def test_infinite_cost_weight_is_one_hot_on_the_cheapest_correct(quality, cost, unsolved):
    labels = build_soft_labels(quality, cost, cost_weight=np.inf, unsolved=unsolved)
    correct = _measured(quality, cost) & (quality >= 0.5)
    for label, right, price in zip(labels, correct, cost, strict=True):
        if right.any():
            assert sorted(label)[-2:] == [0.0, 1.0]
            assert right[label.argmax()] and price[label.argmax()] == price[right].min()


@SETTINGS
@given(QUALITIES, COSTS, st.floats(0, 1e4), st.floats(0.01, 100), UNSOLVED)
def test_scaling_costs_up_and_the_weight_down_changes_nothing(quality, cost, weight, factor, unsolved):
    labels = build_soft_labels(quality, cost, cost_weight=weight, unsolved=unsolved)
    scaled = build_soft_labels(quality, cost * factor, cost_weight=weight / factor, unsolved=unsolved)
    np.testing.assert_allclose(scaled, labels, rtol=1e-9, atol=1e-12)


@SETTINGS
@given(QUALITIES, arrays(float, SHAPE, elements=st.floats(1e-6, 1e-2), unique=True), WEIGHTS, UNSOLVED, st.randoms())
def test_permuting_candidates_permutes_labels(quality, cost, weight, unsolved, random):
    order = random.sample(range(SHAPE[1]), SHAPE[1])
    labels = build_soft_labels(quality, cost, cost_weight=weight, unsolved=unsolved)
    permuted = build_soft_labels(quality[:, order], cost[:, order], cost_weight=weight, unsolved=unsolved)
    np.testing.assert_allclose(permuted, labels[:, order], rtol=1e-12)


def test_numbers_by_hand(golden_matrices):
    quality, cost = golden_matrices
    # lambda = 10, s = 100: weights exp(-1), exp(-2), exp(-8) over the correct candidates of each row.
    one, two, eight = np.exp(-1), np.exp(-2), np.exp(-8)
    expected = [
        [one / (one + two + eight), two / (one + two + eight), eight / (one + two + eight)],
        [0, two / (two + eight), eight / (two + eight)],
        [0, 0, 1],
        [0, 0, 0],
        [one / (one + eight), 0, eight / (one + eight)],
    ]
    np.testing.assert_allclose(build_soft_labels(quality, cost, cost_weight=10.0), expected, rtol=1e-12)


def test_extreme_weights_by_hand(golden_matrices):
    quality, cost = golden_matrices
    uniform = build_soft_labels(quality, cost, cost_weight=0.0)
    np.testing.assert_allclose(uniform, [[1 / 3] * 3, [0, 0.5, 0.5], [0, 0, 1], [0, 0, 0], [0.5, 0, 0.5]])
    one_hot = build_soft_labels(quality, cost, cost_weight=np.inf)
    assert one_hot.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_large_finite_weight_does_not_underflow_and_approaches_infinity(golden_matrices):
    quality, cost = golden_matrices
    # At 1e6 the plain weights are exp(-1e5) and smaller: all zero in float64.
    for weight in (1e6, 1e100, 1e307):
        labels = build_soft_labels(quality, cost, cost_weight=weight)
        np.testing.assert_allclose(labels, build_soft_labels(quality, cost, cost_weight=np.inf), atol=1e-12)


def test_more_cost_weight_never_takes_mass_from_the_cheapest(golden_matrices):
    quality, cost = golden_matrices
    mass = [build_soft_labels(quality, cost, cost_weight=weight)[0, 0] for weight in (0, 1, 10, 100, 1000, np.inf)]
    assert mass == sorted(mass) and mass[0] < mass[1] < mass[2]


@pytest.mark.parametrize("weight", COST_WEIGHTS)
def test_unsolved_sample_is_dropped_or_goes_to_the_cheapest_measured(golden_matrices, weight):
    quality, cost = golden_matrices
    quality[3, 0] = np.nan
    dropped = build_soft_labels(quality, cost, cost_weight=weight, unsolved=Unsolved.DROP)
    cheapest = build_soft_labels(quality, cost, cost_weight=weight, unsolved=Unsolved.CHEAPEST)
    assert dropped[3].tolist() == [0, 0, 0]
    assert cheapest[3].tolist() == [0, 1, 0]
    solved = [0, 1, 2, 4]
    np.testing.assert_array_equal(dropped[solved], cheapest[solved])


def test_sample_measured_for_no_candidate_never_counts(golden_matrices):
    quality, cost = golden_matrices
    quality[3] = np.nan
    for unsolved in Unsolved:
        assert not build_soft_labels(quality, cost, cost_weight=10.0, unsolved=unsolved)[3].any()


def test_graded_quality_counts_as_correct_from_one_half():
    labels = build_soft_labels(np.array([[0.49, 0.5, 0.9]]), np.full((1, 3), 0.001), cost_weight=0.0)
    assert labels.tolist() == [[0, 0.5, 0.5]]


def test_arguments_are_left_as_they_were(golden_matrices):
    quality, cost = golden_matrices
    before = quality.copy(), cost.copy()
    build_soft_labels(quality, cost, cost_weight=10.0, unsolved=Unsolved.CHEAPEST)
    assert (quality == before[0]).all() and (cost == before[1]).all()


@pytest.mark.parametrize("weight", [-1.0, -np.inf, np.nan])
def test_negative_or_nan_cost_weight_is_an_error(golden_matrices, weight):
    with pytest.raises(RouterError, match="cost weight >= 0"):
        build_soft_labels(*golden_matrices, cost_weight=weight)

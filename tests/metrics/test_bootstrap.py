"""Intervals: groups are drawn, every router meets the same draws, and the seed fixes them."""

import numpy as np
import pytest
from scipy import stats

from vlrouterbench.metrics.bootstrap import NUM_RESAMPLES, interval, resampled_means, trade_off_draws
from vlrouterbench.metrics.trade_off import rank_score

BOUNDS = (0.001, 0.02)


@pytest.fixture
def case():
    """Quality and cost of 3 routers on 60 rows in 12 groups of uneven size."""
    rng = np.random.default_rng(5)
    groups = np.array([f"g{int(number):02d}" for number in rng.integers(0, 12, 60)])
    quality = (rng.random((60, 3)) < (0.4, 0.6, 0.8)).astype(float)
    return quality, rng.uniform(0.001, 0.02, (60, 3)), groups


def test_means_equal_a_direct_loop_over_drawn_groups(case):
    quality, _, groups = case
    names = np.unique(groups)
    # 700 resamples are drawn in blocks of at most 250.
    rng = np.random.default_rng(3)
    drawn_places = np.concatenate([rng.integers(len(names), size=(rows, len(names))) for rows in (250, 250, 200)])
    expected = []
    for places in drawn_places:
        rows = np.concatenate([np.flatnonzero(groups == names[place]) for place in places])
        expected.append(quality[rows].mean(axis=0))
    np.testing.assert_allclose(resampled_means(quality, groups, seed=3, num_resamples=700), expected, atol=1e-12)


def test_groups_are_drawn_whole():
    # Two groups, all right and all wrong, one three times as large: only three averages are possible.
    values = np.array([[1.0]] * 6 + [[0.0]] * 2)
    draws = resampled_means(values, ["a"] * 6 + ["b"] * 2, seed=0, num_resamples=400)
    assert set(np.round(draws.ravel(), 12)) == {0.0, 0.75, 1.0}


def test_spread_follows_the_number_of_groups_and_not_of_rows():
    rng = np.random.default_rng(0)
    per_group = rng.random(200)
    values, groups = np.repeat(per_group, 10)[:, None], np.repeat(np.arange(200), 10).astype(str)
    spread = resampled_means(values, groups, seed=0).std()
    assert spread == pytest.approx(per_group.std() / np.sqrt(200), rel=0.06)


def test_duplicating_rows_inside_their_group_leaves_intervals_unchanged(case):
    quality, cost, groups = case
    once = trade_off_draws(quality, cost, groups, cost_bounds=BOUNDS, beta=0.1, seed=1)
    twice = trade_off_draws(
        np.tile(quality, (2, 1)), np.tile(cost, (2, 1)), np.tile(groups, 2), cost_bounds=BOUNDS, beta=0.1, seed=1
    )
    for name, draws in once.items():
        np.testing.assert_allclose(twice[name], draws, rtol=1e-10)
        assert interval(twice[name][:, 0]) == pytest.approx(interval(draws[:, 0]))


def test_order_of_rows_does_not_matter(case):
    quality, _, groups = case
    order = np.random.default_rng(2).permutation(len(groups))
    one, two = resampled_means(quality, groups, seed=1), resampled_means(quality[order], groups[order], seed=1)
    np.testing.assert_allclose(two, one, atol=1e-12)


@pytest.mark.parametrize("num_between", [0, 1, 6, 17])
def test_router_against_itself_differs_by_exactly_nothing(case, num_between):
    quality, cost, groups = case
    rng = np.random.default_rng(9)
    between = rng.random((len(groups), num_between))
    qualities = np.column_stack([quality[:, :1], between, quality[:, :1]])
    costs = np.column_stack([cost[:, :1], between, cost[:, :1]])
    for draws in trade_off_draws(qualities, costs, groups, cost_bounds=BOUNDS, beta=0.1, seed=4).values():
        assert interval(draws[:, 0] - draws[:, -1]) == [0.0, 0.0]


def test_paired_interval_is_narrower_than_the_single_ones(case):
    quality, cost, groups = case
    better = quality[:, [0, 0]].copy()
    better[:3, 1] = 1.0
    draws = trade_off_draws(better, cost[:, [0, 0]], groups, cost_bounds=BOUNDS, beta=0.1, seed=4)["accuracy"]
    assert (draws[:, 1] - draws[:, 0]).std() < 0.6 * draws[:, 0].std()


def test_same_seed_gives_the_same_draws_and_another_seed_others(case):
    quality, _, groups = case
    draws = [resampled_means(quality, groups, seed=seed, num_resamples=50) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_scores_are_of_the_resampled_averages(case):
    draws = trade_off_draws(*case, cost_bounds=BOUNDS, beta=0.1, seed=4)
    assert {name: values.shape for name, values in draws.items()} == dict.fromkeys(
        ("accuracy", "average_cost_usd", "rank_score"), (NUM_RESAMPLES, 3)
    )
    expected = rank_score(draws["accuracy"], draws["average_cost_usd"], cost_bounds=BOUNDS)
    np.testing.assert_allclose(draws["rank_score"], expected)


def test_all_right_everywhere_is_a_legal_accuracy(case):
    _, cost, groups = case
    draws = trade_off_draws(np.ones_like(cost), cost, groups, cost_bounds=BOUNDS, beta=0.1, seed=0)
    np.testing.assert_allclose(draws["accuracy"], 1.0)


def test_interval_is_the_middle_95_percent():
    assert interval(np.arange(1001.0)) == pytest.approx([25.0, 975.0])


def test_intervals_agree_with_scipys_bootstrap():
    """One row per group is the ordinary bootstrap; scipy draws its own resamples."""
    rng = np.random.default_rng(6)
    values = rng.random(150) < 0.7
    expected = stats.bootstrap((values,), np.mean, n_resamples=NUM_RESAMPLES, method="percentile", rng=rng)
    draws = resampled_means(values[:, None].astype(float), np.arange(150).astype(str), seed=0)[:, 0]
    width = np.diff(expected.confidence_interval)[0]
    np.testing.assert_allclose(interval(draws), expected.confidence_interval, atol=0.1 * width)
    assert draws.std() == pytest.approx(expected.standard_error, rel=0.04)
    assert draws.std() == pytest.approx(stats.sem(values, ddof=0), rel=0.04)


def test_a_paired_interval_agrees_with_scipys_on_differences():
    rng = np.random.default_rng(7)
    quality = (rng.random((200, 2)) < (0.6, 0.7)).astype(float)
    pair = stats.bootstrap(
        tuple(quality.T), lambda a, b, axis: (b - a).mean(axis=axis), paired=True, method="percentile", rng=rng
    ).confidence_interval
    draws = resampled_means(quality, np.arange(200).astype(str), seed=0)
    np.testing.assert_allclose(interval(draws[:, 1] - draws[:, 0]), pair, atol=0.1 * (pair.high - pair.low))


def test_one_group_gives_an_interval_of_no_width(case):
    quality, _, _ = case
    draws = resampled_means(quality, ["only"] * len(quality), seed=0, num_resamples=20)
    np.testing.assert_allclose(draws, np.tile(quality.mean(axis=0), (20, 1)))

"""Mean ranks, wins, ties and losses, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.evaluation.compare.standing import mean_ranks, positions, tally, verdict

NUMBERS = st.integers(0, 4).map(float)


def test_equal_routers_share_the_mean_of_their_positions():
    assert positions(np.array([3.0, 5.0, 3.0, 1.0])).tolist() == [2.5, 1.0, 2.5, 4.0]
    assert positions(np.array([[1.0, 1.0 + 1e-12], [2.0, 1.0]])).tolist() == [[1.5, 1.5], [1.0, 2.0]]


def test_the_mean_rank_is_the_mean_over_benchmarks_and_its_interval_that_of_resamples_and_holds_it():
    values = [np.array([2.0, 1.0]), np.array([1.0, 2.0]), np.array([2.0, 1.0])]
    always = [np.tile(value, (100, 1)) for value in values]
    assert mean_ranks(values, always)[0] == (pytest.approx(4 / 3), [pytest.approx(4 / 3)] * 2)
    # On every resample of the second benchmark the first router leads: the interval is widened to hold its rank.
    led = [always[0], np.tile([2.0, 1.0], (100, 1)), always[2]]
    rank, (low, high) = mean_ranks(values, led)[0]
    assert (rank, low, high) == (pytest.approx(4 / 3), pytest.approx(1.0), pytest.approx(4 / 3))


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=4), st.permutations(range(3)))
@settings(max_examples=30, deadline=None)
def test_the_order_of_routers_does_not_matter_and_positions_sum_up(benchmarks, order):
    values = [np.array(value) for value in benchmarks]
    draws = [np.random.default_rng(0).normal(value, 1.0, (50, 3)) for value in values]
    ours = mean_ranks(values, draws)
    theirs = mean_ranks([value[order] for value in values], [drawn[:, order] for drawn in draws])
    assert [rank for rank, _ in theirs] == pytest.approx([ours[place][0] for place in order])
    assert sum(rank for rank, _ in ours) == pytest.approx(6)
    assert all(low <= rank <= high for rank, (low, high) in ours)


def test_only_an_interval_that_leaves_zero_out_is_a_win_or_a_loss():
    verdicts = [verdict(span) for span in ([0.1, 2.0], [-1.0, 2.0], [-3.0, -0.2], [0.0, 1.0], [0.0, 0.0])]
    assert verdicts == ["win", "tie", "loss", "tie", "tie"]
    assert tally(verdicts) == {"wins": 1, "ties": 3, "losses": 1}

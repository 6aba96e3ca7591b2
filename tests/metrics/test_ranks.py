"""Ranks: shared where a paired interval contains 0, with the range that resamples show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.ranks import RankRange, rank_ranges


def test_ranks_of_clear_differences_are_those_of_scipy_with_no_range():
    scores = np.array([3.0, 1.0, 7.0, 1.0])
    found = rank_ranges(np.tile(scores, (100, 1)))
    assert [r.rank for r in found] == rankdata(-scores, method="min").tolist()
    assert [(r.low, r.high) for r in found] == [(2, 2), (3, 4), (1, 1), (3, 4)]
    assert [r.tied_with for r in found] == [(), (3,), (), (1,)]


def test_a_lead_in_nine_of_ten_resamples_is_a_tie_and_in_all_but_one_of_a_hundred_is_none():
    other = np.zeros(100)
    for behind, rank, tied in ((10, 1, (0,)), (1, 2, ())):
        lead = np.where(np.arange(100) < behind, -1.0, 1.0)
        found = rank_ranges(np.column_stack([lead, other]))
        assert (found[0].rank, found[1].rank, found[1].tied_with) == (1, rank, tied)
    assert found[1] == RankRange(2, 2, 2, ())


def test_pairing_separates_what_spreads_side_by_side():
    """Two routers whose scores move together differ clearly, however wide each interval is."""
    common = np.random.default_rng(0).normal(0, 10, 500)
    found = rank_ranges(np.column_stack([common, common + 0.1]))
    assert [r.rank for r in found] == [2, 1] and not found[0].tied_with


def test_the_range_follows_the_share_of_resamples():
    # Third place in 5 of 100 resamples, second in 15, else first.
    rows = np.arange(100)
    first = np.where(rows < 5, 0.0, np.where(rows < 20, 1.5, 3.0))
    found = rank_ranges(np.column_stack([first, np.full(100, 2.0), np.full(100, 1.0)]))
    assert (found[0].rank, found[0].low, found[0].high) == (1, 1, 3)


@given(st.integers(0, 1000), st.integers(1, 6))
def test_ties_are_mutual_and_ranges_hold_ranks(seed, width):
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(60, width)) + rng.normal(0, 2, width)
    found = rank_ranges(draws)
    for place, r in enumerate(found):
        assert 1 <= r.low <= r.rank <= r.high <= width
        assert all(place in found[other].tied_with for other in r.tied_with)


def test_no_draws_and_nan_are_refused():
    for draws in (np.zeros((0, 3)), np.array([[1.0, np.nan]])):
        with pytest.raises(EvaluationError, match="without NaN"):
            rank_ranges(draws)

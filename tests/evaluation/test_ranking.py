"""Ranks: scores order them, paired intervals say which places are possible."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import hand_table
from vlrouterbench.evaluation.ranking import rank_range_text, rank_routers, ranks_of


def test_a_router_that_is_better_in_every_resample_is_ahead_and_the_others_tie():
    draws = np.column_stack([np.full(100, 9.0), np.tile([1.0, 3.0], 50), np.tile([2.5, 1.5], 50)])
    ranks = ranks_of(["a", "b", "c"], draws)
    assert [(r.rank, r.best, r.worst) for r in ranks.values()] == [(1, 1, 1), (2, 2, 3), (2, 2, 3)]
    assert [r.ties for r in ranks.values()] == [(), ("c",), ("b",)]
    assert rank_range_text(2, 3) == "2 to 3" and rank_range_text(1, 1) == "1"


def test_pairing_tells_apart_what_unpaired_intervals_do_not():
    common = np.linspace(0, 50, 100)
    ranks = ranks_of(["a", "b"], np.column_stack([common + 0.5, common]))
    assert (ranks["a"].worst, ranks["b"].best) == (1, 2)


def test_routers_with_the_same_decisions_share_a_rank_and_a_range():
    table = hand_table(np.eye(4, 2), np.tile([0.1, 0.2], (4, 1)))
    ranks = rank_routers(table, {"x": np.array([0, 1, 0, 1]), "y": np.array([0, 1, 0, 1])}, seed=0)
    assert {(r.rank, r.best, r.worst) for r in ranks.values()} == {(1, 1, 2)}
    assert rank_routers(table, {}, seed=0) == {}


@given(st.integers(1, 6), st.integers(0, 1000))
def test_a_rank_lies_within_its_range(size, seed):
    draws = np.random.default_rng(seed).normal(np.arange(size), 1.0, (200, size))
    names = [str(place) for place in range(size)]
    for rank in ranks_of(names, draws).values():
        assert 1 <= rank.best <= rank.rank <= rank.worst <= size

"""Reference policies: what each chooses, what it may know, and that the mixture is the best constant policy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.series import examples
from tests.tables import hand_table
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.evaluation.policies import POLICIES, best_mixture, decide_policy, draw_by_id
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import rank_score

BOUNDS = (0.001, 0.1)
FITTED_ON_TRAIN = [name for name in POLICIES if name not in ("oracle", "random")]

TRAIN = hand_table(
    quality=[[1, 1, 1], [0, 1, 1], [0, 1, 0], [0, 0, 1], [0, 0, 1], [1, 0, 1]],
    cost=np.tile([0.002, 0.01, 0.05], (6, 1)),
    datasets=["x", "x", "x", "y", "y", "y"],
    cost_bounds=BOUNDS,
)


def some_test_split(quality=None, **options):
    quality = [[1, 0, 1], [0, 0, 0], [0, 1, 1], [0, 0, 1]] if quality is None else quality
    options = {"datasets": ["x", "y", "x", "z"], "cost_bounds": BOUNDS} | options
    return hand_table(quality, np.tile([0.002, 0.01, 0.05], (len(quality), 1)), **options)


def random_benchmark(seed, size=200, width=6):
    rng = np.random.default_rng(seed)
    quality = (rng.random((size, width)) < np.sort(rng.random(width))).astype(float)
    cost = np.exp(rng.normal(np.sort(rng.uniform(-6, -2, width)), 0.2, (size, width)))
    return quality, cost


def test_the_oracle_takes_the_cheapest_correct_candidate_and_the_cheapest_where_nobody_is_right():
    assert decide_policy("oracle", some_test_split(), TRAIN, seed=0).decisions.tolist() == [0, 0, 1, 2]


def test_the_oracle_goes_by_cost_and_not_by_place_in_the_pool():
    table = hand_table([[1, 1, 0], [0, 0, 0]], [[0.05, 0.01, 0.002], [0.05, 0.002, 0.01]])
    assert decide_policy("oracle", table, TRAIN, seed=0).decisions.tolist() == [1, 1]


def test_the_oracle_counts_quality_of_a_half_and_more_as_correct():
    table = hand_table([[0.4, 0.5, 1.0]], [[0.001, 0.002, 0.003]], cost_bounds=BOUNDS)
    assert decide_policy("oracle", table, TRAIN, seed=0).decisions.tolist() == [1]


def test_strongest_and_cheapest_are_those_of_train():
    table = some_test_split()
    assert decide_policy("strongest", table, TRAIN, seed=0).decisions.tolist() == [2, 2, 2, 2]
    assert decide_policy("cheapest", table, TRAIN, seed=0).decisions.tolist() == [0, 0, 0, 0]


def test_strongest_ignores_what_was_not_measured():
    train = hand_table([[1, np.nan, 0], [1, 1, 0], [0, np.nan, 1]], [[0.002, np.nan, 0.05]] * 3, cost_bounds=BOUNDS)
    assert decide_policy("strongest", some_test_split(), train, seed=0).decisions.tolist() == [1] * 4


def test_strongest_per_dataset_falls_back_on_the_strongest_and_says_how_often():
    policy = decide_policy("strongest-per-dataset", some_test_split(), TRAIN, seed=0)
    assert policy.decisions.tolist() == [1, 2, 1, 2]
    assert policy.config["candidates"] == {"x": "c1", "y": "c2"}
    assert policy.config["samples_of_unseen_datasets"] == 1


@pytest.mark.parametrize("name", FITTED_ON_TRAIN)
def test_the_truth_of_the_scored_split_changes_no_policy_but_the_oracle(name):
    seen, altered = some_test_split(), some_test_split(quality=[[0, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]])
    dearer = hand_table(seen.quality, seen.cost[:, ::-1], datasets=["x", "y", "x", "z"], cost_bounds=BOUNDS)
    expected = decide_policy(name, seen, TRAIN, seed=3)
    for other in (altered, dearer):
        found = decide_policy(name, other, TRAIN, seed=3)
        assert found.decisions.tolist() == expected.decisions.tolist()
        assert found.config == expected.config


def test_the_truth_of_the_scored_split_does_change_the_oracle():
    altered = some_test_split(quality=[[0, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]])
    assert decide_policy("oracle", altered, TRAIN, seed=0).decisions.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("name", ["random", "mixture"])
def test_a_draw_depends_on_seed_and_sample_id_and_not_on_the_order_of_rows(name):
    quality, cost = random_benchmark(1)
    ids = [f"set/{row}" for row in range(len(quality))]
    table = hand_table(quality, cost, sample_ids=ids)
    order = np.random.default_rng(0).permutation(len(ids))
    shuffled = hand_table(quality[order], cost[order], sample_ids=[ids[row] for row in order])
    part = table.take(np.arange(0, len(ids), 3))
    first = decide_policy(name, table, table, seed=5).decisions
    assert (decide_policy(name, shuffled, table, seed=5).decisions == first[order]).all()
    assert (decide_policy(name, part, table, seed=5).decisions == first[::3]).all()
    if name == "random":
        assert (decide_policy(name, table, table, seed=6).decisions != first).any()


def test_draws_have_the_shares_they_are_given_and_never_a_candidate_without_one():
    shares = np.array([0.0, 0.25, 0.0, 0.75, 0.0])
    drawn = draw_by_id([f"s{n}" for n in range(20_000)], shares, seed=0)
    assert set(drawn) == {1, 3}
    # Six standard errors of a share of 0.25 over 20,000 draws.
    assert abs((drawn == 1).mean() - 0.25) < 6 * np.sqrt(0.25 * 0.75 / 20_000)


def test_draws_of_other_seeds_are_not_the_same_draw():
    ids, shares = [f"s{n}" for n in range(1000)], np.full(4, 0.25)
    same = (draw_by_id(ids, shares, seed=0) == draw_by_id(ids, shares, seed=1)).mean()
    assert 0.15 < same < 0.35


def test_shares_whose_sum_rounds_below_one_still_draw_a_candidate_with_a_share():
    """The sum lacks more here than rounding takes, so that draws do fall beyond it."""
    shares = np.array([0.5, 0.49, 0.0])
    assert set(draw_by_id([f"s{n}" for n in range(5000)], shares, seed=0)) == {0, 1}


def score_of(shares, quality, cost, bounds):
    return float(rank_score(min(1.0, float(quality @ shares)), float(cost @ shares), cost_bounds=bounds))


def means_of(seed):
    quality, cost = random_benchmark(seed)
    q, c = quality.mean(axis=0), cost.mean(axis=0)
    return q, c, (float(c.min()), float(c.max()))


@pytest.mark.parametrize("seed", range(8))
def test_the_mixture_is_the_best_of_all_single_candidates_and_of_a_grid_over_pairs(seed):
    q, c, bounds = means_of(seed)
    best = score_of(best_mixture(q, c, goal=Goal(given_bounds=bounds)), q, c, bounds)
    for first in range(len(q)):
        for second in range(len(q)):
            for part in np.linspace(0, 1, 21):
                shares = np.zeros(len(q))
                shares[first] += part
                shares[second] += 1 - part
                assert score_of(shares, q, c, bounds) <= best + 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_no_mix_of_three_beats_the_mixture(seed):
    q, c, bounds = means_of(seed)
    best = score_of(best_mixture(q, c, goal=Goal(given_bounds=bounds)), q, c, bounds)
    rng = np.random.default_rng(seed)
    for _ in range(2000):
        shares = np.zeros(len(q))
        shares[rng.choice(len(q), 3, replace=False)] = rng.dirichlet(np.ones(3))
        # A hundredth is the grid of the mixture's own shares.
        assert score_of(shares, q, c, bounds) <= best + 0.05


def test_the_mixture_mixes_at_most_two_whose_shares_add_up_to_one():
    for seed in range(20):
        q, c, bounds = means_of(seed)
        shares = best_mixture(q, c, goal=Goal(given_bounds=bounds))
        assert (shares > 0).sum() in (1, 2)
        assert shares.sum() == pytest.approx(1)


def test_the_mixture_never_uses_a_candidate_that_train_did_not_measure():
    shares = best_mixture(np.array([0.2, np.nan, 0.5]), np.array([0.001, 0.001, 0.01]), goal=Goal(given_bounds=BOUNDS))
    assert shares[1] == 0
    assert np.isfinite(shares).all()


def test_the_policy_mixture_scores_on_train_at_least_as_well_as_every_single_candidate():
    quality, cost = random_benchmark(4)
    table = hand_table(quality, cost)
    shares = decide_policy("mixture", table, table, seed=0).shares
    q, c = quality.mean(axis=0), cost.mean(axis=0)
    singles = [score_of(one, q, c, table.cost_bounds) for one in np.eye(len(q))]
    assert score_of(shares, q, c, table.cost_bounds) >= max(singles) - 1e-9


def test_the_random_policy_gives_every_candidate_the_same_chance():
    policy = decide_policy("random", some_test_split(), TRAIN, seed=0)
    assert policy.shares.tolist() == pytest.approx([1 / 3] * 3)


def test_a_train_split_without_measured_pairs_is_refused():
    nothing = hand_table([[np.nan] * 3] * 2, [[np.nan] * 3] * 2, cost_bounds=BOUNDS)
    with pytest.raises(BenchmarkError, match="expected measured pairs in the train split"):
        decide_policy("strongest", some_test_split(), nothing, seed=0)


@st.composite
def tables_with_a_dominated_candidate(draw):
    """Quality, cost, and a candidate that is never better and always dearer than one of them."""
    shape = draw(st.tuples(st.integers(1, 8), st.integers(2, 4)))
    quality = draw(hnp.arrays(float, shape, elements=st.sampled_from([0.0, 0.5, 1.0])))
    cost = draw(hnp.arrays(float, shape, elements=st.floats(0.001, 0.1)))
    over = draw(st.integers(0, shape[1] - 1))
    worse = quality[:, over] * draw(hnp.arrays(float, shape[0], elements=st.sampled_from([0.0, 1.0])))
    dearer = cost[:, over] * draw(hnp.arrays(float, shape[0], elements=st.floats(1.01, 3)))
    return quality, cost, worse, dearer


@examples(60)
@given(tables_with_a_dominated_candidate())
def test_a_dominated_candidate_never_lowers_the_oracle(case):
    quality, cost, worse, dearer = case

    def oracle_score(q, c):
        table = hand_table(q, c, cost_bounds=BOUNDS)
        chosen = decide_policy("oracle", table, table, seed=0).decisions
        rows = np.arange(len(q))
        return float(rank_score(q[rows, chosen].mean(), c[rows, chosen].mean(), cost_bounds=BOUNDS))

    wider = oracle_score(np.column_stack([quality, worse]), np.column_stack([cost, dearer]))
    assert wider >= oracle_score(quality, cost) - 1e-9

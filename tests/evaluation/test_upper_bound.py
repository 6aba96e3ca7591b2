"""The upper-bound estimate: finds what similar samples show, never looks at a sample's own fold, and is no oracle."""

import numpy as np
import pytest

from tests.tables import hand_table
from vlrouterbench.evaluation.upper_bound import NUM_FOLDS, SplitFeatures, group_folds, upper_bound_decisions
from vlrouterbench.metrics.trade_off import chosen_values, rank_score

COSTS = (0.001, 0.004)


def table_of(quality, datasets):
    return hand_table(quality, np.tile(COSTS, (len(quality), 1)), datasets=list(datasets), cost_bounds=(0.0005, 0.016))


@pytest.fixture
def two_kinds():
    """Dataset "easy": the cheap candidate is always right; "hard": only the dear one is; 200 samples."""
    datasets = np.array(["easy", "hard"] * 100)
    quality = np.where(datasets[:, None] == "easy", [1.0, 1.0], [0.0, 1.0])
    return table_of(quality, datasets), datasets


def test_what_a_dataset_tells_is_found(two_kinds):
    table, datasets = two_kinds
    chosen = upper_bound_decisions(table, table.take(np.arange(0)), seed=0)
    assert chosen.tolist() == (datasets == "hard").astype(int).tolist()


def test_luck_is_out_of_reach():
    """Candidates right by chance in one dataset: the oracle gets 3 of 4, no policy more than about a half."""
    rng = np.random.default_rng(0)
    quality = (rng.random((2000, 2)) < 0.5).astype(float)
    table = table_of(quality, ["one"] * 2000)
    accuracy = chosen_values(quality, upper_bound_decisions(table, table.take(np.arange(0)), seed=0)).mean()
    assert quality.max(axis=1).mean() == pytest.approx(0.75, abs=0.03)
    assert accuracy == pytest.approx(0.5, abs=0.03)


def test_features_find_what_datasets_do_not_tell():
    rng = np.random.default_rng(1)
    hard = rng.random(400) < 0.5
    quality = np.where(hard[:, None], [0.0, 1.0], [1.0, 1.0])
    table = table_of(quality, ["one"] * 400)
    features = np.column_stack([np.where(hard, 1.0, -1.0), rng.normal(0, 0.1, 400)])
    with_features, without = (
        upper_bound_decisions(table, table.take(np.arange(0)), seed=0, features=f)
        for f in (SplitFeatures(features), None)
    )
    assert with_features.tolist() == hard.astype(int).tolist()
    assert without.tolist() != hard.astype(int).tolist()


def test_outcomes_of_a_fold_do_not_reach_its_own_decisions(two_kinds):
    """Turning the outcomes of one fold upside down leaves what is decided there by the others' unchanged."""
    table, datasets = two_kinds
    folds = group_folds(table.column("group_id"), seed=0)
    assert set(folds) == set(range(NUM_FOLDS))
    features = SplitFeatures(np.random.default_rng(2).normal(size=(len(table), 3)))
    none = table.take(np.arange(0))
    before = upper_bound_decisions(table, none, seed=0, features=features)
    turned = table.quality.copy()
    turned[folds == 0] = 1 - turned[folds == 0]
    after = upper_bound_decisions(table_of(turned, datasets), none, seed=0, features=features)
    assert after[folds == 0].tolist() == before[folds == 0].tolist()


def test_groups_fall_into_one_fold_whole():
    folds = group_folds(["a", "b", "a", "c", "b"], seed=3)
    assert folds[0] == folds[2] and folds[1] == folds[4]
    assert set(group_folds([str(n) for n in range(200)], seed=3)) == set(range(NUM_FOLDS))


def test_the_train_split_counts_and_its_unmeasured_pairs_do_not():
    """Three scored samples alone show nothing of their dataset; train says that the dear candidate is needed."""
    train = hand_table([[0.0, 1.0]] * 50 + [[np.nan, 1.0]] * 50, np.tile(COSTS, (100, 1)))
    table = table_of(np.tile([0.0, 1.0], (3, 1)), ["one"] * 3)
    assert upper_bound_decisions(table, train, seed=0).tolist() == [1, 1, 1]


def test_one_sample_is_enough():
    table = table_of([[1.0, 1.0]], ["one"])
    chosen = upper_bound_decisions(table, table, seed=0, features=SplitFeatures(np.ones((1, 2))))
    assert chosen.shape == (1,)


def test_on_the_simulated_benchmark_it_lies_between_a_constant_and_the_oracle(simulated_table):
    from vlrouterbench.evaluation.policies import decide_policy

    table, train = simulated_table.split("test"), simulated_table.split("train")

    def score(chosen):
        means = (chosen_values(matrix, chosen).mean() for matrix in (table.quality, table.cost))
        return rank_score(*means, cost_bounds=table.cost_bounds)

    reachable = score(upper_bound_decisions(table, train, seed=0))
    cheapest, oracle = (score(decide_policy(name, table, train, seed=0).decisions) for name in ("cheapest", "oracle"))
    assert cheapest < reachable < oracle


def test_what_the_train_splits_features_show_counts():
    """Twenty scored samples are too few to see what 400 of train show; their features alone say which is which."""
    rng = np.random.default_rng(3)
    hard = rng.random(420) < 0.5
    quality = np.where(hard[:, None], [0.0, 1.0], [1.0, 1.0])
    # The scored samples' outcomes are the wrong way round among those that have neighbours: train must outvote them.
    features = np.column_stack([np.where(hard, 1.0, -1.0), rng.normal(0, 0.1, 420)])
    train = hand_table(quality[:400], np.tile(COSTS, (400, 1)))
    lonely = table_of(quality[400:], ["one"] * 20)
    chosen = upper_bound_decisions(lonely, train, seed=0, features=SplitFeatures(features[400:], features[:400]))
    assert chosen.tolist() == hard[400:].astype(int).tolist()

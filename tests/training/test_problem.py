"""What a trainer works on: train and complete validation samples, targets, and the score that choices are made by."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vlrouterbench.core.constants import Unsolved
from vlrouterbench.core.errors import RouterError
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.soft_labels import build_soft_labels


def _altered(problem, change):
    """The same problem with other quality and cost: `change(quality, cost, splits)` works in place."""
    quality, cost = problem.table.quality.copy(), problem.table.cost.copy()
    change(quality, cost, np.array(problem.table.column("split")))
    matrices = problem.table.matrices | {"quality": quality, "cost": cost}
    return Problem(replace(problem.table, matrices=matrices), problem.features)


def test_splits_are_the_benchmarks_and_features_belong_to_their_rows(simulated_problem):
    problem = simulated_problem
    assert set(problem.train.column("split")) == {"train"} and set(problem.validation.column("split")) == {"validation"}
    assert problem.train_features.shape == (len(problem.train), problem.features.values.shape[1])
    assert torch.equal(problem.validation_features, problem.features.values[problem.validation.rows])


def test_validation_keeps_completely_measured_samples_only(simulated_problem):
    def change(quality, cost, splits):
        rows = np.flatnonzero(splits == "validation")
        quality[rows[0], 3] = np.nan
        cost[rows[2], 5] = np.nan

    ids = simulated_problem.validation.column("sample_id")
    problem = _altered(simulated_problem, change)
    assert problem.validation.column("sample_id") == [ids[1], *ids[3:]]
    assert len(problem.validation_features) == len(ids) - 2


def test_no_complete_validation_sample_is_an_error(simulated_problem):
    def change(quality, cost, splits):
        quality[splits == "validation", 3] = np.nan

    with pytest.raises(RouterError, match="measured for every candidate of .* found none of"):
        _ = _altered(simulated_problem, change).validation


def test_targets_are_soft_labels_of_the_train_split(simulated_problem):
    labels = simulated_problem.soft_labels(cost_weight=30.0, unsolved=Unsolved.CHEAPEST)
    train = simulated_problem.train
    expected = build_soft_labels(train.quality, train.cost, cost_weight=30.0, unsolved=Unsolved.CHEAPEST)
    assert labels.dtype == torch.float32
    np.testing.assert_allclose(labels, expected, atol=1e-7)


def test_nothing_to_learn_from_is_an_error(simulated_problem):
    def change(quality, cost, splits):
        quality[splits == "train"] = 0.0

    with pytest.raises(RouterError, match="no training sample has a correct candidate"):
        _altered(simulated_problem, change).soft_labels(cost_weight=10.0, unsolved=Unsolved.DROP)


def test_validation_score_is_the_rank_score_of_the_decisions(simulated_problem):
    problem = simulated_problem
    decisions = torch.arange(len(problem.validation)) % 17
    rows = np.arange(len(decisions))
    quality, cost = (m[rows, decisions.numpy()] for m in (problem.validation.quality, problem.validation.cost))
    bounds = problem.table.report["cost_bounds_usd"]
    expected = rank_score(quality.mean(), cost.mean(), cost_bounds=(bounds["cmin"], bounds["cmax"]))
    assert problem.validation_score(decisions) == float(expected)


def test_pool_names_prices_and_mean_cost_on_train(simulated_problem):
    pool, train = simulated_problem.candidates(), simulated_problem.train
    assert [c["name"] for c in pool] == list(simulated_problem.table.pool.names)
    assert (pool[16]["input_price"], pool[16]["output_price"]) == (2.5, 10.0)
    np.testing.assert_allclose([c["mean_cost_usd"] for c in pool], train.cost.mean(axis=0))


def test_mean_cost_skips_unmeasured_pairs_and_is_none_where_nothing_was_measured(simulated_problem):
    def change(quality, cost, splits):
        train = np.flatnonzero(splits == "train")
        cost[train, 2] = np.nan
        cost[train[1:], 4] = np.nan

    problem = _altered(simulated_problem, change)
    pool = problem.candidates()
    assert pool[2]["mean_cost_usd"] is None
    assert pool[4]["mean_cost_usd"] == problem.train.cost[0, 4]

"""Estimates count at a router's own trade-off as far as held-out outcomes bear them out, elsewhere in full."""

import copy

import numpy as np
import pytest
import torch

from tests.families import with_matrices
from vlrouterbench.evaluation.shuffled import shuffled_outcomes
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget import Estimates
from vlrouterbench.routers.flagship.modeling_flagship import FlagshipRouter, FlagshipRouterConfig
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.rechoosing import rechoose
from vlrouterbench.training.shrinking import SHARES, exceeds

SHRUNK = RouterTrainingArguments(variant="shrunk")


@pytest.fixture(scope="module")
def by_chance(simulated_problem):
    """A flagship that shrinks, of outcomes that features tell nothing about."""
    table = shuffled_outcomes(simulated_problem.table, seed=0)
    return train_router("flagship", Problem(table, simulated_problem.features), SHRUNK)


@pytest.mark.parametrize(
    ("differences", "groups", "more"),
    [
        ([1, 1, 0, 0], [0, 1, 2, 3], True),  # 0.5 on average; its standard error is sqrt(4 / 3) / 4 = 0.29
        ([1, 1, -1, 0], [0, 1, 2, 3], False),  # 0.25, with 0.48
        ([1, 1, 0, 0], [0, 0, 0, 0], False),  # one group shows no spread
        ([0, 0, 0, 0], [0, 1, 2, 3], False),
    ],
)
def test_a_gain_must_exceed_one_standard_error_over_groups(differences, groups, more):
    other, cost = np.array([0.0, 0, 1, 0]), np.zeros(4)
    found = exceeds(Goal(), (other + differences, cost), (other, cost), np.array(groups))
    assert found == more


def test_estimates_are_drawn_towards_each_candidates_mean():
    made = Estimates(torch.tensor([[0.9, 0.2]]), torch.tensor([[0.004, 0.001]]))
    drawn = made.drawn(torch.tensor([0.5, 0.4]), torch.tensor([0.002, 0.001]), 0.25)
    torch.testing.assert_close(drawn.accuracy, torch.tensor([[0.6, 0.35]]))
    torch.testing.assert_close(drawn.cost_usd, torch.tensor([[0.0025, 0.001]]))


def test_what_chance_made_counts_least_and_what_is_borne_out_in_full(by_chance, simulated_problem):
    router = by_chance.router
    assert router.config.share == SHARES[0] == by_chance.chosen.setting["share"]
    assert router.config.usd_weight == by_chance.chosen.setting["usd_weight"]
    full = train_router("flagship", with_specialists(simulated_problem), SHRUNK).router
    assert full.config.share == 1 and full.config.shrink


def test_what_is_stated_and_a_weight_in_a_request_are_not_shrunk(by_chance, simulated_problem):
    router = by_chance.router
    whole = copy.deepcopy(router)
    whole.config.share = 1.0
    rows = simulated_problem.validation_features[:40].split(1)
    pairs = [(router.decide_one(row), whole.decide_one(row)) for row in rows]
    assert all(own.estimated_accuracy == other.estimated_accuracy for own, other in pairs)
    assert any(own.candidate != other.candidate for own, other in pairs)
    assert "5% counts" in pairs[0][0].reason and "counts" not in pairs[0][1].reason
    weight = router.config.usd_weight
    assert [router.decide_one(row, usd_weight=weight) for row in rows[:5]] == [other for _, other in pairs[:5]]


def test_a_saved_router_decides_alike_and_finds_its_trade_off_again(by_chance, simulated_problem, tmp_path):
    save_router(by_chance, tmp_path / "router")
    loaded, rows = AutoRouter.from_pretrained(tmp_path / "router"), simulated_problem.validation_features
    assert torch.equal(loaded.decide(rows), by_chance.router.decide(rows))
    own = (loaded.config.usd_weight, loaded.config.share)
    rechoose(loaded, Goal(Objective.parse("budget=0.0002")))
    assert loaded.config.share == 1
    rechoose(loaded, Goal())
    assert (loaded.config.usd_weight, loaded.config.share) == own


def test_it_is_off_unless_it_is_asked_for():
    config = FlagshipRouterConfig(candidates=[], encoder={})
    assert (config.shrink, config.share) == (False, 1.0)
    assert "shrink" not in FlagshipRouter.recipes["default"].fixed


def with_specialists(problem):
    """The problem with outcomes that features tell: the cheapest candidate is right, and on a quarter the second alone.

    Their means say that the second is never to be asked.
    """
    table = problem.table
    features = problem.features.of(table)
    along = (features @ torch.linalg.svd(features - features.mean(dim=0), full_matrices=False)[2][0]).numpy()
    apart = along > np.quantile(along, 0.75)
    cheapest, second = np.argsort(table.mean_cost)[:2]
    quality = np.zeros(table.quality.shape)
    quality[~apart, cheapest], quality[apart, second] = 1.0, 1.0
    return with_matrices(problem, quality, table.cost)

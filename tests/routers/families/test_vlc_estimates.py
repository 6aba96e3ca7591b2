"""VLC that estimates: calibrated probabilities that tell samples apart, budgets that are kept, and its saving."""

import json

import numpy as np
import pytest
import torch

from tests.cli.conftest import run_program
from tests.families import packed_problem
from tests.routers.backbones.test_router import QUESTIONS
from vlrouterbench.core.errors import RouterError
from vlrouterbench.evaluation.ceiling import Ceiling, decided_under
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import BudgetError, CalibrationError
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.rechoosing import rechoose

QUESTION = "Which entry has the highest value?"


@pytest.fixture(scope="module")
def problem(easy_folder):
    return packed_problem(easy_folder, "tiny-bert", max_tokens=32)


@pytest.fixture
def router(estimating_folder):
    return AutoRouter.from_pretrained(estimating_folder)


def test_estimates_are_probabilities_that_do_better_than_the_candidates_means(router, problem):
    test = problem.table.split("test")
    with torch.no_grad():
        made = router.estimates(problem.features.of(test))
    accuracy, cost = made.accuracy.numpy(), made.cost_usd.numpy()
    assert accuracy.shape == cost.shape == test.quality.shape
    assert ((accuracy > 0) & (accuracy < 1)).all() and (cost > 0).all()
    means, mean_cost = np.nanmean(problem.train.quality, axis=0), np.nanmean(problem.train.cost, axis=0)
    assert ((accuracy - test.quality) ** 2).mean() < 0.9 * ((means - test.quality) ** 2).mean()
    assert ((cost - test.cost) ** 2).mean() < ((mean_cost - test.cost) ** 2).mean()
    # Calibrated in the large: within what chance does to a mean of so many.
    error = np.sqrt((accuracy * (1 - accuracy)).sum(axis=0)) / len(accuracy)
    assert (abs(accuracy.mean(axis=0) - test.quality.mean(axis=0)) < 4 * error).all()


def test_budgets_in_a_request_are_kept(router):
    free = router.route(QUESTION)
    costs, chances = free.estimated_cost_usd, free.estimated_accuracy
    ceiling = sorted(costs.values())[len(costs) // 2]
    under = router.route(QUESTION, max_cost_usd=ceiling)
    allowed = [name for name, cost in costs.items() if cost <= ceiling]
    assert under.candidate == max(allowed, key=lambda name: chances[name])
    best = router.route(QUESTION, usd_weight=0.0).candidate
    assert chances[best] == max(chances.values())
    floor = sorted(chances.values())[len(chances) // 2]
    above = router.route(QUESTION, min_accuracy=floor)
    assert costs[above.candidate] == min(costs[name] for name, chance in chances.items() if chance >= floor)
    with pytest.raises(BudgetError, match="no candidate is expected to cost"):
        router.route(QUESTION, max_cost_usd=min(costs.values()) / 1e3)
    assert "expected to be right" in free.reason and free.unfamiliar is None


@pytest.mark.parametrize("asked", [{"max_cost_usd": 1.0, "cost_confidence": 0.9}, {"max_latency_s": 2.0}])
def test_what_needs_a_spread_of_costs_or_times_is_refused_before_anything_is_decided(asked, router):
    for refuse in (router.check_budget, lambda budget: router.route(QUESTION, **budget)):
        with pytest.raises(CalibrationError, match=rf"^{[*asked][-1]}: VLCEstimatesRouter .* train a flagship"):
            refuse(asked)


def test_a_split_is_decided_under_a_ceiling_as_single_requests_are(router, problem):
    test = problem.table.split("test")
    features, order = problem.features.of(test), np.arange(len(router.config.candidate_names))
    with torch.no_grad():
        cost = router.estimates(features).cost_usd.numpy()
    ceiling = float(np.quantile(cost.min(axis=1), 0.5))
    decisions, fits = decided_under(Ceiling(ceiling), router, features, order, None)
    chosen = cost[np.arange(len(cost)), decisions]
    assert 0 < fits.sum() < len(fits) and (fits == (cost.min(axis=1) <= ceiling)).all()
    assert (chosen[fits] <= ceiling).all() and (chosen[~fits] == cost[~fits].min(axis=1)).all()


def test_an_objective_is_chosen_for_anew_from_what_was_held_out(router, problem):
    kept, validation = router.held_out, problem.validation
    assert kept["accuracy"].shape == validation.quality.shape and not kept["is_train"].any()
    with torch.no_grad():
        now = router.estimates(problem.validation_features)
    # Kept as calibrated without each sample's fold: near what the whole calibration gives, and not the same.
    assert not torch.equal(kept["accuracy"], now.accuracy)
    assert torch.allclose(kept["accuracy"], now.accuracy, atol=0.1)
    averages = []
    for objective in ("accuracy", "budget=0.0002"):
        rechoose(router, Goal(Objective.parse(objective)))
        decisions = router.decide(problem.validation_features).numpy()
        averages.append(validation.cost[np.arange(len(decisions)), decisions].mean())
    assert averages[1] < averages[0]


def test_the_commands_take_budgets_and_objectives_for_it(estimating_folder):
    asked = ("route", "--router", estimating_folder, "--question", QUESTION, "--json")
    for given in (("--max-cost-usd", "1"), ("--objective", "accuracy"), ("--min-accuracy", "0.5")):
        done = run_program(*asked, *given)
        assert done.status == 0, done.err
        decision = json.loads(done.out)
        assert decision["estimated_accuracy"][decision["candidate"]] > 0
    refused = run_program(*asked, "--text-encoder", "folder")
    assert refused.status == 1 and "this router has no pretrained text encoder" in refused.err


def test_saved_again_it_decides_and_keeps_the_same(router, tmp_path):
    """Without the package: `backbones/test_router.py`."""
    router.save_pretrained(tmp_path / "again")
    again = AutoRouter.from_pretrained(tmp_path / "again")
    for question in QUESTIONS:
        assert again.route(**question).as_dict() == router.route(**question).as_dict()
    assert all(torch.equal(again.held_out[name], tensor) for name, tensor in router.held_out.items())


def test_it_has_no_cost_weight(problem):
    with pytest.raises(RouterError, match="--cost-weight: vlc-estimates .*has no training cost weight"):
        train_router("vlc-estimates", problem, RouterTrainingArguments(cost_weights=(10.0,)))

"""A ceiling on the cost of an answer that is kept with a stated probability, wherever a ceiling can be asked for."""

import copy
import json

import numpy as np
import pytest
import torch

from tests.cli.conftest import run_program
from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.evaluation.ceiling import FIELD, Ceiling, ceiling_facts, ceiling_notes, decided_under
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.decision import BudgetError, CalibrationError
from vlrouterbench.routing.options import RoutingOptions

USD = 0.0001


@pytest.fixture(scope="module")
def flagship(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["flagship"])


def test_a_ceiling_is_held_against_what_an_answer_may_cost():
    made = Estimates(torch.tensor([[0.5, 0.9, 0.8]]), torch.tensor([[1.0, 4.0, 3.0]]))
    sure = Budget(max_cost_usd=4.5, cost_ratios=torch.tensor([1.0, 1.2, 1.4]))
    # 4.8 and 4.2 at most: the second, which is expected to cost 4, does not fit.
    assert int(Budget(max_cost_usd=4.5).scores(made).argmax()) == 1
    assert int(sure.scores(made).argmax()) == 2
    with pytest.raises(BudgetError, match=r"no candidate is sure to cost 0\.5 USD or less here; the cheapest may cost"):
        Budget(max_cost_usd=0.5, cost_ratios=torch.ones(3)).met(0.5, 1.0)


def test_the_most_accurate_candidate_that_keeps_to_it_is_asked_and_estimates_stay(flagship, simulated_problem):
    ratios = flagship.cost_ratios(0.9)
    for row in simulated_problem.validation_features[:20].split(1):
        decision, free = flagship.decide_one(row, max_cost_usd=USD, cost_confidence=0.9), flagship.decide_one(row)
        assert decision.estimated_cost_usd == free.estimated_cost_usd and free.cost_at_most_usd is None
        most = {name: cost * ratios[name] for name, cost in decision.estimated_cost_usd.items()}
        assert decision.cost_at_most_usd == pytest.approx(most)
        fitting = [name for name, cost in most.items() if cost <= USD]
        assert decision.candidate == max(fitting, key=lambda name: decision.estimated_accuracy[name])


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_costs_of_samples_that_were_not_trained_on_keep_to_it_as_often_as_was_said(
    confidence, flagship, simulated_problem
):
    test = simulated_problem.table.split("test")
    expected = flagship.estimates(simulated_problem.features.of(test)).cost_usd.numpy()
    most = expected * np.array(list(flagship.cost_ratios(confidence).values()))
    assert (test.cost <= most).mean() == pytest.approx(confidence, abs=0.05)


@pytest.mark.parametrize("confidence", [0, 1, -0.1, 90, float("nan"), "0.9"])
def test_what_is_no_probability_is_refused(flagship, confidence):
    with pytest.raises(BudgetError, match="expected a probability above 0 and below 1"):
        flagship.route("Why?", max_cost_usd=USD, cost_confidence=confidence)


def test_a_probability_without_a_ceiling_is_refused(flagship):
    for budget in ({}, {"usd_weight": 1.0}):
        with pytest.raises(BudgetError, match="expected max_cost_usd beside it"):
            flagship.route("Why?", cost_confidence=0.9, **budget)
    with pytest.raises(EvaluationError, match="--cost-confidence needs --max-cost-usd"):
        Ceiling(confidence=0.9)


def test_a_router_that_does_not_know_how_far_costs_lie_off_says_so(flagship, trained_folders):
    old = copy.copy(flagship)
    old.config = copy.deepcopy(flagship.config)
    del old.config.pool["cost_ratios"]
    assert old.route("Why?", max_cost_usd=USD).candidate == flagship.route("Why?", max_cost_usd=USD).candidate
    with pytest.raises(BudgetError, match="saved before routers kept that. Train it anew"):
        old.route("Why?", max_cost_usd=USD, cost_confidence=0.9)
    with pytest.raises(BudgetError, match="saved before"):
        RoutingOptions(max_cost_usd=USD, cost_confidence=0.9).check(old)
    with pytest.raises(CalibrationError, match="cost_confidence.*flagship"):
        AutoRouter.from_pretrained(trained_folders["knn"]).route("Why?", max_cost_usd=USD, cost_confidence=0.9)


def test_the_command_asks_for_it_of_one_question_and_of_a_table(trained_folders, flagship, tmp_path):
    unbounded = run_program("evaluate", "nowhere", "--router", "knn", "--out", tmp_path / "e", "--cost-confidence", 0.9)
    assert unbounded.status == 2 and "needs --max-cost-usd" in unbounded.err
    asked = ("route", "--router", trained_folders["flagship"], "--max-cost-usd", USD, "--cost-confidence", "0.9")
    ended = run_program(*asked, "--question", "Why?", "--json")
    assert json.loads(ended.out) == flagship.route("Why?", max_cost_usd=USD, cost_confidence=0.9).as_dict() | {
        "trained_on_simulated_data": True
    }
    (tmp_path / "questions.csv").write_text("question\nWhy?\n")
    ended = run_program(*asked, "--questions", tmp_path / "questions.csv", "--out", tmp_path / "out.csv", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["chosen"] == {
        flagship.route("Why?", max_cost_usd=USD, cost_confidence=0.9).candidate: 1
    }
    assert run_program(*asked[:3], "--question", "Why?", "--cost-confidence", "0.9").status == 2


def test_an_evaluation_decides_as_a_request_and_says_how_often_it_was_kept(flagship, simulated_problem):
    test = simulated_problem.table.split("test")
    features, order = simulated_problem.features.of(test), np.arange(len(test.pool))
    ceiling = Ceiling(USD, 0.9)
    decisions, fits = decided_under(ceiling, flagship, features, order, None)
    asked = [flagship.decide_one(row, **ceiling.budget).candidate for row in features.split(1)]
    assert [test.pool.names[index] for index in decisions] == asked and fits.all()
    facts = ceiling_facts(ceiling, test, decisions, fits, seed=0)[FIELD]
    kept = (test.cost[np.arange(len(test)), decisions] <= USD).mean()
    assert facts["kept"] == kept >= 0.9 and facts["kept_ci95"][0] <= kept <= facts["kept_ci95"][1]
    (note,) = ceiling_notes([{"router": "flagship", "router_config": {FIELD: facts}}])
    assert f"{100 * kept:.1f} %" in note and "where 90 % was asked for" in note


def test_a_sample_that_no_candidate_fits_asks_the_cheapest_and_is_counted(flagship, simulated_problem):
    test = simulated_problem.table.split("test")
    features, ceiling = simulated_problem.features.of(test), Ceiling(1e-9, 0.9)
    decisions, fits = decided_under(ceiling, flagship, features, np.arange(len(test.pool)), None)
    most = flagship.estimates(features).cost_usd.numpy() * list(flagship.cost_ratios(0.9).values())
    assert not fits.any() and (decisions == most.argmin(axis=1)).all()
    facts = ceiling_facts(ceiling, test, decisions, fits, seed=0)[FIELD]
    assert (facts["num_beyond"], facts["kept"]) == (len(test), None)
    (note,) = ceiling_notes([{"router": "flagship", "router_config": {FIELD: facts}}])
    assert "no candidate fits 1e-09 USD on any sample" in note

"""The running mean keeps to the budget, whatever samples come and whatever answers cost."""

import pytest
import torch

from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.budget_stream import spending_curve, weight_for
from vlrouterbench.routers.base.decision import BudgetError


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["flagship"])


def test_the_lightest_weight_that_fits_is_taken_and_else_the_heaviest():
    curve = [(1.0, 100.0), (1.0, 50.0), (2.0, 10.0), (5.0, 0.0)]
    assert [weight_for(curve, cost) for cost in (0.5, 1.0, 1.9, 2.0, 9.0)] == [100.0, 50.0, 50.0, 10.0, 0.0]


def test_spending_grows_as_the_weight_falls(router):
    costs = [cost for cost, _ in spending_curve(router)]
    assert all(later >= earlier - 1e-9 for earlier, later in zip(costs, costs[1:], strict=False))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_the_running_mean_comes_to_the_budget(router, simulated_problem, share):
    curve = spending_curve(router)
    budget = curve[0][0] + share * (curve[-1][0] - curve[0][0])
    stream = router.stream(budget)
    for row in simulated_problem.train_features.split(1):
        stream.decide_one(row)
    assert stream.num_samples == len(simulated_problem.train)
    assert stream.total_cost_usd / stream.num_samples == pytest.approx(budget, rel=0.1)


def test_answers_that_cost_twice_as_much_as_expected_are_made_up_for(router, simulated_problem):
    curve = spending_curve(router)
    budget = 0.3 * curve[-1][0]
    stream, spent = router.stream(budget), 0.0
    for row in simulated_problem.train_features.split(1):
        decision = stream.decide_one(row)
        expected = decision.estimated_cost_usd[decision.candidate]
        stream.spent(expected, 2 * expected)
        spent += 2 * expected
    assert stream.total_cost_usd == pytest.approx(spent)
    assert spent / stream.num_samples == pytest.approx(budget, rel=0.15)


def test_a_stream_routes_questions_with_the_routers_own_options(router):
    stream = router.stream(1.0)
    decision = stream.route("What is shown?", candidates=["GPT-4o"])
    assert decision.candidate == "GPT-4o"
    assert stream.total_cost_usd == decision.estimated_cost_usd["GPT-4o"]


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_a_budget_that_makes_no_sense_or_that_nothing_fits_is_refused(router, budget):
    with pytest.raises(BudgetError, match="average_cost_usd"):
        router.stream(budget)


def test_a_stream_knows_the_prices_of_its_day(trained_folders):
    router = AutoRouter.from_pretrained(trained_folders["flagship"])
    before = spending_curve(router)
    router.set_prices({name: (100.0, 100.0) for name in router.config.candidate_names})
    assert min(cost for cost, _ in spending_curve(router)) > max(cost for cost, _ in before)
    assert torch.isfinite(torch.tensor(spending_curve(router))).all()

"""Three ways to trade accuracy against cost, on estimates small enough to decide by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.routers.base.budget import Budget, Estimates
from vlrouterbench.routers.base.calibrated import reason
from vlrouterbench.routers.base.decision import BudgetError

ESTIMATES = Estimates(torch.tensor([[0.5, 0.7, 0.8]]), torch.tensor([[1e-4, 2e-4, 9e-4]], dtype=torch.float64))
"""A cheap, a middle and a dear candidate: the dear one's last tenth of accuracy costs 7e-4."""


def chosen(**budget):
    """Index of the decision."""
    return int(Budget(**budget).scores(ESTIMATES).argmax())


@pytest.mark.parametrize(("weight", "index"), [(0, 2), (142, 2), (143, 1), (1999, 1), (2001, 0)])
def test_a_dollar_weight_pays_for_accuracy_at_its_price(weight, index):
    # 0.1 / 7e-4 = 142.9 and 0.2 / 1e-4 = 2000 accuracy per USD.
    assert chosen(usd_weight=weight) == index


@pytest.mark.parametrize(("most", "index"), [(1e-4, 0), (1.9e-4, 0), (2e-4, 1), (8e-4, 1), (1.0, 2)])
def test_a_ceiling_takes_the_most_accurate_below_it(most, index):
    assert chosen(max_cost_usd=most) == index


@pytest.mark.parametrize(("least", "index"), [(0.0, 0), (0.5, 0), (0.51, 1), (0.7, 1), (0.75, 2)])
def test_a_floor_takes_the_cheapest_above_it(least, index):
    assert chosen(min_accuracy=least) == index


def test_a_floor_that_none_reaches_takes_the_most_accurate_and_says_so():
    assert chosen(min_accuracy=0.9) == 2
    assert not Budget(min_accuracy=0.9).met(0.8, 9e-4)
    assert Budget(min_accuracy=0.8).met(0.8, 9e-4)


def test_a_ceiling_that_none_fits_is_an_error_that_tells_the_cheapest():
    dearest_first = Estimates(ESTIMATES.accuracy, ESTIMATES.cost_usd.flip(1))
    for most in (5e-5, 1e-12, 1e-30, 0.0):
        assert chosen(max_cost_usd=most) == 0
        assert int(Budget(max_cost_usd=most).scores(dearest_first).argmax()) == 2
        assert (Budget(max_cost_usd=most).scores(dearest_first) < 0).all()
    with pytest.raises(BudgetError, match="the cheapest costs 0.0001"):
        Budget(max_cost_usd=5e-5).met(0.5, 1e-4)


@pytest.mark.parametrize(
    "budget",
    [{}, {"usd_weight": 1.0, "min_accuracy": 0.5}, {"usd_weight": -1.0}, {"min_accuracy": 1.1},
     {"max_cost_usd": float("nan")}, {"usd_weight": float("inf")}],
)  # fmt: skip
def test_a_budget_is_one_sensible_number(budget):
    with pytest.raises(BudgetError, match="expected"):
        Budget(**budget)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6),
    st.floats(0, 1),
    st.sampled_from(["max_cost_usd", "min_accuracy"]),
)
def test_nothing_that_keeps_the_budget_is_better_than_the_decision(pairs, value, kind):
    accuracy, cost = (torch.tensor([column], dtype=torch.float64) for column in zip(*pairs, strict=True))
    index = int(Budget(**{kind: value}).scores(Estimates(accuracy, cost)).argmax())
    kept = cost <= value if kind == "max_cost_usd" else accuracy >= value
    if not kept.any():
        return
    assert kept[0, index]
    if kind == "max_cost_usd":
        assert accuracy[0, index] == accuracy[kept].max()
    else:
        assert cost[0, index] <= cost[kept].min() + 1e-9


def test_the_reason_names_the_rival_and_what_it_would_cost():
    sentence = reason("b", {"a": 0.5, "b": 0.7, "c": 0.8}, {"a": 1e-4, "b": 2e-4, "c": 9e-4}, Budget(usd_weight=1000))
    assert sentence == (
        "b is expected to be right with 70.0% at $2 per 10K; c promises 80.0% at $9 per 10K: "
        "10.0 points more for 0.07 cents more a question; under this objective a point is worth at most 0.001 cents."
    )


def test_one_other_candidate_is_named_where_it_is_not_expected_to_do_better():
    told = [reason("b", {"b": 0.7, "c": 0.6}, {"b": 2e-4, "c": cost}, Budget(usd_weight=1)) for cost in (1e-4, 9e-4)]
    assert told[0].endswith(": c is not expected to do better.")
    assert told[1].endswith(": c is not expected to do better, and costs more.")


def test_a_lead_that_costs_nothing_more_and_is_not_followed_is_called_uncertain():
    sentence = reason("b", {"b": 0.7, "c": 0.71}, {"b": 2e-4, "c": 1e-4}, Budget(usd_weight=10))
    assert sentence.endswith("c promises 71.0% at $1 per 10K, a lead too uncertain to leave it for.")

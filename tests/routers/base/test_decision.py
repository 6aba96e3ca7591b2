"""Decisions: a subset is named, in pool order, and a candidate outside the pool is refused."""

import json

import pytest

from vlrouterbench.routers.base.budget import Budget
from vlrouterbench.routers.base.decision import BudgetError, PoolMismatchError, RoutingDecision, considered
from vlrouterbench.routers.pool.costs import quick_enough

NAMES = ("small", "middle", "large")


def test_no_subset_means_the_whole_pool():
    assert considered(NAMES, None) == [0, 1, 2]


def test_subset_stands_in_pool_order_and_once():
    assert considered(NAMES, ["large", "small", "large"]) == [0, 2]


@pytest.mark.parametrize("subset", [["huge"], ["small", "huge"], ["SMALL"]])
def test_candidate_outside_the_pool_is_refused_with_the_pool(subset):
    with pytest.raises(PoolMismatchError, match="small, middle, large; found (huge|SMALL)"):
        considered(NAMES, subset)


@pytest.mark.parametrize("subset", ["small", 5, [5]])
def test_a_subset_that_is_no_list_of_names_is_refused(subset):
    with pytest.raises(PoolMismatchError, match="expected candidates"):
        considered(NAMES, subset)


@pytest.mark.parametrize("kind", ["usd_weight", "max_cost_usd", "min_accuracy"])
@pytest.mark.parametrize("value", ["1", [1], -1, float("nan")])
def test_a_budget_that_is_no_number_is_refused_by_its_name(kind, value):
    with pytest.raises(BudgetError, match=f"{kind}: expected a number from 0"):
        Budget(**{kind: value})


def test_a_time_that_is_no_number_is_refused():
    with pytest.raises(BudgetError, match="found '1'"):
        quick_enough(NAMES, {"small": 1.0}, "1")


def test_empty_subset_is_refused():
    with pytest.raises(PoolMismatchError, match="an empty list"):
        considered(NAMES, [])


def test_decision_is_ready_for_json():
    decision = RoutingDecision("small", {"small": 0.5}, None, {"small": 0.001})
    assert json.loads(json.dumps(decision.as_dict())) == {
        "candidate": "small",
        "score": {"small": 0.5},
        "estimated_accuracy": None,
        "estimated_cost_usd": {"small": 0.001},
        "usd_weight": None,
        "standard_error": None,
        "target_met": True,
        "within_budget": True,
        "reason": "",
        "image_used": True,
        "images_left_out": 0,
        "unfamiliar": None,
        "cost_at_most_usd": None,
    }


def test_a_weight_that_would_make_all_candidates_alike_is_refused():
    with pytest.raises(BudgetError, match=r"usd_weight: expected a number from 0 to 3\.4e\+38"):
        Budget(usd_weight=1e300)


def test_an_unknown_candidate_is_answered_with_the_nearest_one():
    with pytest.raises(PoolMismatchError, match='Did you mean "LLaVA-CoT"'):
        considered(["VLM-R1", "LLaVA-CoT"], ["llava-cot"])

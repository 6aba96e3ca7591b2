"""Decisions: a subset is named, in pool order, and a candidate outside the pool is refused."""

import json

import pytest

from vlrouterbench.routers.base.decision import PoolMismatchError, RoutingDecision, considered

NAMES = ("small", "middle", "large")


def test_no_subset_means_the_whole_pool():
    assert considered(NAMES, None) == [0, 1, 2]


def test_subset_stands_in_pool_order_and_once():
    assert considered(NAMES, ["large", "small", "large"]) == [0, 2]


@pytest.mark.parametrize("subset", [["huge"], ["small", "huge"], ["SMALL"]])
def test_candidate_outside_the_pool_is_refused_with_the_pool(subset):
    with pytest.raises(PoolMismatchError, match="small, middle, large; found (huge|SMALL)"):
        considered(NAMES, subset)


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
    }

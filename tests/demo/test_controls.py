"""The slider: exact at its ends, monotone between them; budgets in dollars and percent in the router's own units."""

import copy
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.demo.controls import (
    CEILING,
    FLOOR,
    OBJECTIVE,
    OBJECTIVES,
    TRADE_OFF,
    Preference,
    position_of,
    weight_at,
)
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.training.rechoosing import rechoose

ROUTER = SimpleNamespace(calibrated=True, config=SimpleNamespace(candidates=[{"mean_cost_usd": 0.002}]))
PLAIN = SimpleNamespace(calibrated=False)


def test_the_ends_are_cost_alone_and_accuracy_alone():
    assert weight_at(100, 0.002) == 0
    # A millionth of the dearest candidate's cost weighs more than all the accuracy there is.
    assert weight_at(0, 0.002) * 0.002 * 1e-6 > 1


@given(st.integers(0, 99), st.floats(1e-6, 1))
def test_further_right_pays_more_for_accuracy(position, dearest):
    assert weight_at(position, dearest) > weight_at(position + 1, dearest)


@given(st.integers(1, 99), st.floats(1e-6, 1))
def test_a_weight_is_found_again_at_its_position(position, dearest):
    assert position_of(weight_at(position, dearest), dearest) == position


def test_budgets_are_entered_per_ten_thousand_and_in_percent():
    assert Preference(CEILING, usd_per_10k=20).budget(ROUTER) == {"max_cost_usd": pytest.approx(0.002)}
    assert Preference(FLOOR, percent=80).budget(ROUTER) == {"min_accuracy": pytest.approx(0.8)}
    assert Preference(TRADE_OFF, position=100).budget(ROUTER) == {"usd_weight": 0}


def test_a_router_without_calibrated_estimates_is_asked_for_no_budget():
    assert Preference(CEILING, usd_per_10k=20).budget(PLAIN) == {}


@pytest.mark.parametrize(
    "preference",
    [
        Preference(CEILING),
        Preference(FLOOR),
        Preference(FLOOR, percent=float("nan")),
        Preference(OBJECTIVE, objective="average budget", amount=None),
    ],
)
def test_a_missing_number_is_asked_for(preference):
    with pytest.raises(DemoError, match="Enter a number"):
        preference.budget(ROUTER, ["a"])
    assert math.isnan(preference.percent or 0) or not preference.is_complete


@pytest.mark.parametrize("position", [-1, 101])
def test_the_slider_ends_at_its_ends(position):
    with pytest.raises(DemoError, match="from 0 to 100"):
        Preference(position=position).budget(ROUTER)


def test_objectives_are_those_of_the_command_line_in_the_units_of_the_page():
    wanted = {name: str(Preference(OBJECTIVE, objective=name, amount=90).wanted) for name in OBJECTIVES}
    assert list(wanted.values()) == ["accuracy-share=0.9", "budget=0.009", "rank-score", "accuracy"]
    assert all(Preference(OBJECTIVE, objective=name, amount=None).is_complete for name in list(OBJECTIVES)[2:])
    with pytest.raises(DemoError, match="Choose one of the objectives"):
        Preference(OBJECTIVE, objective="fame").budget(ROUTER, ["a"])


def test_an_objective_is_followed_as_route_follows_it_and_the_routers_own_trade_off_stays(workspace):
    router, own = workspace.router, workspace.router.config.usd_weight
    names = router.config.candidate_names[2:]
    found = Preference(OBJECTIVE, amount=80).budget(router, names)
    assert router.config.usd_weight == own
    copied = copy.deepcopy(router)
    assert found == {"usd_weight": rechoose(copied, Goal(Objective.parse("accuracy-share=0.8")), names).usd_weight}

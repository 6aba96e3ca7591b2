"""Objectives: how they are written, what is refused, and the one figure that each judges averages by."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.core.errors import EvaluationError, UnknownNameError
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.metrics.trade_off import rank_score

BOUNDS = (0.001, 0.016)
shares = st.floats(0.01, 1)
costs = st.floats(1e-6, 1)


def goal(text="rank-score", **own):
    return Goal(Objective.parse(text), measured=BOUNDS, **own)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("rank-score", "rank-score", None),
        ("accuracy", "accuracy", None),
        ("accuracy-share=0.95", "accuracy-share", 0.95),
        ("accuracy_share = 1", "accuracy-share", 1.0),
        ("budget=0.001", "budget", 0.001),
        ("Budget=0", "budget", 0.0),
        ("usd-weight=1e2", "usd-weight", 100.0),
    ],
)
def test_an_objective_is_written_as_a_name_and_a_value(text, kind, value):
    objective = Objective.parse(text)
    assert (objective.kind, objective.value) == (kind, value)
    assert Objective.parse(str(objective)) == objective


@pytest.mark.parametrize(
    ("text", "meant"), [("rank_scor", "rank-score"), ("acuracy", "accuracy"), ("usd-wieght=3", "usd-weight=W")]
)
def test_an_unknown_objective_is_answered_with_the_nearest_one(text, meant):
    with pytest.raises(UnknownNameError, match=f'Did you mean "{meant}"'):
        Objective.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "budget=nan",
        "budget=-0.1",
        "budget=inf",
        "budget=cheap",
        "budget",
        "budget=",
        "budget=1_000",
        "budget=١",
        "budget=0x1p-3",
        "usd-weight=-1",
        "usd-weight=1e300",
        "accuracy-share=1.0000001",
        "accuracy-share=0",
        "accuracy-share=95",
        "accuracy-share=nan",
        "accuracy-share",
        "accuracy=0.9",
        "rank-score=1",
    ],
)
def test_a_value_that_makes_no_sense_is_refused_in_one_line_that_says_what_is_expected(text):
    with pytest.raises(EvaluationError, match="expected") as raised:
        Objective.parse(text)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 200


def test_a_value_that_is_refused_is_shown_with_the_digits_that_make_it_wrong():
    with pytest.raises(EvaluationError, match=r"found 1\.0000001\."):
        Objective.parse("accuracy-share=1.0000001")


def test_a_budget_below_zero_by_its_sign_alone_is_zero():
    assert str(Objective.parse("budget=-0")) == "budget=0"


def test_rank_score_is_judged_by_the_rank_score_itself():
    accuracy, cost = np.array([0.5, 0.9]), np.array([0.002, 0.01])
    assert (goal().merit(accuracy, cost) == rank_score(accuracy, cost, cost_bounds=BOUNDS)).all()
    given_beta, given_bounds = goal(beta=0.5).merit(0.5, 0.002), goal(given_bounds=(0.001, 0.1)).merit(0.5, 0.002)
    assert given_beta == rank_score(0.5, 0.002, cost_bounds=BOUNDS, beta=0.5)
    assert given_bounds == rank_score(0.5, 0.002, cost_bounds=(0.001, 0.1))


def test_without_a_range_of_costs_choices_fall_back_to_accuracy_less_weighted_cost_as_is_stated():
    alone = Goal(measured=(0.004, 0.004))
    assert math.isnan(alone.rank_score(0.5, 0.001))
    # 0.1 of accuracy for the most expensive candidate: 25 per USD; 0.6 - 25 * 0.002 is 0.55.
    assert alone.fallback_weight == pytest.approx(25)
    assert alone.merit(0.6, 0.002) == pytest.approx(55)
    assert "costs the same" in alone.no_rank_score and "--cost-bounds" in alone.no_rank_score
    assert "25 times cost" in alone.fallback and "10 points" in alone.fallback


def test_where_nothing_costs_anything_accuracy_alone_decides():
    free = Goal()
    assert "no candidate costs anything" in free.no_rank_score and "accuracy alone" in free.fallback
    assert free.merit(0.6, 0.0) == 60


def test_bounds_that_are_given_bring_the_rank_score_back():
    given_bounds = Goal(measured=(0.004, 0.004), given_bounds=BOUNDS)
    assert given_bounds.no_rank_score == given_bounds.fallback == ""
    assert given_bounds.merit(0.5, 0.002) == rank_score(0.5, 0.002, cost_bounds=BOUNDS)


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (-1.0, 1.0)])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(EvaluationError, match="--cost-bounds LOW HIGH .* 0 < cmin < cmax"):
        Goal(given_bounds=bounds)


def test_what_choices_fall_back_to_speaks_of_no_candidate_that_may_not_be_there():
    assert "free" not in Goal(measured=(0.004, 0.004)).fallback


@given(a=shares, b=shares, cost=costs, other=costs)
def test_a_budget_is_kept_first_and_then_the_more_accurate_is_better(a, b, cost, other):
    within = goal("budget=0.01")
    low, high = within.merit(a, cost), within.merit(b, other)
    if cost <= 0.01 < other:
        assert low > high
    elif cost <= 0.01 and other <= 0.01:
        assert (low > high) == (100 * a > 100 * b)
    elif cost > 0.01 and other > 0.01:
        assert not low > high or cost < other


@given(a=shares, b=shares, cost=costs, other=costs, best=st.floats(0.5, 1))
def test_a_share_is_kept_first_and_then_the_cheaper_is_better(a, b, cost, other, best):
    keeping = goal("accuracy-share=0.9")
    first, second = keeping.merit(a, cost, best), keeping.merit(b, other, best)
    kept = [accuracy >= 0.9 * best for accuracy in (a, b)]
    assert [keeping.met(accuracy, 0.0, best) for accuracy in (a, b)] == kept
    if kept == [True, False]:
        assert first > second or b >= 0.9 * best * (1 - 1e-12)
    elif all(kept) and cost < 0.99 * other:
        assert first > second
    elif not any(kept) and a < 0.99 * b:
        assert first < second


def test_the_other_objectives_by_hand():
    assert goal("accuracy").merit(0.7, 5.0) == pytest.approx(70)
    assert goal("usd-weight=100").merit(0.7, 0.002) == pytest.approx(50)
    # 0.003 above the budget, where the most expensive candidate costs 0.016.
    assert goal("budget=0.001").merit(0.7, 0.004) == pytest.approx(-100 * 0.003 / 0.016)
    # Half of what is asked for.
    assert goal("accuracy-share=1").merit(0.4, 0.004, 0.8) == pytest.approx(50)
    assert goal("accuracy-share=0.5").merit(0.4, 0.016, 0.8) == pytest.approx(150)

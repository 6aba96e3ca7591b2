"""What to measure: every figure is that of a router trained on what is not hidden, and held against random pairs."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.study.workspaces import small_context
from vlrouterbench.core.errors import BenchmarkError, EvaluationError, RouterError
from vlrouterbench.evaluation.study.measured_split import MeasuredSplit
from vlrouterbench.evaluation.study.measuring_plans import PLAN_WORDS, PLANS
from vlrouterbench.evaluation.study.parts import measuring
from vlrouterbench.evaluation.study.parts.measuring import MeasuringPart, _Measured, needed, reached, said
from vlrouterbench.evaluation.study.study import default_routers, study, write_study
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.metrics.trade_off import rank_score

SHARES = (0.25, 0.5)


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def result(context):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "SHARES", SHARES)
        return study(context, ("ridge-mf",), ("measuring",))


def test_a_figure_is_that_of_a_router_trained_on_what_the_plan_measured(context, result):
    split, test = MeasuredSplit(context, context.table, 0), context.table.split("test")
    entries = {entry["plan"]: entry["points"] for entry in result.records["measuring"]["plans"]}
    assert list(entries) == list(PLANS)
    whole = result.records["measuring"]["whole"]["ridge-mf"]
    for plan in ("random-pairs", "cheap-wider"):
        for known, point in zip(split.measured(plan, SHARES, "ridge-mf"), entries[plan], strict=True):
            decisions = context.train("ridge-mf", split.part(known), 0).decide(context.features.of(test)).numpy()
            rows = np.arange(len(test))
            accuracy, cost = test.quality[rows, decisions].mean(), test.cost[rows, decisions].mean()
            assert (point["accuracy"], point["average_cost_usd"]) == (pytest.approx(accuracy), pytest.approx(cost))
            score = float(rank_score(accuracy, cost, cost_bounds=test.cost_bounds))
            assert point["rank_score"] == pytest.approx(score)
            assert point["vs_all"]["points"] == pytest.approx(score - whole)
            assert point["pairs_share"] == pytest.approx(known.pairs.mean())
            assert point["usd_share"] == pytest.approx(split.paid(known) / split.paid(split.whole()))
    for random, own in zip(entries["random-pairs"], entries["adaptive"], strict=True):
        assert random["vs_random"] is random["vs_random_usd"] is None
        assert own["vs_random"]["points"] == pytest.approx(own["rank_score"] - random["rank_score"])


def test_as_much_money_lies_between_the_shares_around_it():
    figures = np.array([[0.5, 0.6, 0.7], [1.0, 1.0, 1.0], [50.0, 60.0, 80.0]])
    random = _Measured(
        figures, np.array([[50.0, 60.0, 80.0], [40.0, 60.0, 70.0]]), np.array([0.2, 0.6, 1.0]), figures[0]
    )
    value, draws = random.at_usd(0.7)
    assert value == pytest.approx(65.0) and draws == pytest.approx([65.0, 62.5])
    assert random.at_usd(0.2)[0] == 50.0 and random.at_usd(1.0)[0] == 80.0
    assert random.at_usd(0.1) is None


def test_a_line_with_three_large_differences_fits_the_terminal():
    assert said({"points": -3.5, "ci95": [-5.8, -1.36]}) == "-3.5 (-5.8, -1.4)"
    assert said({"points": 40.0, "ci95": [9.96, 80.9]}) == "+40.0 (+10, +81)"
    assert said(None) == "-"


def test_what_is_needed_is_where_the_shortfall_ends_for_good():
    axis = np.array([0.125, 0.25, 0.5, 1.0])
    assert reached(axis, np.array([-1.0, -0.1, -0.2, -0.3])) == 0.125
    assert reached(axis, np.array([1.0, 0.5, -0.5, -0.3])) == pytest.approx(0.375)
    # A share that is near by chance does not count where a larger one is not.
    assert reached(axis, np.array([-1.0, -1.0, 0.3, -0.3])) == pytest.approx(0.75)


def test_the_page_and_the_terminal_say_what_each_plan_needs(result, tmp_path):
    write_study(result, tmp_path / "out")
    page, lines = (tmp_path / "out" / "study.html").read_text(encoding="utf-8"), result.tables()
    for entry in result.records["measuring"]["plans"]:
        sentence = needed(entry, result.records["measuring"]["near"])
        assert sentence in lines and sentence in page
        words = PLAN_WORDS[entry["plan"]]
        assert f"{entry['plan']}: {words}" in lines and f"{entry['plan']}: {words}" in page
    assert default_routers(("measuring",)) == ["flagship"]


def test_what_cannot_be_hidden_or_trained_is_refused(context):
    with pytest.raises(RouterError, match="expected families to train, found mixture"):
        MeasuringPart().check(context, ("ridge-mf", "mixture"))
    asked = replace(context, table=context.table.judged_by(Goal(objective=Objective.parse("accuracy"))))
    with pytest.raises(EvaluationError, match="expected the objective rank-score, found accuracy"):
        MeasuringPart().check(asked, ("ridge-mf",))
    quality = context.table.quality.copy()
    quality[3, 1] = np.nan
    partly = replace(context.table, matrices=context.table.matrices | {"quality": quality})
    with pytest.raises(EvaluationError, match=f"found 1 of {len(partly):,} that are not"):
        MeasuringPart().check(replace(context, table=partly), ("ridge-mf",))


@pytest.mark.parametrize(("num_train", "num_validation"), [(7, 10), (8, 9)])
def test_a_split_with_too_few_samples_to_learn_a_share_from_is_refused_with_what_it_has(
    context, num_train, num_validation
):
    sides = np.array(context.table.column("split"))
    kept = [np.flatnonzero(sides == "train")[:8], np.flatnonzero(sides == "validation")[:10]]
    enough = np.sort(np.concatenate([*kept, np.flatnonzero(sides == "test")]))
    MeasuringPart().check(replace(context, table=context.table.take(enough)), ("ridge-mf",))
    few = np.setdiff1d(enough, np.concatenate([kept[0][num_train:], kept[1][num_validation:]]))
    said = f"at least 8 train and 10 validation samples.*found {num_train} and {num_validation} in the one of seed 0"
    with pytest.raises(BenchmarkError, match=said):
        MeasuringPart().check(replace(context, table=context.table.take(few)), ("ridge-mf",))

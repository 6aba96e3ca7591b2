"""Streams under a budget: figures are those of a stream run by hand, and the optimum offline spends the budget."""

import numpy as np
import pytest

from tests.evaluation.study.workspaces import small_context
from vlrouterbench.core.errors import RouterError
from vlrouterbench.evaluation.study.parts import budget_streams
from vlrouterbench.evaluation.study.parts.budget_streams import BudgetStreamsPart, _offline
from vlrouterbench.evaluation.study.study import study, write_study
from vlrouterbench.routers.base.spending_curve import spending_curve


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def result(context):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget_streams, "SHARES", (0.2,))
        return study(context, ("flagship", "mixture"), ("budget-streams",))


def test_figures_are_those_of_a_stream_run_by_hand(context, result):
    test = context.table.split("test")
    router = context.train("flagship", context.table, 0)
    curve, features = spending_curve(router), context.features.of(test)
    budget = curve[0][0] + 0.2 * (curve[-1][0] - curve[0][0])
    stream, names = router.stream(budget), router.config.candidate_names
    paid, correct = [], []
    for index in np.argsort(-test.cost.mean(axis=1), kind="stable"):
        made = stream.reserve_one(features[index : index + 1])
        candidate = names.index(made.decision.candidate)
        paid.append(test.cost[index, candidate])
        correct.append(test.quality[index, candidate])
        stream.settle(made, float(paid[-1]))
    means = np.cumsum(paid) / np.arange(1, len(paid) + 1)
    (row,) = [
        row for row in result.records["budget_streams"]["rows"] if row["order"] == "dearest" and row["num_open"] == 1
    ]
    assert row["accuracy"] == pytest.approx(np.mean(correct))
    assert row["spent_usd"] == pytest.approx(np.mean(paid))
    assert row["worst_share"] == pytest.approx(means[19:].max() / budget)
    assert row["worst_bound_share"] == pytest.approx(1 + stream.bound_usd / 20 / budget)


def test_every_order_is_run_with_one_and_with_several_open_and_others_are_named(result):
    record = result.records["budget_streams"]
    assert [(row["order"], row["num_open"]) for row in record["rows"]] == [
        (order, num_open) for order in ("random", "dearest", "cheapest") for num_open in (1, 8)
    ]
    assert record["skipped"] == ["mixture"]
    for row in record["rows"]:
        low, high = row["minus_offline_ci95"]
        assert low <= row["accuracy"] - row["offline_accuracy"] <= high


def test_the_optimum_offline_mixes_two_neighbouring_weights():
    points = [(np.array([1.0, 1.0]), np.array([4.0, 4.0])), (np.array([1.0, 0.0]), np.array([1.0, 1.0]))]
    assert _offline(points, 9.0).tolist() == [1.0, 1.0]
    assert _offline(points, 2.0).tolist() == pytest.approx([1.0, 1 / 3])
    assert _offline(points, 0.5).tolist() == [1.0, 0.0]


def test_routers_without_an_open_pool_alone_are_refused(context):
    with pytest.raises(RouterError, match=r"average budget, found knn, mixture.*flagship"):
        BudgetStreamsPart().check(context, ("knn", "mixture"))


def test_the_page_and_the_terminal_show_the_streams(result, tmp_path):
    write_study(result, tmp_path / "out")
    page = (tmp_path / "out" / "study.html").read_text(encoding="utf-8")
    assert "Streams under a budget" in page and "minus offline optimum" in page and "No stream: mixture." in page
    table = next(line for line in result.tables() if not isinstance(line, str))
    assert table.rows[0][1] == "random" and len(table.rows) == 6

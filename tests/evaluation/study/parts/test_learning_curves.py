"""Learning curves: smaller parts hold whole groups of larger ones, and the whole is the study's own router."""

from dataclasses import replace

import numpy as np
import pytest

from tests.cli.conftest import run_program
from tests.evaluation.study.workspaces import small_context
from tests.tables import write_own_tables
from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.evaluation.study import learning_curve_sizes
from vlrouterbench.evaluation.study.learning_curve_sizes import part_of_split
from vlrouterbench.evaluation.study.parts.learning_curves import LearningCurvesPart
from vlrouterbench.evaluation.study.study import DEFAULT_ROUTERS, default_routers, study, write_study
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.metrics.trade_off import rank_score


@pytest.fixture(scope="module")
def context(simulated_problem):
    return small_context(simulated_problem)


@pytest.fixture(scope="module")
def result(context):
    return study(context, ("knn", "mixture"), ("learning-curves",))


def test_smaller_parts_hold_whole_groups_of_larger_ones_and_all_of_test(simulated_table):
    groups_of_all = np.array(simulated_table.column("group_id"))
    before = None
    for share in (1.0, 0.5, 0.25, 0.1):
        part = part_of_split(simulated_table, share, seed=3)
        sizes = {side: len(part.split(side)) for side in ("train", "validation", "test")}
        whole = {side: len(simulated_table.split(side)) for side in sizes}
        assert sizes["test"] == whole["test"]
        for side in ("train", "validation"):
            assert share * whole[side] - 1 <= sizes[side] <= share * whole[side] + 15
            for group in set(part.split(side).column("group_id")):
                assert part.column("group_id").count(group) == (groups_of_all == group).sum()
        ids = set(part.column("sample_id"))
        assert before is None or ids < before
        before = ids


def test_every_size_is_trained_on_its_own_part_and_scored_on_the_whole_test_split(context, result):
    sizes = [point["num_train"] for point in result.records["learning_curves"]["curves"][0]["points"]]
    assert sizes == sorted(sizes) and sizes[-1] == len(context.table.split("train")) and sizes[0] >= 16
    assert [len(table.split("train")) for name, table in context.seen if name == "knn"] == sizes
    test, refitting = context.table.split("test"), Refitting(context.table, context.features)
    for half in (False, True):
        part = part_of_split(context.table, 0.5, 0) if half else context.table
        own = replace(context, features=refitting.on(part))
        decisions = own.train("knn", part, 0).decide(own.features.of(test)).numpy()
        rows = np.arange(len(test))
        accuracy, cost = test.quality[rows, decisions].mean(), test.cost[rows, decisions].mean()
        point = result.records["learning_curves"]["curves"][0]["points"][-2 if half else -1]
        assert (point["accuracy"], point["average_cost_usd"]) == (pytest.approx(accuracy), pytest.approx(cost))
        assert point["rank_score"] == pytest.approx(float(rank_score(accuracy, cost, cost_bounds=test.cost_bounds)))
        assert point["ci95"][0] < point["rank_score"] < point["ci95"][1]


def test_the_record_and_the_page_say_that_encoders_were_fitted_on_each_size(result):
    assert result.records["learning_curves"]["encoder_refitted"] is True
    assert "fitted on the same training samples" in result.page()


def test_a_router_is_held_against_the_mixture_of_the_same_samples_at_every_size(result):
    curves = {curve["router"]: curve["points"] for curve in result.records["learning_curves"]["curves"]}
    assert all(point["vs_mixture"] is None for point in curves["mixture"])
    for own, mixture in zip(curves["knn"], curves["mixture"], strict=True):
        difference = own["vs_mixture"]
        assert difference["points"] == pytest.approx(own["value"] - mixture["value"])
        low, high = difference["ci95"]
        assert low < high < low + (own["ci95"][1] - own["ci95"][0]) + (mixture["ci95"][1] - mixture["ci95"][0])


def test_the_page_the_terminal_and_the_record_say_the_same_sentence(result, tmp_path):
    write_study(result, tmp_path / "out")
    page, lines = (tmp_path / "out" / "study.html").read_text(encoding="utf-8"), result.tables()
    for curve in result.records["learning_curves"]["curves"]:
        assert curve["answer"] in lines and curve["answer"] in page
    assert "<svg" in page and "Learning curves" in page


def test_decisions_of_others_are_not_trained_here(context):
    decided = replace(context, decided={"theirs": {}})
    with pytest.raises(RouterError, match="found decisions of theirs alone"):
        LearningCurvesPart().check(decided, ("theirs",))


def test_parts_with_routers_of_their_own_take_those_where_none_is_named():
    assert default_routers(("learning-curves",)) == ["flagship", "mixture"]
    assert default_routers(("learning-curves", "budget-streams")) == ["flagship", "mixture"]
    assert default_routers(("learning-curves", "routers")) == DEFAULT_ROUTERS


def test_a_tiny_table_is_answered_by_what_it_would_take(tmp_path):
    write_own_tables(tmp_path / "own", num_samples=60, images=False)
    build_benchmark(tmp_path / "own", tmp_path / "benchmark")
    ended = run_program("study", tmp_path / "benchmark", "--part", "learning-curves", "--seed", "0")
    assert ended.status == 0, ended.err
    out = " ".join(ended.out.split())
    assert "training samples are too few to say how many are needed; that takes at least 128" in out


def test_one_size_is_left_where_train_is_smaller_than_the_smallest(context, monkeypatch):
    monkeypatch.setattr(learning_curve_sizes, "MIN_TRAIN", 10**6)
    record = LearningCurvesPart().run(context, ("mixture",))
    (curve,) = record["curves"]
    assert len(curve["points"]) == 1 and curve["gain"] is None and "too few" in curve["answer"]


def judged(context, **goal):
    return replace(context, table=context.table.judged_by(Goal(**goal)))


def test_the_curve_of_accuracy_is_the_accuracy_itself_and_is_called_so(context):
    asked = judged(context, objective=Objective.parse("accuracy"))
    result = study(asked, ("mixture",), ("learning-curves",))
    record = result.records["learning_curves"]
    assert record["figure"] == "accuracy"
    for point in record["curves"][0]["points"]:
        assert point["value"] == pytest.approx(100 * point["accuracy"])
        assert point["ci95"][0] <= point["value"] <= point["ci95"][1]
    assert "accuracy against training samples" in result.page() and "Rank Score</th>" not in result.page()


def test_the_weight_of_cost_is_the_one_that_was_asked_for(context):
    record = LearningCurvesPart().run(judged(context, beta=5.0), ("mixture",))
    for point in record["curves"][0]["points"]:
        score = rank_score(
            point["accuracy"], point["average_cost_usd"], cost_bounds=context.table.cost_bounds, beta=5.0
        )
        assert point["value"] == point["rank_score"] == pytest.approx(float(score))


@pytest.mark.parametrize("objective", ["budget=0.001", "accuracy-share=0.95"])
def test_an_objective_that_is_kept_or_missed_has_no_curve_and_says_why(objective, context):
    with pytest.raises(EvaluationError, match="its mean over splits jumps") as raised:
        LearningCurvesPart().check(judged(context, objective=Objective.parse(objective)), ("mixture",))
    assert objective in str(raised.value) and "rank-score or accuracy" in str(raised.value)


def test_sizes_that_are_asked_for_are_trained_on_beside_the_whole(context):
    asked = replace(context, train_samples=(60, 25, 60), seen=[])
    (curve,) = LearningCurvesPart().run(asked, ("knn",))["curves"]
    whole = len(context.table.split("train"))
    sizes = [len(table.split("train")) for _, table in asked.seen]
    assert sizes == [point["num_train"] for point in curve["points"]]
    # Groups stay whole, so that a size is reached or passed by less than one group.
    assert sizes[-1] == whole and 25 <= sizes[0] < 60 <= sizes[1] < 80


@pytest.mark.parametrize("size", [15, 0, -3])
def test_a_size_that_no_router_is_trained_on_is_refused(context, size):
    with pytest.raises(EvaluationError, match=rf"from 16 to below .* found {size}\."):
        LearningCurvesPart().check(replace(context, train_samples=(20, size)), ("knn",))
    whole = len(context.table.split("train"))
    with pytest.raises(EvaluationError, match=f"below {whole:,}, .* found {whole:,}"):
        LearningCurvesPart().check(replace(context, train_samples=(whole,)), ("knn",))


def test_sizes_without_their_part_are_refused(tmp_path):
    done = run_program("study", tmp_path, "--train-samples", 50)
    assert done.status == 2 and "--part learning-curves" in " ".join(done.err.split())

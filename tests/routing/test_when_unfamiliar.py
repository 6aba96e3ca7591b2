"""What is done with a request unlike the training samples: what is asked for, said in its reason; others stay."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.families import ENCODER, small_router
from vlrouterbench.core.errors import EvaluationError, VLRouterBenchError
from vlrouterbench.evaluation.evaluate import evaluate_routers
from vlrouterbench.evaluation.evaluation_options import EvaluationOptions
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import BudgetError
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.route_table import route_table
from vlrouterbench.routing.when_unfamiliar import UnfamiliarError, WhenUnfamiliar

QUESTION = "Solve the integral of the seventh kind, with a proof in Latin?"


@pytest.fixture(scope="module")
def router(trained_folders):
    return AutoRouter.from_pretrained(trained_folders["flagship"])


@pytest.fixture(scope="module")
def alone(router):
    """The router's own decision on the question."""
    return router.route(QUESTION)


def asked(given, router, alone, **budget):
    """The decision where the question's score is the level."""
    when = replace(WhenUnfamiliar.parse(given), level=alone.unfamiliar)
    when.check(router, budget.get("candidates"))
    return when.applied(router, lambda: router.route(QUESTION, **budget), budget)


def other_than(alone):
    """The dearest candidate that the router would not ask."""
    names = sorted(alone.score, key=lambda name: -alone.estimated_cost_usd[name])
    return next(name for name in names if name != alone.candidate)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ignore", WhenUnfamiliar()),
        ("guard", WhenUnfamiliar("guard", 2.0)),
        ("guard=0.5@0.9", WhenUnfamiliar("guard", 0.5, level=0.9)),
        ("fallback=a/b@4o", WhenUnfamiliar("fallback", fallback="a/b@4o")),
        ("fallback=gpt@4@1", WhenUnfamiliar("fallback", fallback="gpt@4", level=1.0)),
        ("error@.5", WhenUnfamiliar("error", level=0.5)),
    ],
)
def test_an_action_is_read_with_its_value_and_level_and_written_so_that_it_is_read_alike(given, expected):
    assert WhenUnfamiliar.parse(given) == expected == WhenUnfamiliar.parse(str(expected))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("gaurd", 'Did you mean "guard"'),
        ("guard=0", "above 0"),
        ("guard=-1", "without a sign"),
        ("error=3", "error without a value"),
        ("fallback", "fallback=NAME"),
        ("guard@1.5", "at most 1, found 1.5"),
    ],
)
def test_an_action_that_makes_no_sense_is_refused(given, told):
    with pytest.raises(VLRouterBenchError, match=told):
        WhenUnfamiliar.parse(given)


def test_below_the_level_and_where_it_is_ignored_the_decision_is_the_routers(router, alone):
    for given in ("ignore", f"error@{min(1.0, alone.unfamiliar + 1e-3)}"):
        assert WhenUnfamiliar.parse(given).applied(router, lambda: router.route(QUESTION), {}) == alone


def test_the_guard_is_the_routers_own_for_this_one_decision(router, alone):
    found = asked("guard=3", router, alone)
    assert router.config.guard == 0 and router.route(QUESTION) == alone
    router.config.guard = 3.0
    expected = router.route(QUESTION)
    assert asked("guard=1", router, alone).score == expected.score, "a larger one of its own stays"
    router.config.guard = 0.0
    assert replace(found, reason=expected.reason) == expected and expected.score != alone.score
    assert found.reason.startswith(
        f"Unlike the training samples ({alone.unfamiliar:.3f}): a guard of 3 standard errors."
    )
    bound = asked("guard=3", router, alone, min_accuracy=0.01)
    assert "a guard does not apply under this budget" in bound.reason
    assert bound.candidate == router.route(QUESTION, min_accuracy=0.01).candidate


def test_the_fallback_is_asked_and_the_reason_says_whom_the_router_would_ask(router, alone):
    name = other_than(alone)
    found = asked(f"fallback={name}", router, alone)
    assert found == replace(alone, candidate=name, reason=found.reason)
    assert f"so the fallback {name} is asked; the router would ask {alone.candidate}." in found.reason


def test_a_fallback_that_may_not_be_asked_is_not_and_the_reason_says_so(router, alone):
    name = other_than(alone)
    below = 0.99 * alone.estimated_cost_usd[name]
    dear = asked(f"fallback={name}", router, alone, max_cost_usd=below)
    assert dear.candidate == router.route(QUESTION, max_cost_usd=below).candidate != name
    assert f"{name}, the fallback, is above the budget." in dear.reason
    when = replace(WhenUnfamiliar.parse(f"fallback={name}"), level=alone.unfamiliar)
    others = [alone.candidate]
    found = when.applied(router, lambda: router.route(QUESTION, candidates=others), {})
    assert found.candidate == alone.candidate and f"{name}, the fallback, may not be asked here." in found.reason
    floor = asked(f"fallback={name}", router, alone, min_accuracy=1.0)
    assert floor.candidate == name and not floor.target_met


def test_such_a_request_can_be_refused(router, alone):
    with pytest.raises(UnfamiliarError, match="refused here"):
        asked("error", router, alone)


def test_a_router_that_cannot_is_refused_by_its_name(router):
    router_without = small_router("mlp")
    for given in ("guard", "fallback=a", "error"):
        with pytest.raises(VLRouterBenchError, match=r'"mine" \(mlp\) does not say'):
            WhenUnfamiliar.parse(given).check(router_without, name="mine")
    WhenUnfamiliar().check(router_without)
    estimating = small_router("ridge-mf", encoder=ENCODER)
    with pytest.raises(VLRouterBenchError, match="saved before"):
        WhenUnfamiliar.parse("error").check(estimating)
    estimating.held_out = router.held_out
    WhenUnfamiliar.parse("error").check(estimating)
    with pytest.raises(VLRouterBenchError, match="has no guard"):
        WhenUnfamiliar.parse("guard").check(estimating)
    name = router.config.candidate_names[0]
    with pytest.raises(VLRouterBenchError, match=f'Did you mean "{name}"'):
        WhenUnfamiliar.parse(f"fallback={name}x").check(router)
    with pytest.raises(BudgetError, match="average_cost_usd or when_unfamiliar"):
        RoutingOptions(average_cost_usd=1.0, when_unfamiliar=WhenUnfamiliar.parse("error"))


def test_rows_of_a_table_and_of_parts_are_treated_alike_and_refused_ones_are_bad_rows(
    router, alone, trained_folders, tmp_path
):
    rows = [{"sample_id": "a", "question": QUESTION}, {"sample_id": "b", "question": "What is it?"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    scores = {row["sample_id"]: router.route(row["question"]).unfamiliar for row in rows}
    level, name = max(scores.values()), other_than(alone)
    expected = {
        key: name if score >= level else router.route(rows["ab".index(key)]["question"]).candidate
        for key, score in scores.items()
    }
    command = ("route", "--router", trained_folders["flagship"], "--questions", tmp_path / "rows.jsonl", "--json")
    action = ("--when-unfamiliar", f"fallback={name}@{level!r}")
    table = run_program(*command, *action, "--out", tmp_path / "out.parquet")
    parts = run_program(*command, *action, "--out", tmp_path / "parts", "--actors", 1)
    assert (table.status, parts.status) == (0, 0), table.err + parts.err
    assert json.loads(table.out)["unfamiliar"] == sum(score >= level for score in scores.values())
    for file in (
        tmp_path / "out.parquet",
        next(path for path in (tmp_path / "parts").glob("*.parquet") if not path.name.startswith("errors")),
    ):
        assert {row["sample_id"]: row["candidate"] for row in pq.read_table(file).to_pylist()} == expected
    refusing = RoutingOptions(when_unfamiliar=WhenUnfamiliar("error", level=level))
    routed = route_table(router, rows, refusing)
    assert [bad["row"] for bad in routed.bad] == [n for n, key in enumerate("ab", 1) if scores[key] >= level]
    one = run_program(*command[:3], "--question", QUESTION, "--when-unfamiliar", f"error@{alone.unfamiliar!r}")
    assert one.status == 1 and "refused here" in one.errors[0]


def test_an_evaluation_says_how_many_samples_were_meant_and_changes_no_other_decision(
    simulated_folder, simulated_problem, router, tmp_path
):
    test = simulated_problem.table.split("test")
    features = simulated_problem.features.of(test)
    names, plain = router.config.candidate_names, router.decide(features).numpy()
    scores = np.array([router.unfamiliarity(row.unsqueeze(0)) for row in features])
    level = float(np.quantile(scores, 0.7))
    with WhenUnfamiliar("guard", 2.0).guarding(router):
        guarded = router.decide(features).numpy()
    for when, changed in (
        (WhenUnfamiliar("guard", 2.0, level=level), guarded),
        (WhenUnfamiliar("fallback", fallback=names[3], level=level), np.full_like(plain, 3)),
    ):
        options = EvaluationOptions(time_routers=False, when_unfamiliar=when)
        (record,) = evaluate_routers(simulated_folder, [router], tmp_path / when.action, options)
        expected = np.where(scores >= level, changed, plain)
        assert record["router_config"]["when_unfamiliar"] == {
            "action": str(when),
            "level": level,
            "num_unfamiliar": int((scores >= level).sum()),
            "num_changed": int((expected != plain).sum()),
        }
        rows = pq.read_table(tmp_path / when.action / "decisions.parquet").to_pylist()
        decided = {row["sample_id"]: row["candidate"] for row in rows}
        assert [decided[key] for key in test.column("sample_id")] == [names[place] for place in expected]
    refusing = EvaluationOptions(time_routers=False, when_unfamiliar=WhenUnfamiliar("error", level=level))
    with pytest.raises(EvaluationError, match="would refuse"):
        evaluate_routers(simulated_folder, [router], tmp_path / "error", refusing)
    with pytest.raises(EvaluationError, match="does not say how unlike"):
        evaluate_routers(simulated_folder, [lambda samples: [names[0]] * len(samples)], tmp_path / "error", refusing)

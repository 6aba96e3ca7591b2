"""Exploration through the gateway, and what a log says of routers that did not answer it."""

import json
import re

import numpy as np
import pytest

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.serving.conftest import EASY, HARD, NAMES
from tests.serving.logs.conftest import COSTS, entry, question_of, write_log
from vlrouterbench.serving.exploring import affordable, explored
from vlrouterbench.serving.logs.evaluating import evaluate_log
from vlrouterbench.serving.logs.reading import read_log
from vlrouterbench.serving.settings import ServingError


def test_a_stated_share_of_requests_asks_anybody_that_budget_and_endpoints_allow(gateway, tmp_path):
    with gateway(config={"explore": 0.5}, log=True) as running:
        answers = [running.ask(EASY) for _ in range(60)]
        within = [running.ask(HARD, headers={"x-vlrouter-candidates": "small, middle"}) for _ in range(20)]
        plan = [running.client.post("/v1/route", json={"messages": [{"role": "user", "content": EASY}]}) for _ in "123"]
    logged = list(read_log(tmp_path / "log"))
    best = plan[0].json()["candidate"]
    assert {answer.json()["candidate"] for answer in plan} == {best}, "a decision alone is not drawn"
    for one in (one.entry for one in logged[:60]):
        assert one.propensity == pytest.approx(0.5 / 3 + (0.5 if one.chosen == best else 0))
    drawn = [one.entry.explored for one in logged[:60]]
    assert 12 < sum(drawn) < 48 and {one.entry.candidate for one in logged[:60]} == set(NAMES)
    assert {answer.headers["x-vlrouter-candidate"] for answer in within} <= {"small", "middle"}
    told = [answer.headers["x-vlrouter-reason"] for answer in answers]
    assert [text.startswith("drawn at random out of 3") for text in told] == drawn


def test_candidates_over_a_ceiling_or_under_a_floor_are_never_drawn(served_router):
    decision = served_router.route(EASY)
    order = sorted(decision.score, key=lambda name: -decision.score[name])
    ceiling = sorted(decision.estimated_cost_usd.values())[1]
    dearest = max(decision.estimated_cost_usd, key=decision.estimated_cost_usd.get)
    cheap = affordable(order, decision, {"max_cost_usd": ceiling})
    assert len(cheap) == 2 and dearest not in cheap
    floor = sorted(decision.estimated_accuracy.values())[1]
    assert all(
        decision.estimated_accuracy[name] >= floor for name in affordable(order, decision, {"min_accuracy": floor})[1:]
    )
    assert affordable(order, decision, {"max_cost_usd": 0.0}) == order[:1]


def test_probabilities_of_drawing_are_those_that_are_stated():
    order, counts = ("a", "b", "c", "d"), dict.fromkeys("abcd", 0)
    stated = {}
    for _ in range(20_000):
        (first, *rest), propensity, _ = explored(order, ("a", "b", "c"), 0.3)
        counts[first] += 1
        stated[first] = propensity
        assert rest == [name for name in order if name != first]
    assert stated == pytest.approx({"a": 0.8, "b": 0.1, "c": 0.1}) and counts["d"] == 0
    for name, propensity in stated.items():
        assert counts[name] / 20_000 == pytest.approx(propensity, abs=0.015)
    assert explored(order, order, 0.0) == (order, 1.0, False)


def true_value(router, levels, names):
    """(accuracy, cost) of a router on drawn requests, whose outcomes for every candidate are known."""
    found = []
    for name in names:
        level = levels[int(name.removeprefix("vlr-"))]
        chosen = router.route(question_of(int(name.removeprefix("vlr-")), level)).candidate
        found.append((float(list(COSTS).index(chosen) >= level), COSTS[chosen]))
    return np.mean(found, axis=0)


def test_estimates_hold_the_truth_on_requests_that_were_not_trained_on(
    drawn_log, retrained, router_folder, served_router
):
    root, levels = drawn_log
    found = evaluate_log(root / "log", [str(router_folder), str(retrained[1])])
    table = vrb.load_table(root / "benchmark")
    trained = set(table.split("train").column("sample_id"))
    names = [one.entry.id for one in read_log(root / "log") if one.entry.id not in trained]
    assert found.requests == len(names) and found.left_out == {"requests that a router was trained on": len(trained)}
    for router, one in zip((served_router, retrained[0]), found.routers, strict=True):
        accuracy, cost = true_value(router, levels, names)
        for by in ("self-normalised", "doubly-robust"):
            assert one.estimates[by]["accuracy"].low <= accuracy <= one.estimates[by]["accuracy"].high
            assert one.estimates[by]["cost_usd"].low <= cost <= one.estimates[by]["cost_usd"].high
    first, second = found.routers
    assert first.difference is None
    gap = second.estimates["doubly-robust"]["accuracy"].value - first.estimates["doubly-robust"]["accuracy"].value
    assert second.difference["accuracy"].value == pytest.approx(gap)
    assert (first.difference_by, second.difference_by) == ("", "doubly-robust")
    for one in found.routers:
        for by in one.estimates.values():
            assert by["cost_usd"].low >= 0 and 0 <= by["accuracy"].low and by["accuracy"].high <= 1


def test_the_command_tells_the_test_split_of_an_export(drawn_log, router_folder):
    root, _ = drawn_log
    options = ("--log", root / "log", "--router", router_folder, "--benchmark", root / "benchmark")
    small = run_program("logs", "evaluate", *options)  # some 40 requests, of which a third agree
    assert small.status == 1 and "too little in common" in small.err and len(small.errors) == 1
    done = run_program("logs", "evaluate", "--log", root / "log", "--router", router_folder, "--json")
    content = json.loads(done.out)
    assert content["requests"] == 480 and content["routers"][0]["effective"] >= 30
    text = run_program("logs", "evaluate", "--log", root / "log", "--router", router_folder).out
    assert re.search(r"router +doubly-robust +\d+\.\d\d ", text) and "effective sample size" in text


def rated(tmp_path, *entries):
    return write_log(tmp_path / "log", entries, [(one.id, 1.0) for one in entries])


@pytest.mark.parametrize("propensity", [0.0, None, 1.5, -0.1])
def test_a_propensity_that_is_none_is_refused_by_the_request_it_stands_at(propensity, tmp_path, router_folder):
    folder = rated(tmp_path, entry(1), entry(2, propensity=propensity))
    with pytest.raises(ServingError, match=r"request vlr-2: expected a propensity above 0"):
        evaluate_log(folder, [str(router_folder)])


def test_too_little_overlap_is_refused_with_what_there_is(tmp_path, served_router, router_folder):
    features = served_router.encoder.encode([vrb.routers.encoders.sample_input.RouterInput(HARD)]).numpy()[0]
    from vlrouterbench.features.given import encoder_digest

    known = {"features": features, "encoder": encoder_digest(served_router.encoder), "propensity": 0.02 / 3}
    asked = {"budget": {}, "candidates": NAMES}
    others = [
        entry(n, **known | {"propensity": 1.0, "chosen": "middle", "candidate": "middle"}, asked=asked)
        for n in range(50)
    ]
    drawn = [entry(100 + n, **known, chosen="large", candidate="large", asked=asked) for n in range(3)]
    with pytest.raises(ServingError, match=r"agrees with 3 of 53 requests, which weigh as much as 3\.0"):
        evaluate_log(rated(tmp_path, *others, *drawn), [str(router_folder)])


def test_a_benchmark_that_is_no_export_of_the_log_is_refused_and_not_taken_for_one(
    drawn_log, router_folder, simulated_folder
):
    root, _ = drawn_log
    with pytest.raises(ServingError, match="has none of its requests"):
        evaluate_log(root / "log", [str(router_folder)], simulated_folder)


def test_too_few_requests_are_not_called_too_little_overlap(tmp_path, served_router, router_folder):
    from vlrouterbench.features.given import encoder_digest

    features = served_router.encoder.encode([vrb.routers.encoders.sample_input.RouterInput(HARD)]).numpy()[0]
    known = {"features": features, "encoder": encoder_digest(served_router.encoder), "propensity": 1.0}
    asked = {"budget": {}, "candidates": NAMES}
    few = [entry(n, **known, chosen="large", candidate="large", asked=asked) for n in range(10)]
    with pytest.raises(ServingError, match=r"found 10 that weigh as much as 10\.0\. Log and rate more"):
        evaluate_log(rated(tmp_path, *few), [str(router_folder)])


def test_what_has_no_part_is_told_where_nothing_is_left(tmp_path, router_folder):
    folder = rated(
        tmp_path,
        entry(1, mode="direct"),
        entry(2, candidate="large"),
        entry(3, asked={"candidates": ["x"], "budget": {}}),
    )
    with pytest.raises(ServingError, match=r"found none \(1 with .*not the router's choice.*failed.*no candidate"):
        evaluate_log(folder, [str(router_folder)])

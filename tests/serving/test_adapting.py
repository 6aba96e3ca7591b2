"""Estimates that follow feedback: by hand, through a gateway, and on simulated drift."""

import importlib.util
import math

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vlrouterbench as vrb
from tests.serving.conftest import EASY, NAMES, free_port, served
from tests.standins.openai_server import OpenAIStandIn, endpoint_entry, write_endpoints
from vlrouterbench.serving.adapting import HALF_LIFE, PRIOR, Adaptation
from vlrouterbench.serving.chooser import Ranking
from vlrouterbench.serving.server import app_of
from vlrouterbench.serving.starting import Start


def test_a_shift_and_a_factor_by_hand():
    adaptation = Adaptation()
    adaptation.learn("a", 0.8, 0.0, 1e-3, 3e-3)
    came, expected = PRIOR * 0.8 / (1 + PRIOR), (0.8 + PRIOR * 0.8) / (1 + PRIOR)
    shift = math.log(came / (1 - came)) - math.log(expected / (1 - expected))
    assert adaptation.accuracy("a", 0.5) == pytest.approx(1 / (1 + math.exp(-shift)))
    assert adaptation.cost_usd("a", 2.0) == pytest.approx(2.0 * (3 + PRIOR) / (1 + PRIOR))
    assert (adaptation.accuracy("b", 0.5), adaptation.cost_usd("b", 2.0)) == (0.5, 2.0)
    drift = adaptation.drift("a")
    assert (drift.accuracy, drift.cost_ratio, drift.rated) == pytest.approx((-0.8, 3.0, 1.0))


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30))
def test_estimates_stay_probabilities_and_keep_their_order(estimate, rated):
    adaptation = Adaptation()
    for expected, quality in rated:
        adaptation.learn("a", expected, quality, None, None)
    low, high = adaptation.accuracy("a", estimate / 2), adaptation.accuracy("a", estimate)
    assert 0 <= low <= high <= 1 and adaptation.cost_usd("a", 1.0) == 1.0


def test_what_came_as_expected_changes_nothing_and_old_answers_fade():
    adaptation = Adaptation()
    for number in range(400):
        adaptation.learn("a", 0.75, float(number % 4 > 0), 1e-3, 1e-3)
    assert adaptation.accuracy("a", 0.6) == pytest.approx(0.6, abs=0.01)
    for _ in range(int(HALF_LIFE)):
        adaptation.learn("a", 0.75, 0.0, 1e-3, 1e-3)
    # Of four half-lives a sixteenth had faded; then half of the rest did, while as many halves of new ones came.
    old = 0.5 * (1 - 0.5**4)
    assert adaptation.drift("a").accuracy == pytest.approx(0.75 * old / (old + 0.5) - 0.75, abs=0.005)


def test_a_decision_is_made_anew_under_its_own_budget(router_folder):
    router = vrb.AutoRouter.from_pretrained(router_folder)
    adaptation = Adaptation()
    for _ in range(100):
        adaptation.learn("small", 0.95, 0.0, 1e-5, 1e-5)

    def candidate(budget):
        decision = router.route(EASY, **budget)
        ranking = Ranking(decision, tuple(sorted(decision.score, key=lambda n: -decision.score[n])), {}, budget=budget)
        found = adaptation.applied(ranking)
        assert found.own == decision and found.order[0] == found.decision.candidate
        return decision.candidate, found.decision.candidate

    dearest = max(router.route(EASY).estimated_cost_usd.values())
    for budget in ({}, {"min_accuracy": 0.5}):
        before, after = candidate(budget)
        assert before == "small" != after
    assert candidate({"max_cost_usd": dearest})[1] != "small"


def test_a_gateway_that_adapts_leaves_a_candidate_that_is_rated_badly_and_says_so(router_folder, tmp_path):
    with OpenAIStandIn() as upstream:
        endpoints = write_endpoints(
            tmp_path / "endpoints.yaml", *(endpoint_entry(name, upstream.base_url) for name in NAMES)
        )
        found = {}
        for adapts in (False, True):
            port = free_port()
            app = app_of(Start(str(router_folder), str(endpoints), adapt=adapts))
            with served(app, port):
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
                    asked = {"model": "auto", "messages": [{"role": "user", "content": EASY}]}
                    chosen = []
                    for _ in range(30):
                        headers = client.post("/v1/chat/completions", json=asked).headers
                        chosen.append(headers["x-vlrouter-candidate"])
                        told = {"request_id": headers["x-vlrouter-request-id"], "quality": 0.0}
                        assert client.post("/v1/feedback", json=told).status_code == 200
                    found[adapts] = (chosen, client.get("/metrics").text, headers["x-vlrouter-reason"])
    assert set(found[False][0]) == {"small"} and "drift_accuracy{" not in found[False][1]
    assert found[True][0][0] == "small" and found[True][0][-1] != "small"
    assert 'vlrouter_drift_accuracy{candidate="small"} -0.' in found[True][1]


def test_under_drift_adaptation_loses_less_and_without_any_a_little(project_root):
    path = project_root / "docs" / "examples" / "simulated_drift.py"
    spec = importlib.util.spec_from_file_location("simulated_drift", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    calm, worse, dear = (module.regrets(scenario, 0) for scenario in module.SCENARIOS)
    assert calm["no adaptation"] == calm["oracle"] == 0 < calm["--adapt"]
    assert worse["--adapt"] < 0.5 * worse["no adaptation"] and dear["--adapt"] < dear["no adaptation"]

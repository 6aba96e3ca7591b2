"""From request to answer through real servers: routed, by name, streamed, and what is told about it."""

import base64
import io
import json

import pytest
from PIL import Image

import vlrouterbench as vrb
from tests.serving.conftest import EASY, HARD, NAMES, asked_models
from tests.standins.openai_server import Scripted

EVENTS = tuple(
    f'data: {{"choices": [{{"index": 0, "delta": {{"content": "part {n}"}}}}]}}\n\n'.encode() for n in range(4)
)
LAST = (b'data: {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 4}}\n\n', b"data: [DONE]\n\n")


def data_url(colour=(200, 30, 30)):
    buffer = io.BytesIO()
    Image.new("RGB", (24, 16), colour).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def with_image(text):
    parts = [{"type": "image_url", "image_url": {"url": data_url()}}, {"type": "text", "text": text}]
    return [{"role": "user", "content": parts}]


def test_a_request_goes_where_the_router_itself_would_ask_and_the_headers_say_so(gateway, router_folder):
    router = vrb.AutoRouter.from_pretrained(router_folder)
    with gateway() as running:
        for question in (EASY, HARD, with_image(HARD)):
            messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
            decision = router.route(messages=messages)
            answer = running.ask(question)
            assert answer.status_code == 200, answer.text
            assert asked_models(running)[-1] == decision.candidate == answer.headers["x-vlrouter-candidate"]
            told = float(answer.headers["x-vlrouter-estimated-accuracy"])
            assert told == pytest.approx(decision.estimated_accuracy[decision.candidate], abs=5e-5)
            assert answer.headers["x-vlrouter-reason"].startswith(f"{decision.candidate} is expected to be right")
            assert float(answer.headers["x-vlrouter-unfamiliar"]) == pytest.approx(decision.unfamiliar, abs=5e-5)
            assert answer.headers["x-vlrouter-attempts"] == "1" and answer.headers["x-vlrouter-request-id"]
            assert float(answer.headers["x-vlrouter-overhead-ms"]) > 0
        decided = {router.route(question).candidate for question in (EASY, HARD)}
    assert len(decided) == 2, "the questions are to be asked of different candidates"


def test_the_body_is_passed_on_as_it_came_but_for_the_model_and_the_answer_as_it_came(gateway):
    raw = json.dumps({"choices": [{"message": {"content": "ü"}}], "odd": [1.0, None]}, indent=3).encode()
    with gateway(lambda *_: Scripted(raw=raw), tools=True) as running:
        body = {
            "messages": [{"role": "system", "content": "be short"}, *with_image("What?")],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
            "response_format": {"type": "json_object"},
            "a_field_nobody_knows": {"x": [1, 2.0, "é"]},
            "temperature": 0.25,
        }
        answer = running.client.post("/v1/chat/completions", json={"model": "large", **body})
    assert answer.content == raw
    assert running.upstream.asked[0].body == {"model": "org/large", **body}


def test_a_candidates_own_name_goes_straight_through_and_an_unknown_one_is_told_the_nearest(gateway):
    with gateway() as running:
        assert running.ask(HARD, model="small").headers["x-vlrouter-candidate"] == "small"
        refused = running.ask(model="lareg")
    assert refused.status_code == 404 and 'Did you mean "large"?' in refused.json()["error"]["message"]
    assert asked_models(running) == ["small"]


def test_a_stream_is_relayed_byte_for_byte_while_it_comes(gateway):
    with gateway(lambda *_: Scripted(chunks=EVENTS + LAST, gap=0.05)) as running:
        body = {"model": "auto", "messages": [{"role": "user", "content": EASY}], "stream": True}
        with running.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            parts = list(answer.iter_raw())
    assert b"".join(parts) == b"".join(EVENTS + LAST)
    assert len(parts) > 2, "chunks were held back"
    assert "vlrouter_tokens_total" in vrb_metrics(running)


def vrb_metrics(running):
    """Metrics as the gateway has them; its server may have ended."""
    return running.app.state.gateway.metrics.text().decode()


def test_a_stream_that_breaks_after_its_first_byte_ends_with_an_error_event_and_nothing_is_asked_again(gateway):
    with gateway(lambda *_: Scripted(chunks=EVENTS, cut=2)) as running:
        content = running.ask(stream=True).content
    *_, last = content.strip().split(b"\n\n")
    assert content.startswith(b"".join(EVENTS[:2])) and b"[DONE]" not in content
    assert json.loads(last.removeprefix(b"data: "))["error"]["type"] == "upstream_error"
    assert len(running.upstream.asked) == 1


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"status": 401}, {"cut": 5}], ids=str)
def test_a_candidate_that_fails_before_its_first_byte_is_replaced_by_the_next_best(fault, gateway):
    with gateway(lambda _, number: Scripted(**fault) if number == 0 else Scripted(text="from the next")) as running:
        order = running.client.post("/v1/route", json={"messages": [{"role": "user", "content": EASY}]}).json()["order"]
        answer = running.ask(EASY)
    assert asked_models(running) == order[:2] and answer.status_code == 200
    assert answer.headers["x-vlrouter-candidate"] == order[1] and answer.headers["x-vlrouter-attempts"] == "2"
    assert "from the next" in answer.text


def test_a_candidate_asked_by_name_is_asked_again_and_never_replaced(gateway):
    with gateway(
        lambda _, number: Scripted(status=503, headers={"retry-after": "0"}) if number < 2 else Scripted()
    ) as running:
        answer = running.ask(model="middle")
    assert answer.status_code == 200 and asked_models(running) == ["middle"] * 3


def test_an_error_that_the_caller_made_is_passed_on_and_nobody_else_is_asked(gateway):
    with gateway(lambda *_: Scripted(status=400, text="max_tokens is too large")) as running:
        answer = running.ask()
    assert answer.status_code == 400 and "max_tokens is too large" in answer.text
    assert len(running.upstream.asked) == 1


def test_when_all_are_down_the_answer_names_what_was_tried_and_the_breakers_close_them_off(gateway):
    with gateway(lambda *_: Scripted(status=500, text="broken"), config={"breaker_failures": 2}) as running:
        answers = [running.ask() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [502] * 4
    assert all(name in answers[0].json()["error"]["message"] for name in NAMES)
    assert len(running.upstream.asked) == 6, "closed off after two failures each"
    assert "closed off after failures" in answers[-1].json()["error"]["message"]


def test_candidates_that_cannot_take_a_request_are_passed_over_and_named(gateway):
    with gateway(max_images=0) as running:
        refused = running.ask(with_image(EASY))
        assert refused.status_code == 400 and "1 images, where it takes 0" in refused.json()["error"]["message"]
        assert running.ask(EASY).status_code == 200
        assert "tools, which it does not take" in running.ask(EASY, tools=[{"type": "function"}]).text
    assert len(running.upstream.asked) == 1


def test_a_router_decides_alone_at_v1_route(gateway, router_folder):
    with gateway() as running:
        told = running.client.post("/v1/route", json={"messages": [{"role": "user", "content": HARD}]}).json()
    decision = vrb.AutoRouter.from_pretrained(router_folder).route(HARD)
    assert told["candidate"] == decision.candidate and told["decision"] == json.loads(json.dumps(decision.as_dict()))
    assert set(told["order"]) == set(NAMES) and running.upstream.asked == []


def test_every_image_of_a_request_reaches_the_router_which_says_what_it_did_not_take_in(gateway, router_folder):
    with gateway(max_images=2) as running:
        image, text = with_image(HARD)[0]["content"]
        messages = [{"role": "user", "content": [image, image, text]}]
        answered = running.client.post("/v1/route", json={"model": "auto", "messages": messages}).json()
        said = running.ask(messages).headers["x-vlrouter-reason"]
    expected = vrb.AutoRouter.from_pretrained(router_folder).route(messages=messages)
    assert answered["decision"]["images_left_out"] == expected.images_left_out == 1
    assert answered["decision"]["score"] == pytest.approx(expected.score)
    assert said.startswith("Of 2 images this router reads the first alone: 1 had no part in this decision.")


def test_models_lists_what_can_be_asked(gateway):
    with gateway(config={"models": {"auto-cheap": "usd-weight=100000"}}) as running:
        models = running.client.get("/v1/models").json()
    assert [entry["id"] for entry in models["data"]] == ["auto", "auto-cheap", *NAMES]


def test_a_model_name_of_the_configuration_routes_by_its_objective(gateway):
    models = {"auto-cheap": "usd-weight=1e9", "auto-best": "accuracy"}
    with gateway(config={"models": models}) as running:
        cheap = running.ask(HARD, model="auto-cheap").headers["x-vlrouter-candidate"]
        best = running.ask(HARD, model="auto-best").headers["x-vlrouter-candidate"]
    assert (cheap, best) == ("small", "large")


def test_headers_and_the_own_field_change_the_decision_and_are_not_passed_on(gateway):
    with gateway() as running:
        first = running.ask(HARD, headers={"x-vlrouter-candidates": "small, middle"})
        second = running.ask(HARD, vlrouter={"usd_weight": 1e9})
        wrong = running.ask(HARD, vlrouter={"max_cost": 1})
    assert first.headers["x-vlrouter-candidate"] in ("small", "middle")
    assert second.headers["x-vlrouter-candidate"] == "small"
    assert wrong.status_code == 400 and "max_cost_usd" in wrong.json()["error"]["message"]
    assert all("vlrouter" not in asked.body for asked in running.upstream.asked)


def test_a_shadowed_gateway_asks_one_candidate_and_says_whom_the_router_would_have_asked(gateway):
    with gateway(config={"shadow": "small"}) as running:
        answer = running.ask(HARD)
    assert asked_models(running) == ["small"]
    assert "would have asked large" in answer.headers["x-vlrouter-reason"]


def test_a_first_turn_is_decided_by_the_router_whoever_answered_the_same_words_before(gateway):
    fails_once = lambda _, number: Scripted(status=500) if number == 0 else Scripted()  # noqa: E731
    with gateway(fails_once, config={"affinity_margin": 1.0}) as running:
        first, again = (running.ask(EASY).headers["x-vlrouter-candidate"] for _ in range(2))
        named = running.ask(EASY, headers={"x-vlrouter-conversation": "c"}).headers["x-vlrouter-candidate"]
    assert first != again == named


def test_the_cap_of_an_endpoint_is_sent_where_the_request_has_none(gateway):
    with gateway(max_output_tokens=77) as running:
        running.ask(model="small")
        running.ask(model="small", max_completion_tokens=5)
    assert [asked.body.get("max_tokens") for asked in running.upstream.asked] == [77, None]


def test_a_caller_who_goes_away_frees_the_place_that_its_stream_took(gateway):
    endless = EVENTS * 200
    streams = lambda asked, _: Scripted(chunks=endless, gap=0.02) if asked.body.get("stream") else Scripted()  # noqa: E731
    with gateway(streams, max_concurrency=1) as running:
        body = {"model": "small", "messages": [{"role": "user", "content": EASY}], "stream": True}
        with running.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            next(answer.iter_raw())
        assert running.ask(model="small").status_code == 200


def test_a_failure_that_nobody_foresaw_is_one_500_and_the_next_request_is_decided(gateway, monkeypatch):
    with gateway() as running:
        chooser = running.app.state.gateway.chooser
        with monkeypatch.context() as patch:
            patch.setattr(chooser.router, "features_of_each", lambda samples: 1 / 0)
            broken = running.ask(HARD)
        assert broken.status_code == 500 and HARD not in broken.text and "ZeroDivisionError" in broken.text
        assert running.ask(HARD).status_code == 200


def test_a_split_answers_the_stated_share_of_conversations_by_the_control(gateway):
    with gateway(config={"split": 0.5, "control": "middle"}) as running:
        plans = [
            running.client.post("/v1/route", json={"messages": [{"role": "user", "content": f"{HARD} {n}"}]}).json()
            for n in range(60)
        ]
    modes = [plan["mode"] for plan in plans]
    assert 15 < modes.count("control") < 45 and set(modes) == {"control", "route"}
    assert all(plan["candidate"] == "middle" for plan in plans if plan["mode"] == "control")


def test_a_conversation_stays_with_its_model_while_the_best_is_within_the_margin(gateway):
    turns = [{"role": "user", "content": EASY}]
    later = [*turns, {"role": "assistant", "content": "red"}, {"role": "user", "content": HARD}]
    for margin, expected in ((1.0, "small"), (0.0, "large")):
        with gateway(config={"affinity_margin": margin}) as running:
            assert running.ask(turns).headers["x-vlrouter-candidate"] == "small"
            assert running.ask(later).headers["x-vlrouter-candidate"] == expected


def test_feedback_names_its_answer_and_an_unknown_one_is_refused(gateway):
    for log in (False, True):
        with gateway(log=log) as running:
            name = running.ask().headers["x-vlrouter-request-id"]
            noted = running.client.post("/v1/feedback", json={"request_id": name, "quality": 0.5})
            unknown = running.client.post("/v1/feedback", json={"request_id": "vlr-no", "quality": 0.5})
            wrong = running.client.post("/v1/feedback", json={"request_id": name, "quality": 2})
            typo = running.client.post("/v1/feedback", json={"request_id": name, "quality": 1, "qualty": 0})
        assert noted.json()["candidate"] in NAMES
        assert (unknown.status_code, wrong.status_code, typo.status_code) == (404, 400, 400)
        assert "qualty" in typo.text and "Did you mean" in typo.text, typo.text


def test_health_and_metrics_answer(gateway):
    with gateway() as running:
        running.ask(model="small")
        assert running.client.get("/healthz").status_code == running.client.get("/readyz").status_code == 200
        text = running.client.get("/metrics").text
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")]
    assert names and all(name.startswith("vlrouter_") for name in names)
    assert 'vlrouter_requests_total{candidate="small",mode="direct",status="200"} 1.0' in text


NO_ANSWERS = {
    "a login page": {"raw": b"<html>log in</html>", "content_type": "text/html"},
    "no choices": {"raw": b'{"choices": []}'},
    "no message": {"raw": b'{"choices": [{}]}'},
    "nothing": {"raw": b""},
    "an error": {"raw": b'{"error": {"message": "no model is loaded"}}'},
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_success_that_is_no_answer_is_a_failure_and_the_next_best_is_asked(stream, gateway):
    faults = list(NO_ANSWERS.values())
    with gateway(
        lambda _, number: Scripted(text="whole") if number % 2 else Scripted(**faults[number // 2])
    ) as running:
        for _ in faults:
            answer = running.ask(stream=stream)
            assert answer.status_code == 200 and "whole" in answer.text, answer.text
            assert answer.headers["x-vlrouter-attempts"] == "2"


def test_a_stream_whose_type_says_nothing_is_known_by_its_first_bytes(gateway):
    content = b"".join(EVENTS + LAST)
    with gateway(lambda *_: Scripted(raw=content, content_type="text/plain")) as running:
        answer = running.ask(stream=True)
        assert answer.content == content
        assert running.ask(model="small").status_code == 502, "events are no answer to a request without a stream"

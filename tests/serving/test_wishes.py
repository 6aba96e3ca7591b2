"""What a request may ask of its decision, and that nothing it asks is dropped in silence."""

import sqlite3

import pytest

from tests.serving.conftest import EASY, HARD, NAMES, asked_models, running_gateway
from tests.serving.test_gateway import data_url, with_image
from tests.standins.openai_server import Scripted
from vlrouterbench.serving.request_error import RequestError
from vlrouterbench.serving.wishes import read_wish


@pytest.fixture(scope="module")
def open_gateway(router_folder, tmp_path_factory):
    """One gateway for requests that are refused or decided."""
    folder = tmp_path_factory.mktemp("wishes")
    with running_gateway(router_folder, folder, config={"models": {"auto-95": "accuracy-share=0.95"}}) as running:
        yield running


def refused(running, *arguments, **fields):
    """The message of a request that is 400 or 403, which asks nobody."""
    asked = len(running.upstream.asked)
    answer = running.ask(*arguments, **fields)
    assert answer.status_code in (400, 403) and len(running.upstream.asked) == asked, answer.text
    assert answer.headers["x-vlrouter-request-id"].startswith("vlr-")
    message = answer.json()["error"]["message"]
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("name", ["max-cost-usd", "max_cost_usd", "MAX-Cost_USD"])
def test_a_header_is_read_with_hyphens_and_with_underscores(name):
    assert read_wish({}, {f"x-vlrouter-{name}": "0.5"}).budget == {"max_cost_usd": 0.5}


@pytest.mark.parametrize("name", ["foo", "max-cost", "candidate-s", "max_cost"])
def test_a_header_that_nobody_knows_is_refused_with_the_nearest(name, open_gateway):
    message = refused(open_gateway, headers={f"x-vlrouter-{name}": "1"})
    assert "unknown header" in message and (name == "foo" or "Did you mean" in message)


def test_headers_of_an_answer_may_come_back(open_gateway):
    headers = {name: value for name, value in open_gateway.ask().headers.items() if name.startswith("x-vlrouter-")}
    assert len(headers) > 5
    assert open_gateway.ask(headers=headers | {"x-vlrouter-conversation": "c"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"max-cost-usd": "1_000"},
        {"max-cost-usd": "nan"},
        {"usd-weight": "٣"},
        {"candidates": ""},
        {"objective": "accuracy", "usd-weight": "3"},
    ],
    ids=str,
)
def test_a_value_that_makes_no_sense_is_refused_in_headers_and_in_the_body_alike(headers):
    own = {name.replace("-", "_"): [] if name == "candidates" else value for name, value in headers.items()}
    for body, sent in ((own, {}), ({}, {f"x-vlrouter-{name}": value for name, value in headers.items()})):
        with pytest.raises(RequestError) as error:
            read_wish(body, sent)
        assert error.value.status == 400 and "expected" in error.value.message


@pytest.mark.parametrize(
    "wish", [{"max_cost_usd": 1e-9}, {"candidates": ["small"]}, {"objective": "auto-95"}, {"max_latency_s": 1}], ids=str
)
def test_a_candidate_asked_by_name_follows_no_wishes_and_says_so(wish, open_gateway):
    assert "asked by its name (large)" in refused(open_gateway, model="large", vlrouter=wish)


def test_an_unknown_objective_lists_those_of_the_configuration(open_gateway):
    message = refused(open_gateway, vlrouter={"objective": "rank-scor"})
    assert "Known: auto-95, accuracy-share=0.95" in message and "rank-score," not in message
    assert open_gateway.ask(vlrouter={"objective": "auto-95"}).status_code == 200


ADDRESS = "http://169.254.169.254/x"
ELSEWHERE = [
    {"type": "image", "image": ADDRESS},
    {"type": "image", "url": ADDRESS},
    {"image_url": {"url": ADDRESS}},
    {"type": "IMAGE_URL", "image_url": {"url": ADDRESS}},
    {"type": "video_url", "video_url": {"url": f" {ADDRESS}"}},
    {"type": "image_url", "image_url": {"url": data_url()}, "video_url": {"url": ADDRESS}},
    {"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}},
    {"type": "image", "image": "/etc/passwd"},
    {"type": "input_audio", "input_audio": {"data": "S3://bucket/a"}},
    {"type": "text", "text": "What?", "image_url": "//host/a.png"},
    [{"image_url": ADDRESS}],
]


@pytest.mark.parametrize("part", ELSEWHERE, ids=str)
def test_no_part_of_any_kind_brings_an_address_to_an_upstream(part, open_gateway):
    for model in ("auto", "large"):
        message = refused(open_gateway, [{"role": "user", "content": [part]}], model=model)
        assert "data URL" in message and "169.254" not in message


def test_text_and_parts_without_addresses_go_to_the_upstream_as_they_came(open_gateway):
    content = [
        {"type": "text", "text": f"What is at {ADDRESS}?"},
        {"type": "input_audio", "input_audio": {"data": "//uQxAAA", "format": "mp3"}},
        {"type": "image", "image": data_url()},
        {"type": "file", "file": {"file_id": "file-1"}},
    ]
    assert open_gateway.ask([{"role": "user", "content": content}], model="large").status_code == 200
    assert open_gateway.upstream.asked[-1].body["messages"][0]["content"] == content
    assert open_gateway.ask([{"role": "user", "content": ADDRESS}]).status_code == 200


@pytest.mark.parametrize("mode", ["shadow", "control"])
def test_what_the_router_cannot_decide_is_answered_in_shadow_all_the_same_and_logged_with_the_reason(
    mode, gateway, tmp_path
):
    config = {"shadow": "large"} if mode == "shadow" else {"split": 1.0, "control": "large"}
    broken = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": EASY}]
    few = {"own": {"small": {"max_images": 0}, "middle": {"max_images": 0}}}
    with gateway(config=config, log=True, max_images=1, **few) as running:
        answers = [
            running.ask([{"role": "user", "content": broken}]),
            running.ask(HARD, vlrouter={"max_cost_usd": 1e-12}),
            running.ask(with_image(HARD), vlrouter={"candidates": ["small", "middle"]}),
        ]
        assert running.ask(HARD, vlrouter={"candidates": ["nobody"]}).status_code == 400, "a wish that makes no sense"
    assert [answer.status_code for answer in answers] == [200] * 3 and asked_models(running) == ["large"] * 3
    assert all("has no decision" in answer.headers["x-vlrouter-reason"] for answer in answers)
    (path,) = (tmp_path / "log").glob("requests-*.sqlite")
    query = "select mode, chosen, json_extract(asked, '$.undecided') from requests"
    rows = sqlite3.connect(path).execute(query).fetchall()
    assert len(rows) == 3 and all(row[:2] == (mode, "") and row[2] for row in rows)


def test_after_a_fallback_the_reason_speaks_of_the_candidate_that_answered(gateway):
    config = {"breaker_failures": 1, "breaker_cooldown_s": 60}
    with gateway(lambda _, number: Scripted(status=500) if number == 0 else Scripted(), config=config) as running:
        asked = {"messages": [{"role": "user", "content": EASY}]}
        first, second, *_ = running.client.post("/v1/route", json=asked).json()["order"]
        failed, closed = (running.ask(EASY).headers for _ in range(2))
        told = running.client.post("/v1/route", json=asked).json()
    assert failed["x-vlrouter-candidate"] == closed["x-vlrouter-candidate"] == told["candidate"] == second
    assert failed["x-vlrouter-reason"] == f"{first} failed (server error), and {second} is the next best."
    assert closed["x-vlrouter-reason"].startswith(f"{first} is closed off after failures, for ")
    assert told["reason"].startswith(f"{first} is closed off") and told["order"][0] == first
    assert list(told["closed_off"]) == [first] and set(NAMES) == set(told["order"])

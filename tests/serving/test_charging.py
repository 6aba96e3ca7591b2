"""What a key is charged: everything that costs is reserved before it is asked, and settled by what it did cost."""

import time

import pytest

from tests.serving.conftest import EASY, HARD, asked_models, running_gateway
from tests.serving.test_gateway import EVENTS, LAST
from tests.serving.test_refusals import bearer, key, paid_usd
from tests.standins.openai_server import Scripted
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.chat import read_chat
from vlrouterbench.serving.metering import Meter, Usage
from vlrouterbench.serving.reserving import reserve_of

CHEAP, OTHER = "sk-of-little", "sk-of-much"
ASKED_USAGE = {"stream_options": {"include_usage": True}}


@pytest.fixture(scope="module")
def charged(router_folder, tmp_path_factory):
    """One gateway with a key that has a cent a day and one with plenty, whose upstream streams where that is asked."""
    folder = tmp_path_factory.mktemp("charged")
    keys = [key(CHEAP, usd_per_day=0.01), key(OTHER, usd_per_day=100) | {"name": "other"}]
    script = lambda asked, _: Scripted(chunks=EVENTS + LAST) if asked.body.get("stream") else Scripted()  # noqa: E731
    own = {"small": {"output_price": 0.02}, "large": {"extra_body": {"stream_options": None}}}
    with running_gateway(
        router_folder, folder, script, {"state": "state", "keys": keys}, own=own, max_output_tokens=64
    ) as running:
        yield running, folder


def settled(folder):
    """What the latest answer was settled by, which happens after its last byte."""
    deadline = time.monotonic() + 10
    while (paid := paid_usd(folder)[-1]) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return paid


ODD = ('"5000"', '""', "50000.0", "5e3", "-1", "0", "true", "[5]", "{}", "1e400", "1" + 400 * "0", "9" * 5_000)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n", "best_of"])
def test_what_costs_is_a_whole_number_or_nobody_is_asked(name, charged):
    running, _ = charged
    asked = len(running.upstream.asked)
    for value in ODD:
        body = f'{{"model": "large", "messages": [{{"role": "user", "content": "x"}}], "{name}": {value}}}'
        for address in ("/v1/chat/completions", "/v1/route"):
            answer = running.client.post(address, content=body, headers=bearer(OTHER))
            message = answer.json()["error"]["message"]
            assert answer.status_code == 400 and len(message) < 400 and "sys." not in message, (value, answer.text)
    assert len(running.upstream.asked) == asked


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 5_000}, 5_000),
        ({"max_tokens": 5_000, "max_completion_tokens": 5}, 5_000),
        ({"max_tokens": 100, "best_of": 20, "n": 2}, 2_000),
        ({"max_tokens": None, "max_completion_tokens": None}, 64),
        ({"max_tokens": 2**31 - 1, "n": 2**31 - 1}, (2**31 - 1) ** 2),
    ],
    ids=str,
)
def test_a_reserve_counts_the_largest_that_a_server_can_read_into_a_request(fields, tokens):
    endpoint = Endpoint("a", "a", 0.0, 1.0, base_url="http://127.0.0.1:9/v1", max_output_tokens=64)
    request = read_chat({"model": "a", "messages": [{"role": "user", "content": "x"}], **fields}, {})
    assert reserve_of(endpoint, request) == pytest.approx(tokens / 1e6)
    caps = {request.sent_to(endpoint).get(name) for name in ("max_tokens", "max_completion_tokens")}
    assert max(caps - {None}) in (tokens, fields["max_tokens"] or 64), "a cap of null went to a server as none"


def test_a_cap_of_the_caller_goes_before_one_of_the_endpoint_under_its_other_name():
    endpoint = Endpoint("a", "a", 0.0, 1.0, base_url="http://x/v1", extra_body={"max_completion_tokens": 900, "n": 3})
    request = read_chat({"model": "a", "messages": [{"role": "user", "content": "x"}], "max_tokens": 5}, {})
    assert "max_completion_tokens" not in request.sent_to(endpoint)
    assert reserve_of(endpoint, request) == pytest.approx(3 * 5 / 1e6)


def test_a_day_passes_dear_candidates_over_and_says_what_is_left_where_none_fits(charged):
    running, folder = charged
    body = {"max_tokens": 30_000}  # 0.06 USD by large, 0.0006 by small
    asked = [{"role": "user", "content": HARD}]
    told = running.client.post("/v1/route", json={"messages": asked, **body}, headers=bearer(CHEAP)).json()
    answer = running.ask(HARD, headers=bearer(CHEAP), **body)
    assert answer.headers["x-vlrouter-candidate"] == told["candidate"] == "small"
    assert "does not fit this key's day" in told["passed_over"]["large"]
    for model in ("auto", "large"):
        refused = running.ask(HARD, model=model, headers=bearer(CHEAP), max_tokens=10_000_000)
        message = refused.json()["error"]["message"]
        assert refused.status_code == 429 and "USD is left of this key's day" in message
        assert "least that could be reserved" in message and "midnight" in message


@pytest.mark.parametrize("stated", [None, {"include_usage": False}, {"include_usage": None, "other": 1}])
def test_a_stream_is_settled_by_its_usage_and_a_caller_who_asked_for_none_sees_none(stated, charged):
    running, folder = charged
    more = {} if stated is None else {"stream_options": stated}
    answer = running.ask(EASY, model="middle", headers=bearer(OTHER), stream=True, **more)
    assert answer.content == b"".join(EVENTS) + LAST[1]
    assert running.upstream.asked[-1].body["stream_options"] == (stated or {}) | {"include_usage": True}
    assert settled(folder) == pytest.approx((11 * 1 + 4 * 2) / 1e6)


def test_a_stream_whose_caller_asked_for_usage_is_the_upstreams_byte_for_byte(charged):
    running, folder = charged
    answer = running.ask(EASY, model="middle", headers=bearer(OTHER), stream=True, **ASKED_USAGE)
    assert answer.content == b"".join(EVENTS + LAST) and settled(folder) == pytest.approx(19e-6)


def test_an_endpoint_that_knows_no_stream_options_is_not_sent_them(charged):
    running, _ = charged
    answer = running.ask(EASY, model="large", headers=bearer(OTHER), stream=True)
    assert "stream_options" not in running.upstream.asked[-1].body and answer.content == b"".join(EVENTS + LAST)
    assert asked_models(running)[-1] == "large"


CONTENT = b'data: {"choices": [{"delta": {"content": "usage"}}], "usage": null}'
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}'
BOTH = b'data: {"choices": [{"delta": {}}], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}'


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("size", [1, 3, 50, 4_096])
def test_the_event_of_usage_alone_is_taken_out_whole_however_a_stream_is_cut_up(size, newline):
    end = 2 * newline
    for kept, last in ((CONTENT + end, USAGE + end), (BOTH + end, b"")):
        whole = b": a comment" + end + kept + last + b"data: [DONE]" + end + b"data: not whole"
        meter = Meter(stream=True, hides_usage=True)
        shown = b"".join(meter.feed(whole[start : start + size]) for start in range(0, len(whole), size))
        rest = whole.replace(last, b"") if last else whole
        assert (shown + meter.held()).strip() == rest.strip() and meter.end() == Usage(5, 6)


@pytest.mark.parametrize("kept", ["nothing", "a log", "estimates that follow answers"])
def test_the_usage_of_a_stream_is_asked_for_wherever_its_cost_is_kept_and_nowhere_else(kept, gateway):
    with gateway(lambda *_: Scripted(chunks=EVENTS + LAST), log=kept == "a log") as running:
        running.app.state.gateway._adapts = kept.startswith("estimates")
        content = running.ask(EASY, stream=True).content
    is_asked = "stream_options" in running.upstream.asked[-1].body
    assert is_asked == (kept != "nothing")
    assert content == (b"".join(EVENTS) + LAST[1] if is_asked else b"".join(EVENTS + LAST))

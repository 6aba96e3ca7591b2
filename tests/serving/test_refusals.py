"""What a gateway refuses: malformed bodies, images that are elsewhere, strangers, keys beyond their means."""

import base64
import hashlib
import json
import sqlite3
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest.mock import Mock

import pytest

from tests.serving.conftest import EASY, HARD, NAMES, asked_models, running_gateway
from tests.standins.openai_server import Scripted
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.serving.settings import Key, ServingError, Settings
from vlrouterbench.serving.settings_file import read_settings
from vlrouterbench.serving.starting import load_chooser

SECRET, OTHER = "sk-a-key-of-the-test", "sk-another"


def key(secret=SECRET, **fields):
    return {"name": "team", "sha256": hashlib.sha256(secret.encode()).hexdigest(), **fields}


def bearer(secret=SECRET):
    return {"authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": "auto"}',
        b'{"model": "auto", "messages": []}',
        b'{"model": "auto", "messages": ["x"]}',
        b'{"model": "auto", "messages": [{"role": "system", "content": "x"}]}',
        b'{"model": 3, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
        b'{"a":' * 20_000,
        b"\xff\xfe",
        b'{"model": "auto", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": 3}]}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": '
        b'{"url": "data:image/png;base64,AAAA"}}]}]}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "vlrouter": {"usd_weight": "much"}}',
        b'{"model": "auto", "messages": [{"role": "user", "content": "x"}], "vlrouter": {"objective": "nonsense"}}',
    ],
    ids=range(15),
)
def test_a_malformed_body_is_400_with_one_line_and_asks_nobody(body, malformed):
    answer = malformed.client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400, answer.text
    message = answer.json()["error"]["message"]
    assert message and "\n" not in message and len(message) < 500 and malformed.upstream.asked == []


@pytest.fixture(scope="module")
def malformed(router_folder, tmp_path_factory):
    """One gateway for all malformed bodies."""
    with running_gateway(router_folder, tmp_path_factory.mktemp("malformed")) as running:
        yield running


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "https://example.org/a.png", "file:///etc/passwd", "//host/a.png", "a.png"]
)
def test_an_image_that_is_somewhere_else_is_refused_and_not_fetched(url, malformed):
    parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
    for model in ("auto", "small"):
        answer = malformed.ask([{"role": "user", "content": parts}], model=model)
        assert answer.status_code in (400, 403) and "data URL" in answer.json()["error"]["message"], answer.text
    assert malformed.upstream.asked == []


def test_a_body_over_the_bound_is_413(gateway):
    with gateway(config={"max_body_bytes": 20_000}) as running:
        assert running.ask("x" * 30_000).status_code == 413
        chunked = running.client.post("/v1/chat/completions", content=(b"x" * 1_000 for _ in range(40)))
        assert chunked.status_code == 413 and running.ask().status_code == 200


@pytest.mark.parametrize("name", ["host", "origin"])
def test_without_keys_no_page_of_another_site_may_ask(name, malformed):
    value = "http://evil.example" if name == "origin" else "evil.example"
    assert malformed.ask(headers={name: value}).status_code == 403
    assert malformed.upstream.asked == []


def test_with_keys_a_stranger_is_401_and_the_key_is_nowhere_in_what_is_said(gateway):
    with gateway(config={"keys": [key()]}) as running:
        assert running.ask().status_code == running.ask(headers=bearer(OTHER)).status_code == 401
        answer = running.ask(headers=bearer())
        assert answer.status_code == 200
        said = running.client.get("/metrics").text + answer.text + str(answer.headers)
    assert SECRET not in said
    assert all(SECRET not in str(asked.headers) for asked in running.upstream.asked), "the gateway's key went upstream"


def test_a_key_asks_its_own_candidates_alone(gateway):
    with gateway(config={"keys": [key(candidates=["small", "middle"])]}) as running:
        assert running.ask(HARD, headers=bearer()).headers["x-vlrouter-candidate"] in ("small", "middle")
        assert running.ask(model="large", headers=bearer()).status_code == 403
        assert running.ask(headers=bearer() | {"x-vlrouter-candidates": "large"}).status_code == 403
        listed = running.client.get("/v1/models", headers=bearer()).json()["data"]
    assert "large" not in asked_models(running) and "large" not in [entry["id"] for entry in listed]


def test_a_keys_ceiling_on_one_answer_holds_whatever_the_request_asks(gateway, router_folder):
    sure = key(OTHER, max_cost_usd=1e-4, cost_confidence=0.99) | {"name": "sure"}
    with gateway(config={"keys": [key(max_cost_usd=1e-4), sure]}) as running:
        answers = [running.ask(HARD, headers=bearer(), **extra) for extra in ({}, {"vlrouter": {"max_cost_usd": 5}})]
        refused = running.ask(HARD, headers=bearer(), vlrouter={"usd_weight": 0})
        kept = running.ask(HARD, headers=bearer(OTHER), vlrouter={"max_cost_usd": 5, "cost_confidence": 0.5})
    assert all(float(answer.headers["x-vlrouter-estimated-cost-usd"]) <= 1e-4 for answer in answers)
    assert refused.status_code == 400
    ratio = AutoRouter.from_pretrained(router_folder).cost_ratios(0.99)[kept.headers["x-vlrouter-candidate"]]
    assert ratio > 1 and ratio * float(kept.headers["x-vlrouter-estimated-cost-usd"]) <= 1e-4


def test_a_gateway_is_not_started_with_a_confidence_that_its_router_cannot_keep(router_folder, tmp_path):
    router = AutoRouter.from_pretrained(router_folder)
    del router.config.pool["cost_ratios"]
    router.save_pretrained(tmp_path / "old")
    (tmp_path / "gateway.yaml").write_text(json.dumps({"keys": [key(cost_confidence=0.9)]}))
    with pytest.raises(ServingError, match="cost_confidence needs max_cost_usd"):
        read_settings(tmp_path / "gateway.yaml")
    settings = Settings(keys=(Key(**key(max_cost_usd=1e-4, cost_confidence=0.9)),))
    with pytest.raises(ServingError, match='key "team": cost_confidence: this router does not know'):
        load_chooser(str(tmp_path / "old"), dict.fromkeys(NAMES), settings, trusted=False)


def test_a_keys_day_is_never_passed_and_what_was_paid_is_settled(gateway, tmp_path):
    usage = {"prompt_tokens": 0, "completion_tokens": 5_000}
    config = {"state": "state", "keys": [key(usd_per_day=0.0509)]}
    with (
        gateway(lambda *_: Scripted(usage=usage), config=config, max_output_tokens=5_000) as running,
        ThreadPoolExecutor(4) as pool,
    ):
        at_once = list(pool.map(lambda _: running.ask(model="large", headers=bearer()), range(12)))
        later = [running.ask(model="large", headers=bearer()) for _ in range(6)]
    # 5,000 tokens at 2 USD per million are 0.01 USD an answer: five fit.
    statuses = [answer.status_code for answer in (*at_once, *later)]
    assert statuses.count(200) == 5 and statuses.count(429) == 13
    assert paid_usd(tmp_path) == [pytest.approx(0.01)] * 5


def test_a_keys_mean_passes_dear_candidates_over_and_refuses_when_none_fits_over_a_restart_too(gateway):
    usage = {"prompt_tokens": 0, "completion_tokens": 5_000}  # 0.01 USD by large
    config = {"state": "state", "keys": [key(mean_usd_per_request=0.0011)]}
    cheap = {"output_price": 0.02}
    how = {"config": config, "own": {"small": cheap, "middle": cheap}, "max_output_tokens": 5_000}
    script = lambda *_: Scripted(usage=usage)  # noqa: E731
    with gateway(script, **how) as running:
        assert running.ask(HARD, headers=bearer()).headers["x-vlrouter-candidate"] == "large"
    with gateway(script, **how) as running:
        told = running.client.post(
            "/v1/route", json={"messages": [{"role": "user", "content": HARD}]}, headers=bearer()
        ).json()
        assert "large" not in told["order"] and "does not fit this key's mean" in told["passed_over"]["large"]
        assert running.ask(HARD, headers=bearer()).headers["x-vlrouter-candidate"] != "large"
        refused = running.ask(model="large", headers=bearer())
        body = {"n": 50, "max_tokens": 5_000}
        none = running.ask(HARD, headers=bearer(), **body)
    assert refused.status_code == none.status_code == 429
    for answer in (refused, none):
        assert "A smaller max_tokens or a shorter request" in answer.json()["error"]["message"]
    assert asked_models(running) == [told["order"][0]]


def test_what_an_upstream_refuses_costs_nothing(gateway, tmp_path):
    config = {"state": "state", "keys": [key(mean_usd_per_request=1e-6, usd_per_day=1)]}
    with gateway(lambda *_: Scripted(status=400), config=config, max_output_tokens=100) as running:
        statuses = [running.ask(model="large", headers=bearer()).status_code for _ in range(3)]
    assert statuses == [400] * 3 and paid_usd(tmp_path) == [0.0] * 3


def paid_usd(folder):
    """What each charge was settled by."""
    rows = sqlite3.connect(folder / "state" / "ledger.sqlite").execute("select paid_usd from charges")
    return [row[0] for row in rows]


def test_what_failed_attempts_may_have_cost_stays_charged(gateway, tmp_path):
    config = {"state": "state", "keys": [key(usd_per_day=1)], "max_attempts": 2}
    for status in (500, 401):
        fails = partial(lambda status, *_: Scripted(status=status), status)
        with gateway(fails, config=config, max_output_tokens=100) as running:
            assert running.ask(headers=bearer()).status_code == 502
    paid = paid_usd(tmp_path)
    # Two candidates may have answered with 100 tokens at 2 USD per million each; a refused key costs nothing.
    assert paid[0] > 2 * 100 * 2e-6 and paid[1] == 0


def test_a_ledger_that_cannot_be_written_refuses_before_anybody_is_asked(gateway, monkeypatch):
    with gateway(config={"state": "state", "keys": [key(usd_per_day=1)]}) as running:
        ledger = running.app.state.gateway.ledger
        monkeypatch.setattr(ledger, "_spent", Mock(side_effect=sqlite3.OperationalError("disk is full")))
        refused = running.ask(headers=bearer())
    assert refused.status_code == 503 and running.upstream.asked == []


def test_a_mode_does_not_widen_what_a_key_may_ask(gateway):
    for mode in ({"shadow": "large"}, {"split": 1.0, "control": "large"}):
        with gateway(config=mode | {"keys": [key(candidates=["small"])]}) as running:
            assert running.ask(headers=bearer()).status_code == 403 and running.upstream.asked == []


def test_an_image_of_very_many_pixels_is_400_and_neither_decoded_nor_warned_of(gateway, recwarn):
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    content = head + struct.pack(">I", zlib.crc32(head[12:])) + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    with gateway() as running:
        refused = running.ask([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
    assert [str(warning.message) for warning in recwarn if "pixels" in str(warning.message)] == []
    assert refused.status_code == 400 and "pixels" in refused.json()["error"]["message"], refused.text


def test_a_key_may_ask_so_often_in_a_minute(gateway):
    config = {"state": "state", "keys": [key(requests_per_minute=3)]}
    with gateway(config=config) as running:
        statuses = [running.ask(model="small", headers=bearer()).status_code for _ in range(5)]
    assert statuses == [200] * 3 + [429] * 2


def test_a_name_cannot_end_a_header(router_folder):
    from vlrouterbench.serving.describing import header_text

    assert header_text("a\r\nset-cookie: x") == "a%0D%0Aset-cookie: x" and header_text("Größe") == "Gr%C3%B6%C3%9Fe"


def test_the_log_has_what_was_decided_and_never_what_was_asked(gateway, tmp_path):
    with gateway(log=True) as running:
        answer = running.ask(HARD)
    (path,) = (tmp_path / "log").glob("requests-*.sqlite")
    row = sqlite3.connect(path).execute("select id, candidate, status, input_tokens, decision from requests").fetchone()
    assert row[0] == answer.headers["x-vlrouter-request-id"] and row[1] in NAMES and row[2:4] == (200, 10)
    assert set(json.loads(row[4])["estimated_accuracy"]) == set(NAMES)
    assert HARD.encode() not in path.read_bytes() and EASY.encode() not in path.read_bytes()

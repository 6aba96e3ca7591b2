"""What callers are told where something is not as it should be: in OpenAI's form, with what helps, never as a crash."""

import gzip
import socket
import time

import pytest

from tests.serving.conftest import EASY, running_gateway
from tests.serving.test_refusals import bearer, key
from tests.standins.openai_server import Scripted
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.serving.ledger import Ledger
from vlrouterbench.serving.logs.writing import RequestLog

ADMIN, MINE, OTHERS = "sk-of-the-admin", "sk-mine", "sk-of-another"
KEYS = [
    key(ADMIN, admin=True) | {"name": "admin"},
    key(MINE) | {"name": "mine"},
    key(OTHERS, requests_per_minute=1) | {"name": "other"},
]


@pytest.fixture(scope="module", params=[True, False], ids=["log", "no log"])
def keyed(request, router_folder, tmp_path_factory):
    """A gateway with three keys, with and without a log."""
    folder = tmp_path_factory.mktemp("told")
    config = {"state": "state", "keys": KEYS}
    with running_gateway(router_folder, folder, config=config, log=request.param) as running:
        yield running


def error_of(answer, status):
    """The message of an error in OpenAI's form."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and "\n" not in error["message"]
    assert len(error["message"]) < 700
    return error["message"]


def test_an_answer_is_rated_by_the_key_that_asked_or_an_admin_alone(keyed):
    name = keyed.ask(headers=bearer(MINE)).headers["x-vlrouter-request-id"]
    rate = lambda secret: keyed.client.post(  # noqa: E731
        "/v1/feedback", json={"request_id": name, "quality": 1}, headers=bearer(secret)
    )
    assert "not known" in error_of(rate(OTHERS), 404)
    assert rate(MINE).status_code == rate(ADMIN).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"request_id": "\\ud800", "quality": 1}', 404),
        (b'{"request_id": "' + b"a" * 10_000 + b'", "quality": 1}', 404),
        (b'{"request_id": "vlr-1", "quality": ' + b"9" * 399 + b"}", 400),
        (b'{"request_id": "vlr-1", "quality": 1e400}', 400),
    ],
    ids=range(4),
)
def test_feedback_that_makes_no_sense_is_told_in_one_line(body, status, keyed):
    error_of(keyed.client.post("/v1/feedback", content=body, headers=bearer(MINE)), status)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b'{"foo": 1}', 400),
        (b'{"back": "yes"}', 400),
        (b'{"router": "x", "back": true}', 400),
        (b'{"router": 3}', 400),
        (b'{"router": "' + b"/a" * 50_000 + b'"}', 409),
        (b'{"router": "a\\u0000b"}', 409),
        (b'{"router": "\\ud800"}', 409),
    ],
    ids=range(8),
)
def test_a_swap_that_nobody_can_mean_changes_nothing(body, status, keyed):
    before = keyed.app.state.gateway.chooser
    error_of(keyed.client.post("/admin/reload", content=body, headers=bearer(ADMIN)), status)
    assert keyed.app.state.gateway.chooser is before


def test_a_key_that_asks_too_often_is_told_when_to_ask_again(keyed):
    answers = [keyed.ask(model="small", headers=bearer(OTHERS)) for _ in range(3)]
    assert "wait" in error_of(answers[-1], 429) and 1 <= int(answers[-1].headers["retry-after"]) <= 60


def test_addresses_and_methods_that_are_none_are_errors_in_openais_form(keyed):
    error_of(keyed.client.get("/v1/nothing"), 404)
    error_of(keyed.client.get("/v1/chat/completions"), 405)


def test_a_model_is_told_by_its_name_and_an_unknown_one_with_the_nearest(keyed):
    assert keyed.client.get("/v1/models/auto", headers=bearer(MINE)).json()["id"] == "auto"
    assert 'Did you mean "small"?' in error_of(keyed.client.get("/v1/models/smal", headers=bearer(MINE)), 404)


def test_every_refusal_of_a_completion_has_an_id(keyed):
    for answer in (keyed.ask(), keyed.ask(model="nobody", headers=bearer(MINE))):
        assert answer.status_code in (401, 404) and answer.headers["x-vlrouter-request-id"].startswith("vlr-")


def test_a_body_is_json_in_utf_8_without_encoding_of_its_own(keyed):
    body = gzip.compress(b'{"model": "auto"}')
    ask = lambda **more: keyed.client.post("/v1/chat/completions", content=body, headers=bearer(MINE) | more)  # noqa: E731
    assert "UTF-8" in error_of(ask(), 400)
    assert "content-encoding" in error_of(ask(**{"content-encoding": "gzip"}), 415)
    assert "found a text in the list" in error_of(
        keyed.client.post("/v1/chat/completions", json={"model": "auto", "messages": ["hi"]}, headers=bearer(MINE)),
        400,
    )


def test_an_image_that_cannot_be_read_is_told_to_who_can_send_data_urls_alone(keyed):
    for url in ("data:image/png;base64,AAAA", "data:image/png,xx"):
        parts = [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": url}}]
        message = error_of(keyed.ask([{"role": "user", "content": parts}], headers=bearer(MINE)), 400)
        assert "path" not in message and "PIL" not in message and "the given" not in message, message


def test_a_request_that_breaks_off_or_is_no_http_leaves_no_line_on_stderr(keyed, capfd):
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {MINE}\r\n"
    for body in ("transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n", "content-length: 50\r\n\r\n{", "x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", keyed.client.base_url.port), timeout=10) as connection:
            connection.sendall((head + body).encode())
            time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", keyed.client.base_url.port), timeout=10) as connection:
        head = b"POST /v1/feedback HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked"
        connection.sendall(head + b"\r\n\r\nzz\r\n{}\r\n")
        connection.recv(1_000)
    assert keyed.ask(headers=bearer(MINE)).status_code == 200
    assert capfd.readouterr().err == ""


def test_where_all_are_limited_it_is_429_with_the_shortest_wait_and_else_502(gateway):
    waits = {"small": "300", "middle": "90", "large": "3600"}
    script = lambda asked, _: Scripted(status=429, headers={"retry-after": waits[asked.body["model"][4:]]})  # noqa: E731
    with gateway(script) as running:
        answers = [running.ask(EASY) for _ in range(2)]  # asked, and then closed off
        assert "closed off after failures, for" in error_of(answers[-1], 429)
    assert all(80 <= int(answer.headers["retry-after"]) <= 90 for answer in answers)
    config = {"breaker_failures": 1, "breaker_cooldown_s": 50}
    with gateway(lambda *_: Scripted(status=500), config=config) as running:
        answers = [running.ask(EASY) for _ in range(2)]
    assert all(answer.status_code == 502 and 40 <= int(answer.headers["retry-after"]) <= 50 for answer in answers)


def test_a_file_where_a_folder_belongs_is_told_by_the_option_that_named_it(tmp_path):
    (tmp_path / "file").write_text("")
    for made, option in ((Ledger, "folder in state:"), (lambda path: RequestLog(path, print), "--log")):
        with pytest.raises(VLRouterBenchError, match=f"Give another {option}"):
            made(tmp_path / "file")

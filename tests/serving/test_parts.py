"""The parts of a gateway that have a rule of their own: breakers, ledgers, meters, configurations, swaps."""

import dataclasses
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.conftest import run_program
from tests.serving.conftest import HARD, NAMES
from tests.serving.test_gateway import data_url
from tests.standins.openai_server import endpoint_entry, write_endpoints
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving import demo
from vlrouterbench.serving.breaker import Breaker
from vlrouterbench.serving.chat import read_chat
from vlrouterbench.serving.ledger import Ledger
from vlrouterbench.serving.metering import Meter, Usage
from vlrouterbench.serving.planning import share_of
from vlrouterbench.serving.reserving import LARGEST, image_sizes, reserve_of
from vlrouterbench.serving.settings import Settings
from vlrouterbench.serving.settings_file import read_settings


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_breaker_closes_off_after_failures_in_a_row_lets_one_try_and_opens_after_it():
    clock = Clock()
    breaker = Breaker(3, 10, clock)
    for _ in range(2):
        breaker.failed()
    breaker.succeeded()
    for _ in range(3):
        assert breaker.may_ask()
        breaker.failed()
    assert breaker.is_open and not breaker.may_ask()
    clock.now += 10
    assert breaker.may_ask() and not breaker.may_ask(), "one tries, the others pass by"
    breaker.succeeded()
    assert breaker.may_ask() and breaker.may_ask()


def test_a_breaker_waits_as_long_as_the_endpoint_asks():
    clock = Clock()
    breaker = Breaker(5, 10, clock)
    breaker.failed(retry_after_s=30)
    clock.now += 29
    assert not breaker.may_ask()
    clock.now += 1
    assert breaker.may_ask()


@pytest.mark.hypothesis
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 1)), max_size=12))
def test_a_ledger_never_lets_paid_and_reserved_pass_the_day(tmp_path_factory, charges):
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    for number, (reserve, share) in enumerate(charges):
        spent = ledger.spent_today("a")
        fits = ledger.charge(str(number), "a", reserve, 1.0)
        assert fits == (spent + reserve <= 1.0)
        if fits and number % 3:
            ledger.settle(str(number), reserve * share)
        assert ledger.spent_today("a") <= 1.0 and ledger.spent_today("b") == 0
    ledger.close()


MEAN = 0.01
STEPS = st.tuples(
    st.sampled_from([0.0005, 0.004, 0.02, 0.3]), st.sampled_from([None, 0.0, 0.1, 1.0]), st.integers(0, 9)
)


@pytest.mark.hypothesis
@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=20, max_size=60))
def test_a_mean_is_passed_by_one_reserve_at_most_whatever_comes_in_which_order_and_over_restarts(
    tmp_path_factory, steps
):
    folder = tmp_path_factory.mktemp("mean")
    ledger, other = Ledger(folder), Ledger(folder)  # as two processes have
    charged: dict[str, float] = {}  # what each request is counted at, by hand
    reserves, opened = [], []
    for number, (reserve, paid, turn) in enumerate(steps):
        if turn == 9:
            ledger.close()
            ledger = Ledger(folder)  # as after a kill: nothing that was open is settled first
        ledger, other = other, ledger
        fits = ledger.room("a", MEAN).takes(reserve)
        assert ledger.charge(str(number), "a", reserve, None, MEAN) == fits
        if fits:
            charged[str(number)] = reserve
            reserves.append(reserve)
            opened.append((str(number), reserve, paid))
            assert sum(charged.values()) <= MEAN * len(charged) + max(reserves) + 1e-9
        while opened and turn % 2:
            done, whole, share = opened.pop(turn % len(opened))
            if share is not None:
                charged[done] = whole * share
            ledger.settle(done, charged[done] if share is not None else None, is_answered=share != 0)
            if turn % 3:
                break
        assert len(charged) < 20 or sum(charged.values()) / len(charged) <= MEAN + max(reserves) / 20 + 1e-9
    assert ledger.charge("small", "a", MEAN, None, MEAN), "no order locks a key for good"
    assert ledger.charge("of another", "b", 0.3, None, MEAN), "keys are apart"
    ledger.close()
    other.close()


def test_a_mean_goes_on_where_it_was_after_a_restart_and_a_refused_reserve_lets_nobody_be_ahead(tmp_path):
    first = Ledger(tmp_path)
    assert first.charge("huge", "a", 9.0, None, 0.1)
    first.settle("huge", 0.0, is_answered=False)
    assert first.charge("1", "a", 1.0, None, 0.1)
    first.settle("1", 1.0)
    first.settle("1", 0.0)  # settled once: the second changes nothing
    first.close()
    second = Ledger(tmp_path)
    # Three requests may be charged 0.3 and are, with one reserve of 1.0 ahead, at 1.3 at most: 0.3 is left of it.
    assert second.room("a", 0.1).most_usd == pytest.approx(0.3)
    assert not second.charge("2", "a", 0.31, None, 0.1) and second.charge("3", "a", 0.29, None, 0.1)


def test_a_ledger_keeps_what_was_charged_when_its_process_ends_and_a_clock_that_goes_back_gives_no_new_day(
    tmp_path, monkeypatch
):
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    assert first.charge("1", "a", 0.6, 1.0) and not second.charge("2", "a", 0.6, 1.0)
    monkeypatch.setattr("time.time", lambda: 1e9)
    assert second.spent_today("a") == 0.6 and not second.charge("3", "a", 0.6, 1.0)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_meter_reads_usage_however_a_stream_is_cut_up(size):
    content = (
        b'data: {"choices": []}\n\ndata: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}\n\n'
    )
    meter = Meter(stream=True)
    for start in range(0, len(content), size):
        meter.feed(content[start : start + size])
    assert meter.end() == Usage(5, 6)


def test_a_meter_takes_nothing_for_usage_that_is_none():
    for content in (b'{"usage": {"prompt_tokens": -1, "completion_tokens": 2}}', b'{"usage": []}', b'"usage"', b""):
        meter = Meter(stream=False)
        meter.feed(content)
        assert meter.end() is None


def chat(text, **fields):
    return read_chat({"model": "auto", "messages": [{"role": "user", "content": text}], **fields}, {})


@pytest.mark.parametrize(
    ("request_", "output"),
    [
        (chat("x" * 1000, max_tokens=50), 50),
        (chat("x" * 1000), 200),  # the endpoint's own cap
        (chat("x" * 1000, max_tokens=50, n=3), 150),
        (chat("漢" * 400, max_completion_tokens=7), 7),
    ],
    ids=["stated", "endpoint", "several", "bytes"],
)
def test_a_reserve_is_no_less_than_a_token_a_byte_and_every_answer_at_its_cap(request_, output):
    endpoint = Endpoint("a", "a", 1.0, 10.0, base_url="http://127.0.0.1:9/v1", max_output_tokens=200)
    least = (len(request_.messages[0]["content"].encode()) + 10 * output) / 1e6
    assert least <= reserve_of(endpoint, request_) <= request_.body.get("n", 1) * (least + 1_000 / 1e6)


def test_a_reserve_counts_images_by_their_size_and_one_that_cannot_be_read_as_the_largest():
    assert image_sizes([data_url(), "data:image/png;base64,AAAA"]) == [(24, 16), LARGEST]


def test_the_configuration_of_the_documentation_is_read(project_root, tmp_path):
    page = (project_root / "docs" / "serve.md").read_text(encoding="utf-8")
    (tmp_path / "serve.yaml").write_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1))
    told = read_settings(tmp_path / "serve.yaml")
    assert told.shadow == "large" and told.keys[0].usd_per_day == 5 and told.max_attempts == Settings().max_attempts
    named = {field.name for field in dataclasses.fields(Settings)} - {"split", "control"}
    assert named <= set(re.findall(r"^(\w+):", re.search(r"```yaml\n(.*?)```", page, re.DOTALL).group(1), re.MULTILINE))


def test_shares_of_conversations_are_spread_evenly():
    shares = [share_of(str(number)) for number in range(2_000)]
    assert all(0 <= share < 1 for share in shares) and abs(sum(shares) / 2_000 - 0.5) < 0.03


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "expected fields"),
        ("shadw: x", "Did you mean"),
        ("split: 2", "from 0 to 1"),
        ("max_attempts: 1.5", "whole number"),
        ("models: {cheap: accuracy}", "begin with auto-"),
        ("models: {auto-x: nonsense}", "unknown objective"),
        ("keys: [{name: a}]", 'expected "sha256"'),
        ("keys: [{name: a, sha256: sk-my-key}]", "64 hexadecimal digits"),
        ("keys: [{name: a, sha256: " + "a" * 64 + ", usd_per_day: 1}]", "folder in state:"),
        ("keys: [{name: a, sha256: " + "a" * 64 + ", mean_usd_per_request: 1}]", "folder in state:"),
        ("keys: [{name: a, mean_usd_per_reqest: 1}]", 'Did you mean "mean_usd_per_request"'),
        ("keys: [{name: a, mean_usd_per_request: 0}]", "from 1e-09"),
        ("unreadable_images: maybe", "text-only"),
        ("shadow: [a]", "expected one value"),
        ("image_hosts: ['*']", "names of hosts"),
        ("image_hosts: ['http://a.example/']", "names of hosts"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_told_with_its_line_and_without_a_key(text, told, tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(text)
    with pytest.raises(VLRouterBenchError, match=told) as error:
        read_settings(path)
    assert "serve.yaml" in str(error.value) or "objective" in str(error.value)
    assert "sk-my-key" not in str(error.value)


def test_a_router_is_swapped_between_requests_and_back_and_one_that_does_not_fit_changes_nothing(
    gateway, router_folder, tmp_path
):
    other, wrong = (
        shutil.copytree(router_folder, tmp_path / "other"),
        shutil.copytree(router_folder, tmp_path / "wrong"),
    )
    done = run_program("candidates", "remove", "--router", other, "--name", "large", "--out", tmp_path / "smaller")
    assert done.status == 0, done.err
    (wrong / "model.safetensors").write_bytes(b"")
    with gateway() as running:

        def reload(**content):
            return running.client.post("/admin/reload", json=content)

        assert running.ask(HARD).headers["x-vlrouter-candidate"] == "large"
        assert reload(router=str(tmp_path / "smaller")).status_code == 200
        assert running.ask(HARD).headers["x-vlrouter-candidate"] != "large"
        refused = reload(router=str(wrong))
        assert refused.status_code == 409 and "served on" in refused.json()["error"]["message"]
        assert running.ask(HARD).headers["x-vlrouter-candidate"] != "large"
        assert reload(back=True).status_code == 200
        assert running.ask(HARD).headers["x-vlrouter-candidate"] == "large"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "expected --router and --endpoints, found neither"),
        (["--demo", "--router", "x"], "found both"),
        (["--router", "ROUTER", "--endpoints", "FEW"], "found none for large"),
        (["--router", "ROUTER", "--endpoints", "ALL", "--host", "0.0.0.0"], "without keys only this machine"),
        (["--router", "ROUTER", "--endpoints", "KEYED"], "environment variable A_KEY_THAT_IS_NOT_SET"),
        (["--router", "ROUTER", "--endpoints", "FOLDER"], "found the folder FOLDER. Name the file itself, such as ALL"),
    ],
)
def test_what_cannot_be_served_is_said_before_an_address_is_opened(options, told, router_folder, tmp_path):
    def endpoints(name, names, **fields):
        return write_endpoints(
            tmp_path / f"{name}.yaml", *(endpoint_entry(n, "http://127.0.0.1:9/v1", **fields) for n in names)
        )

    places = {
        "ROUTER": router_folder,
        "FEW": endpoints("few", NAMES[:2]),
        "ALL": endpoints("all", NAMES),
        "KEYED": endpoints("keyed", NAMES, api_key_env="A_KEY_THAT_IS_NOT_SET"),
        "FOLDER": tmp_path,
    }
    done = run_program("serve", *(places.get(option, option) for option in options))
    for name, place in places.items():
        told = told.replace(name, str(place))
    assert done.status == 1 and told in done.err and len(done.errors) == 1


@pytest.mark.parametrize("below", [False, True])
def test_a_file_in_the_place_of_a_log_is_refused_before_anything_is_made_or_loaded(below, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "demo_files", lambda *_: pytest.fail("something was loaded"))
    (tmp_path / "log").write_text("mine")
    done = run_program("serve", "--demo", "--log", tmp_path / "log" / "deeper" if below else tmp_path / "log")
    assert done.errors == [
        f"error: expected a folder to write to, found a file: {tmp_path / 'log'}. Give another --log."
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_log_of_another_version_is_refused(tmp_path):
    from vlrouterbench.serving.logs.parts import part_at
    from vlrouterbench.serving.logs.writing import RequestLog
    from vlrouterbench.serving.settings import ServingError

    for path, version in ((part_at(tmp_path, time.time()), 99), (tmp_path / "requests.sqlite", 1)):
        connection = sqlite3.connect(path)
        connection.execute(f"pragma user_version={version}")
        connection.close()
        with pytest.raises(ServingError, match=f"expected a log of version 2, found .*version {version}"):
            RequestLog(tmp_path, lambda _: None)


def test_what_the_stand_ins_of_the_demo_answer_says_who_was_asked_and_that_nobody_was(tmp_path):
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from vlrouterbench.serving.demo import PATH, stand_in_routes

    client = TestClient(Starlette(routes=stand_in_routes()))
    body = {"model": "Qwen", "messages": [{"role": "user", "content": "x"}]}
    said = client.post(f"{PATH}/chat/completions", json=body).json()
    assert "Qwen would answer" in said["choices"][0]["message"]["content"] and said["usage"]["prompt_tokens"] > 0
    lines = client.post(f"{PATH}/chat/completions", json=body | {"stream": True}).text.split("\n\n")
    assert lines[-2] == "data: [DONE]" and json.loads(lines[-3].removeprefix("data: "))["usage"]


CHARGES = """
import sys
from pathlib import Path
from vlrouterbench.serving.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(10**6):
    assert ledger.charge(f"{sys.argv[2]}-{number}", "a", 1e-6, 100)
    print(number, flush=True)
"""


@pytest.mark.faults
def test_processes_that_are_killed_while_they_charge_lose_nothing_that_was_charged_and_count_nothing_twice(tmp_path):
    children = [
        subprocess.Popen([sys.executable, "-c", CHARGES, tmp_path, name], stdout=subprocess.PIPE, text=True)
        for name in ("x", "y")
    ]
    last = []
    for child in children:
        for line in child.stdout:
            if int(line) >= 50:
                break
        child.kill()
        last.append(int((child.stdout.read() or line).split()[-1]))
        child.wait()
    rows = [row[0] for row in sqlite3.connect(tmp_path / "ledger.sqlite").execute("select id from charges")]
    for name, number in zip("xy", last, strict=True):
        counted = [int(row.split("-")[1]) for row in rows if row.startswith(name)]
        assert sorted(counted) == list(range(len(counted))) and len(counted) in (number + 1, number + 2)
    assert Ledger(tmp_path).spent_today("a") == pytest.approx(1e-6 * len(rows))

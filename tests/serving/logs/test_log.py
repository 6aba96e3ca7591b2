"""The log itself: what stands in it, who can read it, how long, and what is done with one that is not whole."""

import sqlite3
import stat
import time

import numpy as np
import pytest

import vlrouterbench as vrb
from tests.cli.conftest import run_program
from tests.serving.conftest import EASY, HARD, NAMES
from tests.serving.logs.conftest import entry, write_log
from vlrouterbench.features.given import encoder_digest
from vlrouterbench.serving.logs.encoders import kept_encoder
from vlrouterbench.serving.logs.parts import part_at
from vlrouterbench.serving.logs.reading import read_log
from vlrouterbench.serving.settings import ServingError

DAY_S = 86_400


def kept_bytes(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_request_stands_with_its_features_decision_propensity_and_the_parts_of_its_time(
    gateway, router_folder, tmp_path
):
    with gateway(log=True) as running:
        answer = running.ask(HARD, vlrouter={"max_cost_usd": 1.0})
        direct = running.ask(EASY, model="small")
        name = answer.headers["x-vlrouter-request-id"]
        for quality in (0.25, 0.75):
            running.client.post("/v1/feedback", json={"request_id": name, "quality": quality})
    routed, straight = read_log(tmp_path / "log")
    router = vrb.AutoRouter.from_pretrained(router_folder)
    decision = router.route(HARD, max_cost_usd=1.0)
    assert (routed.entry.id, routed.quality, straight.quality) == (name, 0.75, None)
    assert routed.entry.decision["estimated_accuracy"] == decision.estimated_accuracy
    assert routed.entry.asked["budget"] == {"max_cost_usd": 1.0} and routed.entry.propensity == 1.0
    assert set(routed.entry.asked["candidates"]) == set(NAMES)
    parts = {"decode", "queue", "encode", "decide", "overhead", "first_byte", "upstream", "total"}
    assert set(routed.entry.latency) == parts and routed.entry.latency["total"] >= routed.entry.latency["upstream"] > 0
    assert (routed.entry.input_tokens, routed.entry.attempts) == (10, [[decision.candidate, ""]])
    encoder = kept_encoder(tmp_path / "log", routed.entry.encoder)
    assert encoder_digest(encoder) == encoder_digest(router.encoder)
    features = router.encoder.encode([vrb.routers.encoders.sample_input.RouterInput(HARD)]).numpy()[0]
    np.testing.assert_array_equal(routed.entry.features, features)
    assert straight.entry.propensity is None and straight.entry.features is None
    assert straight.entry.id == direct.headers["x-vlrouter-request-id"] and routed.entry.messages is None


def test_what_was_asked_is_kept_only_where_that_is_wished_and_the_owner_alone_can_read_any_of_it(tmp_path):
    asked = [{"role": "user", "content": "a secret word"}]
    for wished in (False, True):
        folder = write_log(tmp_path / str(wished), [entry(1, messages=asked)], content=wished)
        assert next(read_log(folder)).entry.messages == (asked if wished else None)
        for path in (folder, *folder.iterdir()):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_without_features_their_digest_stays(tmp_path):
    with_them, without = (
        next(read_log(write_log(tmp_path / str(on), [entry(1)], features=on))) for on in (True, False)
    )
    assert with_them.entry.features_sha256 == without.entry.features_sha256 != "" and without.entry.features is None


def test_a_day_is_a_file_and_days_that_are_too_old_leave(tmp_path):
    now = time.time()
    entries = [entry(days, time=now - days * DAY_S) for days in (40, 31, 30, 2, 0)]
    write_log(tmp_path, entries)
    assert len(list(tmp_path.glob("requests-*.sqlite"))) == 5
    write_log(tmp_path, [], days=30)
    assert [one.entry.id for one in read_log(tmp_path)] == ["vlr-30", "vlr-2", "vlr-0"]


def test_feedback_finds_a_request_of_an_earlier_day(tmp_path):
    write_log(tmp_path, [entry(1, time=time.time() - 3 * DAY_S), entry(2)], ratings=[("vlr-1", 0.5)])
    assert [one.quality for one in read_log(tmp_path)] == [0.5, None]


def test_a_deleted_request_is_gone_from_the_bytes_and_an_unknown_one_deletes_nothing(tmp_path):
    asked = [{"role": "user", "content": "x"}]
    write_log(tmp_path, [entry(n, messages=asked) for n in (1, 2)], ratings=[("vlr-1", 0.5)], content=True)
    refused = run_program("logs", "delete", "--log", tmp_path, "--request", "vlr-1", "--request", "vlr-9")
    assert refused.status == 1 and "found vlr-9" in refused.err and len(list(read_log(tmp_path))) == 2
    assert b"vlr-1" in kept_bytes(tmp_path)
    assert run_program("logs", "delete", "--log", tmp_path, "--request", "vlr-1").status == 0
    assert [one.entry.id for one in read_log(tmp_path)] == ["vlr-2"] and b"vlr-1" not in kept_bytes(tmp_path)


@pytest.mark.parametrize("fault", ["cut", "byte", "page", "empty", "version", "old", "none", "value"])
def test_a_log_that_is_not_whole_is_one_message_and_stays_as_it_is(tmp_path, fault):
    write_log(tmp_path, [entry(n, features=np.random.default_rng(n).random(900)) for n in range(40)])
    path = part_at(tmp_path, time.time())
    content = path.read_bytes()
    if fault == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif fault == "page":  # what SQLite says of it has two lines
        path.write_bytes(content[:8192] + b"\xff" * 4096 + content[12288:])
    elif fault == "byte":
        path.write_bytes(content[:-1])
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "none":
        path.unlink()
    elif fault == "old":
        (tmp_path / "requests.sqlite").write_bytes(content)
    else:
        change = (
            "pragma user_version=7" if fault == "version" else "update requests set features = x'00' where id='vlr-3'"
        )
        with sqlite3.connect(path) as connection:
            connection.execute(change)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith(("-shm", "-wal"))}
    told = {
        "cut": "cut off",
        "empty": "cut off (it is empty",
        "byte": "its last page ends after 4,095 bytes",
        "page": "damaged or cut off ",
        "version": "found version 7",
        "old": "found one of version 1",
    }
    done = run_program("logs", "show", "--log", tmp_path)
    told |= {"none": "found none", "value": "vlr-3: features"}
    assert done.status == 1 and len(done.errors) == 1 and told[fault] in done.err, done.err
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith(("-shm", "-wal"))}
    assert after == before


def test_what_a_log_holds_is_told_by_candidate(tmp_path):
    write_log(
        tmp_path, [entry(1), entry(2), entry(3, candidate="large", explored=True)], [("vlr-1", 1.0), ("vlr-2", 0.5)]
    )
    done = run_program("logs", "show", "--log", tmp_path)
    assert done.status == 0 and "3 requests" in done.out and "explored: 1" in done.out
    (row,) = [line.split() for line in done.out.splitlines() if line.startswith("small")]
    assert row == ["small", "2", "2", "0.750", "-", "10.000", "-", "0.50"]


def test_content_without_a_log_is_refused():
    done = run_program("serve", "--demo", "--log-content")
    assert done.status == 1 and "expected --log FOLDER" in done.err


def test_a_part_of_another_gateway_that_is_being_made_is_no_error(tmp_path):
    """Two processes make the day's file at once: what one of them has not finished is no log of another version."""
    path = part_at(tmp_path, time.time())
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode=wal")
    write_log(tmp_path, [entry(1)])
    connection.close()
    assert len(list(read_log(tmp_path))) == 1
    with pytest.raises(ServingError, match="found none"):
        next(read_log(tmp_path / "nowhere"))

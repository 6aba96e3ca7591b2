"""The file of answers: what is kept, what a full disk and a strange file lead to."""

import asyncio
import sqlite3

import pytest

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.answers import ANSWERS_FILE, Answer, opened


def test_answers_are_kept_as_they_were_put_and_only_lasting_ones_are_done(tmp_path):
    answers = [
        Answer(
            "a", "text", finish_reason="stop", refused=True, input_tokens=3, output_tokens=4, counted=True, cost_usd=0.5
        ),
        Answer("b", error="server error: HTTP 500", passing=True, attempts=6, maybe_usd=0.25),
        Answer("c", error="request rejected: HTTP 400"),
    ]

    async def put_all(store):
        await store.begin("d", 0.125)
        await asyncio.gather(*(store.put(answer) for answer in answers))

    with opened(tmp_path) as store:
        asyncio.run(put_all(store))
        assert [store.get(answer.key) for answer in answers] == answers
        assert [store.is_done(key) for key in "abcd"] == [True, False, True, False]
        assert store.spent_usd() == (0.5, 0.375)
    with opened(tmp_path) as store:  # "d" was under way when the first one ended
        assert store.spent_usd() == (0.5, 0.375)
        asyncio.run(store.put(Answer("b", "text", cost_usd=1.0)))
        assert store.spent_usd() == (1.5, 0.375), "what the failed attempts may have cost stays counted"


def test_a_full_disk_is_named_and_nothing_that_was_kept_is_lost(tmp_path):
    with opened(tmp_path) as store:
        asyncio.run(store.put(Answer("a", "text")))
        store._writing.execute("PRAGMA max_page_count = 8")  # SQLite's own way to run out of space
        with pytest.raises(
            VLRouterBenchError, match="expected space to write .*answers.sqlite.*What was answered before"
        ):
            asyncio.run(store.put(Answer("b", "x" * 100_000)))
        assert store.get("b") is None
    with opened(tmp_path) as store:
        assert store.get("a").text == "text"
        asyncio.run(store.put(Answer("b", "x" * 100_000)))


def test_a_file_that_is_none_of_answers_is_refused(tmp_path):
    (tmp_path / ANSWERS_FILE).write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(VLRouterBenchError, match="a file that SQLite cannot use"), opened(tmp_path):
        pass
    (tmp_path / ANSWERS_FILE).unlink()
    with sqlite3.connect(tmp_path / ANSWERS_FILE) as other:
        other.execute("PRAGMA user_version = 7")
    with pytest.raises(VLRouterBenchError, match="version 1"), opened(tmp_path):
        pass

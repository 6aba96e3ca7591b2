"""Texts of pictures are read once, kept, and read again where what was kept is damaged."""

import hashlib
import importlib.util
import json

import pytest

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.features.image_texts import image_texts, text_store


@pytest.fixture
def store(tmp_path):
    return tmp_path / "made" / "texts.jsonl"


@pytest.fixture
def asked():
    return []


@pytest.fixture
def read(asked):
    """A reader that takes a picture's bytes for its text."""

    def reader(content):
        asked.append(content)
        return content.decode()

    return reader


def test_each_picture_is_read_once_and_a_missing_one_not_at_all(store, read, asked):
    counts = []
    pictures = [b"one", None, b"two\nlines", b"one"]
    assert image_texts(pictures, store, read=read, progress=counts.append) == ["one", "", "two\nlines", "one"]
    assert asked == [b"one", b"two\nlines"] and counts == [1, 2, 3, 4]


def test_what_was_read_is_kept_for_the_next_run(store, read, asked):
    image_texts([b"one"], store, read=read)
    assert image_texts([b"two", b"one"], store, read=read) == ["two", "one"]
    assert asked == [b"one", b"two"]
    entries = [json.loads(line) for line in store.read_text().splitlines()]
    assert entries[0] == {"sha256": hashlib.sha256(b"one").hexdigest(), "text": "one"}


def test_a_stopped_run_goes_on_where_it_was(store, read, asked):
    def stop(content):
        if content == b"two":
            raise KeyboardInterrupt
        return read(content)

    with pytest.raises(KeyboardInterrupt):
        image_texts([b"one", b"two"], store, read=stop)
    assert image_texts([b"one", b"two"], store, read=read) == ["one", "two"]
    assert asked == [b"one", b"two"]


@pytest.mark.parametrize("damage", [b'{"sha256": "4', b"\xff\xfe", b"[1]\n", b'{"sha256": "4"}'])
def test_a_line_that_was_cut_off_spoils_no_other(store, read, asked, damage):
    image_texts([b"one"], store, read=read)
    with store.open("ab") as file:
        file.write(damage)
    assert image_texts([b"one", b"two"], store, read=read) == ["one", "two"]
    assert image_texts([b"one", b"two"], store, read=read) == ["one", "two"]
    assert asked == [b"one", b"two"]


@pytest.mark.parametrize("text", ["漢字 é \u2028 x", "half \ud83d", ""])
def test_any_text_comes_back_as_it_was_read(store, text):
    for _ in range(2):
        assert image_texts([b"picture"], store, read=lambda content: text) == [text]


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is not None, reason="the extra ocr is installed")
def test_without_a_reader_there_is_no_store(tmp_path):
    with pytest.raises(BenchmarkError, match=r"vlrouterbench\[ocr\]"):
        text_store(tmp_path)

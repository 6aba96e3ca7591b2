"""What a router sees: one text, and a picture that is whole or refused."""

import base64
import io
import json
import os
import textwrap
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vlrouterbench
from tests.series import examples
from vlrouterbench.routers.base.decision import read_images, read_sample
from vlrouterbench.routers.encoders import sample_input as input_module
from vlrouterbench.routers.encoders.sample_input import (
    RouterInput,
    RouterInputError,
    read_image,
    read_options,
)


@pytest.fixture
def picture(tmp_path):
    """A file of noise, so that cutting it short loses pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def test_text_holds_question_hint_and_lettered_options_in_this_order():
    sample = RouterInput("What is it?", ("a cat", "a dog"), "Look closely.")
    assert sample.text == "What is it?\nLook closely.\n(A) a cat\n(B) a dog"


def test_text_of_a_bare_question_is_the_question():
    assert RouterInput("What is it?").text == "What is it?"


@pytest.mark.parametrize("read", [str, lambda path: path, lambda path: path.read_bytes(), Image.open])
def test_path_bytes_and_pil_image_give_the_same_picture(picture, read):
    expected = Image.open(picture).convert("RGB").tobytes()
    assert read_image(read(picture)).tobytes() == expected


def test_no_image_stays_none():
    assert read_image(None) is None


def test_missing_file_is_named(tmp_path):
    with pytest.raises(RouterInputError, match="found nothing at .*absent.png"):
        read_image(tmp_path / "absent.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("given", ["path", "bytes", "opened"])
def test_truncated_image_is_refused(tmp_path, picture, kind, given):
    buffer = io.BytesIO()
    Image.open(picture).save(buffer, kind)
    cut = buffer.getvalue()[: len(buffer.getvalue()) * 2 // 3]
    path = tmp_path / "cut"
    path.write_bytes(cut)
    with pytest.raises(RouterInputError):
        read_image({"path": path, "bytes": cut, "opened": None}[given] or _opened(cut))


def _opened(content):
    """An image as a caller may hold it: opened, pixels not read yet."""
    try:
        return Image.open(io.BytesIO(content))
    except OSError:
        pytest.skip("Pillow already refuses to open it")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_bytes_that_are_no_image_are_refused_with_what_to_give(content):
    with pytest.raises(RouterInputError, match="Give a whole PNG, JPEG or WebP file"):
        read_image(content)


def test_damaged_pixels_are_refused(picture):
    content = bytearray(picture.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    with pytest.raises(RouterInputError):
        read_image(bytes(content))


def test_folder_is_refused(tmp_path):
    with pytest.raises(RouterInputError):
        read_image(tmp_path)


def test_picture_without_pixels_is_refused():
    with pytest.raises(RouterInputError, match="0 x 4"):
        read_image(Image.new("RGB", (0, 4)))


@pytest.mark.parametrize("given", ["path", "image"])
def test_picture_over_the_pixel_limit_is_refused(picture, monkeypatch, given):
    source = picture if given == "path" else Image.open(picture)
    monkeypatch.setattr(input_module, "MAX_PIXELS", 40 * 60)
    assert read_image(source).size == (60, 40)
    monkeypatch.setattr(input_module, "MAX_PIXELS", 40 * 60 - 1)
    with pytest.raises(RouterInputError, match="60 x 40"):
        read_image(source)


@pytest.fixture
def raw(picture):
    return picture.read_bytes()


def url(content, head="data:image/png;base64,"):
    return head + base64.b64encode(content).decode()


@pytest.mark.parametrize(
    "given",
    [
        bytearray,
        memoryview,
        io.BytesIO,
        url,
        lambda raw: url(raw, "DATA:image/PNG;charset=utf-8;BASE64,"),
        lambda raw: url(raw).replace("+", "%2B").replace("=", "%3D"),
        lambda raw: "\n".join(textwrap.wrap(url(raw), 76)),
        lambda raw: {"bytes": raw, "path": None},
        lambda raw: {"bytes": raw, "path": "elsewhere.png"},
        lambda raw: [raw],
        lambda raw: ({"bytes": raw},),
        lambda raw: [None, raw, float("nan"), ""],
        lambda raw: pixels(raw),
        lambda raw: pixels(raw)[None],
        lambda raw: pixels(raw).astype(np.int64),
        lambda raw: pixels(raw) / 255,
        lambda raw: pixels(raw).transpose(2, 0, 1),
        lambda raw: torch.from_numpy(pixels(raw)),
        lambda raw: torch.from_numpy(pixels(raw)).permute(2, 0, 1),
        lambda raw: torch.from_numpy(pixels(raw)).permute(2, 0, 1) / 255,
        lambda raw: torch.from_numpy(pixels(raw)).permute(2, 0, 1).double() / 255,
    ],
    ids=lambda given: "",
)
def test_every_form_of_an_image_gives_the_same_picture(raw, given):
    assert read_image(given(raw)).convert("RGB").tobytes() == Image.open(io.BytesIO(raw)).convert("RGB").tobytes()


def pixels(raw):
    return np.array(Image.open(io.BytesIO(raw)))


def test_a_path_is_read_from_a_dict_from_a_list_as_text_and_with_backslashes(picture, monkeypatch):
    monkeypatch.chdir(picture.parent.parent)
    expected, name = read_image(picture).tobytes(), f"{picture.parent.name}/{picture.name}"
    forms = (
        {"bytes": None, "path": str(picture)},
        json.dumps([name]),
        str([name]),
        name.replace("/", "\\"),
        f" {name} ",
    )
    for form in forms:
        assert read_image(form).tobytes() == expected, form


@pytest.mark.parametrize(
    "none", [None, "", [], [None], {"bytes": None, "path": None}, float("nan"), "[]", pd.NA, pd.NaT]
)
def test_what_is_empty_is_no_image(none):
    assert read_image(none) is None


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 1)])
def test_grey_pixels_and_masks_are_images(shape):
    grey = np.arange(2400, dtype=np.uint8).reshape(shape)
    assert read_image(grey).mode == "L" and read_image(grey).size == (60, 40)
    assert set(np.unique(np.asarray(read_image(grey > 9)))) == {0, 255}


def test_an_image_of_three_rows_is_read_by_the_custom_of_its_kind():
    numpy, tensor = np.zeros((3, 8, 3), np.uint8), torch.zeros((3, 8, 3), dtype=torch.uint8)
    assert read_image(numpy).size == (8, 3) and read_image(tensor).size == (3, 8)


@pytest.mark.parametrize("given", [lambda raw: [raw, raw], lambda raw: str([url(raw)] * 2)], ids=["list", "text"])
def test_where_one_image_is_asked_for_two_are_refused_and_elsewhere_both_are_read(raw, given):
    with pytest.raises(RouterInputError, match="expected one image, found 2"):
        read_image(given(raw))
    images, unread = read_images(given(raw))
    assert [image.size for image in images] == [(60, 40)] * 2 and unread == 0


REFUSED = {
    "a batch": (lambda raw: np.zeros((2, 4, 4, 3), np.uint8), "found an array of uint8 and shape"),
    "http": (lambda raw: "https://example.com/a.png?key=SECRET", r"a URL \(https://\.\.\.\), and nothing is fetched"),
    "file": (lambda raw: "file:///etc/hostname", "nothing is fetched"),
    "bare base64": (lambda raw: base64.b64encode(raw).decode(), r"a text of [\d,]+ characters; before base64 belongs"),
    "damaged URL": (lambda raw: url(raw)[:-3], "a damaged data URL"),
    "URL without base64": (lambda raw: "data:image/png,%89PNG", "a damaged data URL"),
    "URL of a text": (lambda raw: url(b"no image"), "does not decode: the given str"),
    "no dict of an image": (lambda raw: {"content": raw}, "a dict without bytes or path"),
    "a number": (lambda raw: 7, "found int"),
    "a set": (lambda raw: {1}, "found set"),
    "a list in a list": (lambda raw: [[raw]], "found a list of 1"),
    "numbers that are no pixels": (lambda raw: np.full((4, 4, 3), 2.0), "float64 from 2 to 2, where 0 to 1 belongs"),
    "normalised": (lambda raw: torch.randn(3, 9, 9), "float32 from .* where 0 to 1 belongs"),
    "not finite": (lambda raw: np.full((4, 4), np.nan), "where 0 to 1 belongs"),
    "16 bits": (lambda raw: np.full((4, 4), 999, np.uint16), "uint16 from 999 to 999, where 0 to 255"),
    "texts": (lambda raw: np.array([["a"]]), "an array of <U1"),
    "no pixels": (lambda raw: np.zeros((0, 4, 3), np.uint8), "shape"),
    "NUL": (lambda raw: "a\0b.png", r"a\\x00b\.png"),
    "a line end": (lambda raw: "a\nb.png", r"a\\nb\.png"),
    "a name too long": (lambda raw: "a" * 300, "a text of 300 characters"),
    "half a surrogate": (lambda raw: "a\ud800.png", r"a\\ud800\.png"),
    "a folder": (lambda raw: ".", "what is no regular file: \\."),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_image_is_refused_in_one_line_without_it_or_left_out(raw, kind):
    given, said = REFUSED[kind]
    with pytest.raises(RouterInputError, match=said) as caught:
        read_image(given(raw))
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 350 and message.isprintable()
    assert "SECRET" not in message and base64.b64encode(raw).decode()[:60] not in message
    assert read_images(given(raw), "text-only") == ([], 1)


@pytest.mark.parametrize(
    "given",
    [
        ["red", "blue", "3"],
        ("red", "blue", 3),
        np.array(["red", "blue", "3"]),
        pd.Series(["red", "blue", "3"]),
        iter(["red", "blue", "3"]),
        '["red", "blue", "3"]',
        ' ["red", "blue", 3] ',
        "['red', 'blue', '3']",
        "['red', \"blue\", 3,]",
        "['red' 'blue'\n '3']",
        "red|blue|3",
        " red | blue| |3|",
    ],
    ids=lambda given: "iterator" if isinstance(given, Iterator) else repr(given),
)
def test_every_form_of_options_gives_the_same(given):
    assert read_options(given) == ("red", "blue", "3")


@pytest.mark.parametrize("none", [None, "", " ", [], (), "[]", float("nan"), pd.NA, np.array([])], ids=repr)
def test_what_is_empty_has_no_options(none):
    assert read_options(none) == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("red", "found a text: red"),
        ("Yes or no?", "found a text: Yes or no"),
        ("3", "found a text: 3"),
        ('{"A": "red"}', "found a text"),
        ('{"A": "red|blue"}', "found a text"),
        ("[red, blue]", "found a text"),
        ("[1, 2", "found a text"),
        ({"A": "red"}, "found dict"),
        ({"red"}, "found set"),
        (7, "found int"),
        (b"red|blue", "found bytes"),
        (["red", None], "a text for each option, found none"),
        (["red", ["blue"]], "expected each option as a text, found a list of 1"),
        ("[['red'], ['blue']]", "found a text"),
        ('[["red"], ["blue"]]', "found a list of 1"),
        ("x" * 99_999, "found a text"),
        ("[" * 99_999, "found a text"),
        ("[" + " " * 99_999, "found a text"),
        ("[" + "'a' " * 30_000 + ",", "found a text"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_list_of_options_is_refused_in_one_line(given, said):
    with pytest.raises(RouterInputError, match=said) as caught:
        read_options(given)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 200


@given(st.lists(st.text()))
@examples(60)
def test_texts_of_lists_are_read_as_they_were_written(options):
    if not any("\0" in option for option in options):
        assert read_options(str(options)) == tuple(options)
    assert read_options(json.dumps(options)) == tuple(options)


@given(st.text() | st.lists(st.text()) | st.floats() | st.dictionaries(st.text(), st.text()))
@examples(60)
def test_whatever_stands_for_options_they_are_texts_or_refused(value):
    try:
        assert all(isinstance(option, str) for option in read_options(value))
    except RouterInputError as error:
        assert len(str(error).splitlines()) == 1


def test_a_sample_is_read_from_any_mapping_and_its_empty_fields_are_none(raw):
    row = {"sample_id": 7, "question": "A?", "options": "a|b", "hint": float("nan"), "image": None, "image_path": raw}
    read = read_sample(row)
    assert (read.text, read.image.size) == ("A?\n(A) a\n(B) b", (60, 40))
    assert read_sample({"question": 7, "hint": 1.5}).text == "7\n1.5"
    assert read_sample({"question": " A? "}).text == " A? "
    for wrong in ({"question": ["A?"]}, {"question": "A?", "hint": {}}, {"question": b"A?"}):
        with pytest.raises(RouterInputError, match="as a text, found"):
            read_sample(wrong)


def test_a_tensor_without_values_is_refused_or_left_out_like_every_image_that_cannot_be_read():
    empty = torch.zeros(4, 4, 3, device="meta")
    with pytest.raises(RouterInputError, match="expected a readable image"):
        read_image(empty)
    assert read_images(empty, "text-only") == ([], 1)


def test_what_a_sample_is_refused_with_is_a_name_of_the_package():
    assert vlrouterbench.RouterInputError is RouterInputError


@pytest.mark.parametrize("kind", ["pipe", "link in a loop"])
def test_what_keeps_a_reader_waiting_or_leads_nowhere_is_refused_or_left_out(tmp_path, kind):
    path = tmp_path / "0.png"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to(path.name)
    for source in (path, str(path), {"path": str(path)}):
        with pytest.raises(RouterInputError, match="no regular file" if kind == "pipe" else "does not decode"):
            read_image(source)
        assert read_images(source, "text-only") == ([], 1)

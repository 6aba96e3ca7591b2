"""Reading text from pictures: what is printed is found, and without the extra the error says what to install."""

import importlib.util
import sys

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlrouterbench.routers.encoders.ocr import blocks as ocr_blocks
from vlrouterbench.routers.encoders.ocr.blocks import OcrError, image_text, reader_name

installed = pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="the extra ocr is not installed")


def _page(*lines):
    page = Image.new("RGB", (420, 60 + 70 * len(lines)), "white")
    for place, line in enumerate(lines):
        ImageDraw.Draw(page).text((24, 30 + 70 * place), line, fill="black", font=ImageFont.load_default(26))
    return page


@installed
def test_printed_lines_are_read_in_order():
    assert image_text(_page("Total revenue 2019", "Invoice 4711")).split("\n") == [
        "Total revenue 2019",
        "Invoice 4711",
    ]


@installed
@pytest.mark.parametrize(
    "picture", [Image.new("RGB", (200, 100), "white"), Image.new("L", (3, 2)), Image.new("1", (1, 1))]
)
def test_picture_without_text_has_none(picture):
    assert image_text(picture) == ""


@installed
def test_reader_is_named_with_its_version():
    name, version = reader_name().split("-")
    assert name == "rapidocr" and version[0].isdigit()


def test_no_picture_has_no_text_and_needs_no_reader():
    assert image_text(None) == ""


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    ocr_blocks._reader.cache_clear()
    with pytest.raises(OcrError, match=r"pip install 'vlrouterbench\[ocr\]'"):
        image_text(Image.new("RGB", (20, 20)))

"""What a router sees: one text, and a picture that is whole or refused."""

import io

import numpy as np
import pytest
from PIL import Image

from vlrouterbench.routers.encoders import sample_input as input_module
from vlrouterbench.routers.encoders.sample_input import RouterInput, RouterInputError, read_image


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

"""Limits on input, by content and size, with messages that say what is accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.demo.bad_files import bomb_bytes, image_bytes
from vlrouterbench.routing.limits import Limits, QuestionError, checked_file, checked_image, checked_text


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_formats_are_accepted(kind):
    assert checked_image(image_bytes(kind)).size == (24, 16)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_not(kind):
    with pytest.raises(QuestionError, match="not a PNG, JPEG or WEBP"):
        checked_image(image_bytes(kind))


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    assert len(bomb_bytes()) < 10_000
    for side in (6_000, 30_000):
        with pytest.raises(QuestionError, match="too large|million pixels"):
            checked_image(bomb_bytes(side))


def test_a_truncated_image_is_named_as_damaged():
    with pytest.raises(QuestionError, match="damaged"):
        checked_image(image_bytes(size=(300, 300))[:-200])


def test_pixels_and_bytes_are_counted():
    with pytest.raises(QuestionError, match="24 x 16 pixels"):
        checked_image(image_bytes(), limits=Limits(image_pixels=383))
    assert checked_image(image_bytes(), limits=Limits(image_pixels=384)).size == (24, 16)
    with pytest.raises(QuestionError, match="MiB"):
        checked_image(image_bytes(), limits=Limits(image_bytes=10))


@given(st.binary(max_size=300))
def test_no_bytes_lead_to_anything_but_a_image_or_words(content):
    with pytest.raises(QuestionError):
        checked_image(content)


def test_a_text_is_taken_up_to_its_length():
    limits = Limits(text_chars=3)
    assert checked_text("abc", limits=limits) == "abc"
    assert checked_text(" a ", limits=limits) == " a ", "a text is asked as it stands, as `route` asks it"
    with pytest.raises(QuestionError, match="has 4 characters; at most 3"):
        checked_text("abcd", limits=limits)


def test_a_file_is_looked_at_before_it_is_opened(tmp_path):
    (tmp_path / "big").write_bytes(bytes(11))
    assert checked_file(tmp_path / "big", "file", 11)
    with pytest.raises(QuestionError, match="at most"):
        checked_file(tmp_path / "big", "file", 10)
    with pytest.raises(QuestionError, match="did not arrive"):
        checked_file(tmp_path / "none", "file", 10)

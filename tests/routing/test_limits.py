"""What strangers may send: by content and size, with words that say what is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.demo.bad_files import bomb_bytes, picture_bytes
from vlrouterbench.demo.html import escaped, message_of
from vlrouterbench.routing.limits import DemoError, Limits, checked_file, checked_picture, checked_text


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_formats_are_taken(kind):
    assert checked_picture(picture_bytes(kind)).size == (24, 16)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_not(kind):
    with pytest.raises(DemoError, match="not a PNG, JPEG or WEBP"):
        checked_picture(picture_bytes(kind))


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    assert len(bomb_bytes()) < 10_000
    for side in (6_000, 30_000):
        with pytest.raises(DemoError, match="too large|million pixels"):
            checked_picture(bomb_bytes(side))


def test_a_truncated_picture_is_named_as_damaged():
    with pytest.raises(DemoError, match="damaged"):
        checked_picture(picture_bytes(size=(300, 300))[:-200])


def test_pixels_and_bytes_are_counted():
    with pytest.raises(DemoError, match="24 x 16 pixels"):
        checked_picture(picture_bytes(), limits=Limits(image_pixels=383))
    assert checked_picture(picture_bytes(), limits=Limits(image_pixels=384)).size == (24, 16)
    with pytest.raises(DemoError, match="MiB"):
        checked_picture(picture_bytes(), limits=Limits(image_bytes=10))


@given(st.binary(max_size=300))
def test_no_bytes_lead_to_anything_but_a_picture_or_words(content):
    with pytest.raises(DemoError):
        checked_picture(content)


def test_a_text_is_taken_up_to_its_length():
    limits = Limits(text_chars=3)
    assert checked_text(" abc ", limits=limits) == "abc"
    with pytest.raises(DemoError, match="has 4 characters; at most 3"):
        checked_text("abcd", limits=limits)


def test_a_file_is_looked_at_before_it_is_opened(tmp_path):
    (tmp_path / "big").write_bytes(bytes(11))
    assert checked_file(tmp_path / "big", "file", 11)
    with pytest.raises(DemoError, match="at most"):
        checked_file(tmp_path / "big", "file", 10)
    with pytest.raises(DemoError, match="did not arrive"):
        checked_file(tmp_path / "none", "file", 10)


@given(st.text())
def test_escaped_text_has_no_sign_that_html_or_a_template_reads(text):
    assert not set(escaped(text)) & set("<>\"'{}`")
    assert "$" not in escaped(text)


def test_a_message_shows_no_place_on_the_server_and_no_markup(tmp_path):
    upload = tmp_path / "uploads" / ("a" * 64) / "decisions.parquet"
    said = message_of(
        ValueError(f"{upload}: router <img src=x> of {tmp_path}/benchmark"), (tmp_path / "uploads", tmp_path)
    )
    assert said == "decisions.parquet: router &lt;img src=x&gt; of benchmark"

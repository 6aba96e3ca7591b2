"""HTML of the page: text from outside stays text."""

from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.demo.html import escaped, middle_cut, shortened_words


@given(st.text())
def test_escaped_text_has_no_sign_that_html_or_a_template_reads(text):
    assert not set(escaped(text)) & set("<>\"'{}`")
    assert "$" not in escaped(text)


@given(st.text(), st.integers(20, 200))
def test_a_shortened_text_fits_and_what_fits_is_whole(text, most):
    words = " ".join(text.split())
    for shorten in (shortened_words, middle_cut):
        shown = shorten(text, most)
        assert len(shown) <= most and (shown == words if len(words) <= most else "…" in shown)


def test_texts_are_cut_between_words_and_those_that_begin_alike_differ_without_their_middle():
    asked = "According to the handbook, may a driver carrying goods rest in the vehicle by {}?"
    assert shortened_words(asked, 28) == "According to the handbook…"
    assert middle_cut(asked.format("day"), 50) == "According to the… rest in the vehicle by day?"
    assert middle_cut(asked.format("day"), 50) != middle_cut(asked.format("night"), 50)

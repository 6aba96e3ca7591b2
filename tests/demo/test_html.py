"""HTML of the page: text from outside stays text."""

from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.demo.html import escaped


@given(st.text())
def test_escaped_text_has_no_sign_that_html_or_a_template_reads(text):
    assert not set(escaped(text)) & set("<>\"'{}`")
    assert "$" not in escaped(text)

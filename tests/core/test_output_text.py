"""Text of others in each kind of output: shown as it is where that is harmless, and never acting."""

import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payloads import ACTING, PAYLOADS, rendered_markdown
from vlrouterbench.core.output_text import (
    csv_text,
    figure_text,
    json_text,
    latex_text,
    markdown_code,
    markdown_text,
    markup_text,
    one_line,
    terminal_text,
    visible,
)

texts = st.one_of(st.sampled_from(PAYLOADS), st.text())


@pytest.mark.parametrize(
    "text", ["GPT-4o", "通义千问 7B", "🦙", "a_b", "two  blanks", "line\nbreak", "a\tb", "-5 %", "é"]
)
def test_harmless_text_is_shown_as_it_is(text):
    assert visible(text) == terminal_text(text) == text


def test_what_cannot_be_shown_stands_by_its_code():
    assert visible("a\x1b[31mb\u202ec\x9bd\ud800") == r"a\x1b[31mb\u202ec\x9bd\ud800"


@given(texts)
def test_nothing_acts_in_a_terminal(text):
    assert not ACTING.search(terminal_text(text))


@given(texts)
def test_json_for_a_terminal_says_the_same_and_does_not_act(text):
    dumped = json_text(json.dumps({"name": text}, ensure_ascii=False))
    assert json.loads(dumped) == {"name": text} and not ACTING.search(dumped)


@given(texts)
def test_one_line_is_one_line_and_keeps_its_words(text):
    assert len(one_line(text).splitlines()) <= 1
    assert one_line("two  blanks \n  next") == "two  blanks next"


@given(texts)
def test_markup_holds_the_text_and_no_element(text):
    for document in (f"<t>{markup_text(text)}</t>", f'<t name="{markup_text(text)}"/>'):
        assert len(list(ElementTree.fromstring(document).iter())) == 1


@given(texts)
def test_a_cell_of_markdown_stays_a_cell_and_no_markup(text):
    html = rendered_markdown(f"| head | other |\n|---|---|\n| {markdown_text(text)} | x |\n")
    assert html.count("<td") == 2 and html.count("<tr") == 2
    for element in ("<script", "<img", "<a ", "<strong", "<em", "<code", "<b>", "<h1"):
        assert element not in html


@given(texts)
def test_code_in_markdown_ends_where_it_should(text):
    html = rendered_markdown(f"x `{markdown_code('n' + text + 'n')}` y")
    assert html.count("<code>") == 1 and html.rstrip().endswith("</code> y</p>")


@given(texts)
def test_latex_has_no_command_and_no_open_group_of_the_text(text):
    shown = latex_text(text)
    plain = shown.replace(r"\textbackslash{}", "").replace(r"\textasciitilde{}", "").replace(r"\textasciicircum{}", "")
    for letter in "&%$#_{}":
        plain = plain.replace(f"\\{letter}", "")
    assert not set(plain) & set("\\&%$#_{}~^\n")


@given(texts)
def test_a_cell_of_csv_is_no_formula(text):
    assert not csv_text(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(texts)
def test_text_of_a_figure_may_stand_in_xml(text):
    assert not ACTING.search(figure_text(text)) and "\n" not in figure_text(text)

"""Pages: strict about what is missing, and marked where their data are simulated."""

import pytest
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup

from vlrouterbench.plotting.page import render_page, with_anchors


def test_a_missing_value_is_an_error_and_not_an_empty_cell():
    with pytest.raises(UndefinedError):
        render_page("evaluation", "report.html", report={"name": "n"})


def test_the_frame_marks_simulated_data_and_no_other():
    page = render_page("plotting", "frame.html", report={"simulated": True})
    assert "(simulated)" in page and "Simulated data." in page
    assert "imulated" not in render_page("plotting", "frame.html", report={"simulated": False})


def test_a_room_has_its_own_templates_only():
    with pytest.raises(TemplateNotFound):
        render_page("evaluation", "inspection.html")


def test_every_heading_has_an_anchor_of_its_own_and_what_was_escaped_stays_so():
    parts = with_anchors(Markup("<h2>By x: &lt;b&gt;</h2><p>.</p><h2>By x, b</h2><h2>By x b</h2>"))
    assert [anchor for anchor, _ in parts.contents] == ["part-by-x-b", "part-2-by-x-b", "part-3-by-x-b"]
    assert parts.contents[0][1] == "By x: &lt;b&gt;"
    assert parts.body.startswith('<span id="part-by-x-b"></span><h2>By x: &lt;b&gt;</h2><p>.</p><span id="part-2')


def test_a_page_of_few_headings_has_no_contents():
    assert "<nav" not in render_page("plotting", "frame.html", report={"simulated": False})

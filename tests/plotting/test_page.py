"""Pages: strict about what is missing, and marked where their data are simulated."""

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from vlrouterbench.plotting.page import render_page


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

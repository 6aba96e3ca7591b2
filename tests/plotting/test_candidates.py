"""The figure of a decision: every point where its figures say, told apart by shape, with an alt text."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.plotting.candidates import CandidatePoint, candidates_svg

POINTS = [
    CandidatePoint("cheap", 1e-5, 0.5, frontier=True),
    CandidatePoint("middle", 1e-4, 0.7, frontier=True, chosen=True),
    CandidatePoint("dear", 1e-3, 0.65),
    CandidatePoint("out", 1e-3, 0.9, excluded=True),
]


def places(svg):
    """Title -> (x, y) of each point."""
    found = {}
    for group in ElementTree.fromstring(svg).iter("g"):
        x, y = map(float, re.search(r"translate\(([\d.]+) ([\d.]+)\)", group.get("transform")).groups())
        found[group.find("title").text] = (x, y)
    return found


def test_points_stand_by_cost_on_a_log_scale_and_by_accuracy():
    found = {title.split(":")[0]: place for title, place in places(candidates_svg(POINTS)).items()}
    assert found["middle"][0] - found["cheap"][0] == pytest.approx(found["dear"][0] - found["middle"][0], abs=0.2)
    assert found["out"][1] < found["middle"][1] < found["dear"][1] < found["cheap"][1]


def test_each_point_says_what_it_is_in_words():
    titles = set(places(candidates_svg(POINTS)))
    assert "middle: 70.0% at $1 per 10000, chosen" in {title.replace(",000", "000") for title in titles}
    assert sum("excluded" in title for title in titles) == 1


def test_the_figure_tells_its_content_to_who_cannot_see_it():
    label = ElementTree.fromstring(candidates_svg(POINTS)).get("aria-label")
    assert "Chosen: middle" in label and "Frontier by rising cost: cheap, middle." in label


def test_kinds_of_points_differ_in_shape_not_only_in_colour():
    shapes = set()
    for group in ElementTree.fromstring(candidates_svg(POINTS)).iter("g"):
        mark = list(group)[-1]
        shapes.add((mark.tag, mark.get("d"), mark.get("fill") == "none"))
    assert len(shapes) == 4


def test_names_are_escaped():
    svg = candidates_svg([CandidatePoint("<b>&\"'", 1e-4, 0.5, chosen=True)])
    assert "<b>" not in svg and ElementTree.fromstring(svg) is not None


def test_without_a_known_cost_nothing_is_drawn_and_that_is_said():
    assert "no cost is known" in candidates_svg([CandidatePoint("a", None, 0.5)])


@given(
    st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(1e-9, 1e3)), st.floats(-1e3, 1e3)), min_size=1, max_size=20)
)
def test_every_point_lies_inside_the_figure(pairs):
    points = [CandidatePoint(str(place), cost, height) for place, (cost, height) in enumerate(pairs)]
    svg = candidates_svg(points, calibrated=False)
    _, _, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    for x, y in places(svg).values():
        assert 0 <= x <= width and 0 <= y <= height

"""Figures of calibration: a panel per part, and every curve named."""

import xml.etree.ElementTree as ElementTree

import pytest

from vlrouterbench.evaluation.calibration_plots import reliability_plot, risk_coverage_plot

PARTS = {
    f"part {place}": {"ece": place / 10, "num_samples": 3, "bins": [[1, 0.2, 0.0], [2, 0.9, 1.0]]} for place in range(6)
}
ODD = "$x^{$ & <b>"


def record(name):
    return {"router": name, "calibration": {"risk_coverage": [[0.5, 0.1], [1.0, 0.4]]}}


def test_a_panel_per_part_has_its_name_its_error_and_its_size():
    svg = reliability_plot("Reliability", PARTS, simulated=True).svg()
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    for place in range(6):
        assert f"part {place}" in svg and f"ECE 0.{place}00, n 3" in svg
    assert "simulated data" in svg
    assert "simulated data" not in reliability_plot("Reliability", PARTS, simulated=False).svg()


def test_one_part_alone_can_be_drawn():
    one = {"only": PARTS["part 1"]}
    assert "ECE 0.100" in reliability_plot("Reliability", one, simulated=False).svg()


@pytest.mark.parametrize("count", [1, 9])
def test_every_router_has_a_curve_with_its_name(count):
    svg = risk_coverage_plot([record(f"router {place}") for place in range(count)], simulated=True).svg()
    assert all(f"<!-- router {place} -->" in svg for place in range(count))


def test_names_are_drawn_as_they_are_and_never_read_as_formulas():
    drawn = (
        reliability_plot(ODD, {ODD: PARTS["part 0"]}, simulated=False),
        risk_coverage_plot([record(ODD)], simulated=False),
    )
    for drawing in drawn:
        assert ElementTree.fromstring(drawing.svg()).tag.endswith("svg")
        assert "$x^{$ &amp; &lt;b&gt;" in drawing.svg()

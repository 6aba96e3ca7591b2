"""Figures: SVG that stands alone, is the same in every run, and says what its data are."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.evaluation.plots import cost_plot, dataset_plot, frontier_plot, group_plot, shares_plot


def costs(records, table):
    """The histogram of costs of what records decided: constant choices stand for them."""
    return cost_plot({r["router"]: table.cost[:, place] for place, r in enumerate(records)}, simulated=table.simulated)


PLOTS = pytest.mark.parametrize("plot", [frontier_plot, dataset_plot, group_plot, shares_plot, costs])


@pytest.fixture(scope="module")
def scored(simulated_folder, tmp_path_factory):
    """Records of three policies, and the table that they were scored on."""
    out = tmp_path_factory.mktemp("plots")
    names = ["oracle", "strongest", "cheapest"]
    records = evaluate_routers(simulated_folder, names, out, EvaluationOptions(time_routers=False))
    return records, load_table(simulated_folder).split("test")


def ids_of(svg):
    return set(re.findall(r'\bid="([^"]+)"', svg))


@PLOTS
def test_a_figure_is_well_formed_and_scales_with_its_page(plot, scored):
    root = ElementTree.fromstring(plot(*scored).svg())
    assert root.tag.endswith("svg")
    assert "viewBox" in root.attrib
    assert not {"width", "height"} & set(root.attrib)


@PLOTS
def test_a_figure_is_the_same_in_every_run(plot, scored):
    assert plot(*scored).svg() == plot(*scored).svg()


@PLOTS
def test_a_figure_refers_only_to_its_own_parts(plot, scored):
    svg = plot(*scored).svg()
    referred = re.findall(r'(?:href|src)="([^"]+)"', svg) + re.findall(r"url\(([^)]+)\)", svg)
    assert all(target.startswith(("#", "data:")) for target in referred)
    assert {target[1:] for target in referred if target.startswith("#")} <= ids_of(svg)


def test_clip_paths_of_two_figures_on_one_page_do_not_clash(scored):
    def clips(svg):
        return set(re.findall(r'<clipPath id="([^"]+)"', svg))

    assert clips(frontier_plot(*scored).svg())
    assert not clips(frontier_plot(*scored).svg()) & clips(dataset_plot(*scored).svg())


@PLOTS
def test_a_simulated_benchmark_is_named_so_in_the_figure_and_another_is_not(plot, scored):
    """Text is drawn as paths; matplotlib leaves it beside them as a comment."""
    records, table = scored
    assert "simulated data" in plot(records, table).svg()
    table.report["simulated"] = False
    try:
        assert "simulated data" not in plot(records, table).svg()
    finally:
        table.report["simulated"] = True


def test_every_router_is_named_in_words(scored):
    records, table = scored
    for plot in (frontier_plot, dataset_plot, group_plot, shares_plot, costs):
        svg = plot(records, table).svg()
        for record in records:
            assert f"<!-- {record['router']} -->" in svg


@PLOTS
def test_a_name_is_drawn_as_it_is_and_never_read_as_a_formula(plot, scored):
    records, table = scored
    odd = "$x^{$ & <b>"
    renamed = [
        record
        | {
            "router": odd,
            "per_dataset": {odd: next(iter(record["per_dataset"].values()))},
            "per_group": {odd: record["per_group"]["STEM"]},
        }
        for record in records[:1]
    ]
    root = ElementTree.fromstring(plot(renamed, table).svg())
    assert root.tag.endswith("svg")
    assert "<!-- $x^{$ &amp; &lt;b&gt; -->" in plot(renamed, table).svg()


def test_the_points_of_a_router_with_trade_offs_are_joined_by_a_line(scored):
    records, table = scored
    points = [[0.0002, 0.7, 1.0], [0.0001, 0.6, 5.0], [0.0004, 0.75, 0.0]]
    plain, joined = (frontier_plot([records[0] | {"frontier": frontier}], table).svg() for frontier in (None, points))
    assert joined.count("<path") == plain.count("<path") + 1


def test_a_candidate_without_a_cost_can_be_drawn_on_a_logarithmic_scale(scored):
    records, table = scored
    free = table.take(table.rows * 0 == 0)
    free.matrices["cost"] = free.matrices["cost"].copy()
    free.matrices["cost"][:, 0] = 0
    nothing_paid = [records[0] | {"average_cost_usd": 0.0, "ci95": records[0]["ci95"] | {"average_cost_usd": [0, 0]}}]
    assert ElementTree.fromstring(frontier_plot([*records, *nothing_paid], free).svg()).tag.endswith("svg")


def test_every_decision_counts_in_one_bin_of_the_histogram_of_costs():
    svg = cost_plot({"free": np.zeros(4), "half": np.array([1e-4, 1e-4, 8e-4, 8e-4])}, simulated=False).svg()
    assert svg.count("<!-- 100 -->") == 2  # the scale's own 100, and all of "free" at cost 0
    assert svg.count("<!-- 50 -->") == 2
    assert "<!-- 1 to " in svg and " to 8 -->" in svg


def test_the_histogram_of_costs_needs_no_cost_above_zero_and_no_two_costs():
    for cost in (0.0, 1e-4):
        assert "<!-- 100 -->" in cost_plot({"a": np.full(2, cost)}, simulated=False).svg()

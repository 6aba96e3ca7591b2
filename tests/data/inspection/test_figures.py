"""Figures of a benchmark: SVG that stands alone, names every candidate in words, and says what its data are."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from vlrouterbench.data.inspection import figures
from vlrouterbench.data.summary import summarize

OF_SUMMARY = ("candidates_plot", "accuracy_plot", "agreement_plot", "solvers_plot", "left_out_plot")
ALL = pytest.mark.parametrize("name", [*OF_SUMMARY, "tokens_plot"])
WITH_CANDIDATES = pytest.mark.parametrize("name", ["candidates_plot", "accuracy_plot", "agreement_plot", "tokens_plot"])


def draw(name, table, **changes):
    plot = getattr(figures, name)
    return plot(table) if name == "tokens_plot" else plot(summarize(table) | {"left_out": {"image": 3}} | changes)


@pytest.fixture(scope="module")
def drawn(simulated_table):
    """Every figure of the simulated benchmark, as SVG."""
    return {name: draw(name, simulated_table) for name in (*OF_SUMMARY, "tokens_plot")}


@ALL
def test_a_figure_is_well_formed_the_same_in_every_run_and_refers_only_to_itself(name, drawn, simulated_table):
    svg = drawn[name]
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert svg == draw(name, simulated_table)
    referred = re.findall(r'(?:href|src)="([^"]+)"', svg) + re.findall(r"url\(([^)]+)\)", svg)
    assert all(target.startswith(("#", "data:")) for target in referred)


@ALL
def test_a_figure_of_simulated_data_says_so(name, drawn):
    assert "simulated data" in drawn[name]


@WITH_CANDIDATES
def test_every_candidate_is_named_in_words(name, drawn, simulated_table):
    svg = drawn[name]
    assert all(f"<!-- {candidate} -->" in svg for candidate in simulated_table.pool.names)


def test_clip_paths_of_figures_on_one_page_do_not_clash(drawn):
    clips = [set(re.findall(r'<clipPath id="([^"]+)"', drawn[name])) for name in OF_SUMMARY]
    assert all(clips)
    assert len(set().union(*clips)) == sum(map(len, clips))


def test_bars_are_labelled_with_how_many_samples_each_number_of_candidates_solves(simulated_table):
    svg = draw("solvers_plot", simulated_table, solver_counts=[7, 1234, 56])
    assert all(f"<!-- {label} -->" in svg for label in ("7", "1,234", "56"))


def test_unmeasured_pairs_of_candidates_show_a_dash(simulated_table):
    names = list(simulated_table.pool.names[:2])
    agreement = {names[0]: {names[0]: 1.0, names[1]: None}, names[1]: {names[0]: None, names[1]: 1.0}}
    assert draw("agreement_plot", simulated_table, agreement=agreement).count("<!-- - -->") == 2


@pytest.mark.parametrize(
    ("accuracy", "cost", "drawn"), [(0.5, 0.1, True), (None, 0.1, False), (0.5, None, False), (0.5, 0.0, False)]
)
def test_only_candidates_with_an_accuracy_and_a_cost_have_a_place_on_a_logarithmic_scale(accuracy, cost, drawn):
    assert figures.can_be_drawn({"accuracy": accuracy, "average_cost_usd": cost}) is drawn


def test_a_candidate_without_tokens_is_said_to_be_not_measured(drawn, simulated_table):
    table = simulated_table.take(np.arange(len(simulated_table)))
    assert "not measured" not in drawn["tokens_plot"]
    table.matrices["output_tokens"] = table.matrices["output_tokens"].copy()
    table.matrices["output_tokens"][:, 2] = np.nan
    assert draw("tokens_plot", table).count("<!-- not measured -->") == 1
    table.matrices["output_tokens"][:] = np.nan
    assert draw("tokens_plot", table).count("<!-- not measured -->") == len(table.pool)

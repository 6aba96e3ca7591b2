"""The figure of frontiers: every router by name, names that do not lie on each other, lines where the figures say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.evaluation.study.frontier_measures import SINGLE
from vlrouterbench.evaluation.study.frontier_plot import hulls_plot, spread

HULLS = {
    "first": [[0.0001, 0.4], [0.0008, 0.81]],
    SINGLE: [[0.0001, 0.4], [0.0008, 0.8]],
    "of $x$ and <b>": [[0.0004, 0.7], [0.0008, 0.805]],
    "never in reach": [],
}


def test_lines_lie_where_the_figures_say_and_each_is_named():
    axes = hulls_plot(HULLS, "first", simulated=True).figure.axes[0]
    lines = [np.array(line.get_xydata()) for line in axes.lines]
    assert len(lines) == 3
    assert lines[0] == pytest.approx(np.array([[1, 40], [8, 81]]))
    names = [text.get_text() for text in axes.texts]
    assert names == ["first", SINGLE, "of $x$ and <b>"]
    assert "simulated data" in axes.get_title()
    assert axes.lines[0].get_linewidth() > axes.lines[2].get_linewidth()


def test_names_of_near_lines_stand_apart():
    axes = hulls_plot(HULLS, "first", simulated=False).figure.axes[0]
    heights = sorted(text.xyann[1] for text in axes.texts)
    assert min(np.diff(heights)) >= 0.05 - 1e-9


def test_spread_by_hand():
    assert spread([0.5, 0.5, 0.2], least_gap=0.1) == pytest.approx([0.5, 0.6, 0.2])
    # Pushed above the top and back.
    assert spread([1.0, 0.98], least_gap=0.1) == pytest.approx([1.0, 0.9])
    assert spread([], least_gap=0.1) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_spread_keeps_the_order_and_the_gap_and_stays_below_the_top(heights):
    moved = np.array(spread(heights, least_gap=0.05))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(moved[order]) >= 0.05 - 1e-9).all() and moved.max() <= 1 + 1e-9

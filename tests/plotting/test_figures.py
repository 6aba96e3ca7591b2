"""What every figure shares: heat maps with their numbers, labels that cover nothing, names taken literally."""

import io
import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from vlrouterbench.plotting.figures import heat_map, shortened, titled
from vlrouterbench.plotting.labels import PointLabel, label_points
from vlrouterbench.plotting.laid_out import LaidOutFigure


def test_a_heat_map_shows_its_numbers_and_a_dash_where_there_is_none():
    svg = heat_map(np.array([[12.4, np.nan]]), rows=["a"], columns=["b", "c"], title="t", label="l")
    assert "<!-- 12 -->" in svg and svg.count("<!-- - -->") == 1


def test_names_are_drawn_as_they_are_and_never_read_as_formulas():
    svg = heat_map(np.zeros((1, 1)), rows=["$x^{$"], columns=["$\\bad$"], title="$t", label="l")
    assert "<!-- $x^{$ -->" in svg and "<!-- $\\bad$ -->" in svg


@pytest.mark.parametrize("kind", ["svg", "png", "pdf"])
def test_a_figure_that_is_laid_out_first_is_the_one_that_matplotlib_draws_twice(kind):
    def drawn(figure):
        axes = figure.subplots(2, 2, sharex=True)
        axes[0][0].imshow(np.eye(3))
        axes[1][1].plot([0, 1000], [0, 1], label="a line")
        axes[1][1].set(title="A title", xlabel="what it is", yscale="symlog")
        figure.legend(loc="outside lower center")
        figure.colorbar(axes[0][0].images[0], ax=axes[0])
        content = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "t"}):
            figure.savefig(
                content, format=kind, metadata={"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
            )
        return content.getvalue()

    twice = drawn(Figure(figsize=(6, 4), layout="constrained"))
    figure = LaidOutFigure(6, 4)
    assert drawn(figure) == twice and len(twice) > 5_000


def test_labels_of_points_do_not_cover_each_other_where_there_is_room():
    axes = Figure(figsize=(9, 6)).add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    label_points(axes, [PointLabel(f"candidate {n}", (5 + 0.1 * n, 5.0), "black") for n in range(4)])
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_name_stands_clear_of_lines_while_it_can():
    def box_beside(line):
        axes = Figure(figsize=(9, 6)).add_subplot()
        axes.set(xlim=(0, 10), ylim=(0, 10))
        label_points(axes, [PointLabel("candidate", (5.0, 5.0), "black")], [np.array(line)])
        (text,) = axes.texts
        return axes.transData.inverted().transform(text.get_window_extent().get_points())

    (left, bottom), (right, top) = box_beside([[0, 0], [1, 0]])
    assert left > 5 and bottom > 5  # the preferred place
    for line in ([[5.5, 0], [5.5, 10]], [[0, 5.3], [10, 5.3]], [[5.0, 5.0], [7.0, 7.0]]):
        (left, bottom), (right, top) = box_beside(line)
        at = np.linspace(line[0], line[1], 1001)
        assert not ((at > (left, bottom)) & (at < (right, top))).all(axis=1).any()


@pytest.mark.parametrize(("length", "kept"), [(36, 36), (37, 36), (200, 36)])
def test_a_long_name_is_cut_and_says_so(length, kept):
    short = shortened("n" * length)
    assert len(short) == kept and short.endswith("…") == (length > kept)


def test_only_simulated_data_are_called_so():
    assert titled("Cost", simulated=True) == "Cost, simulated data"
    assert titled("Cost", simulated=False) == "Cost"

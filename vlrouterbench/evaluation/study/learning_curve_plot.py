"""Learning curves: the figure of an objective against training samples, with intervals, and what lies beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vlrouterbench.plotting.figures import BLUE, VERMILION, Drawing, shortened, titled

BLACK = "#000000"
_COLOURS = (VERMILION, BLUE, BLACK)
_MARKERS = ("o", "s", "^", "D", "v")
_BEYOND = 4
"""The extrapolated curve goes on to so many times the training samples of the table."""


def learning_curves_plot(curves: Sequence[Mapping[str, Any]], figure_of: str, *, simulated: bool) -> Drawing:
    """The curves of all routers.

    Args:
        curves: of the part `learning-curves`.
        figure_of: what they are of, in print.
        simulated: whether the benchmark is.
    """
    from matplotlib.ticker import NullFormatter, NullLocator

    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(8.2, 4.6)
    axes = figure.add_subplot()
    for index, curve in enumerate(curves):
        colour, marker = _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]
        sizes = np.array([point["num_train"] for point in curve["points"]], dtype=float)
        scores = np.array([point["value"] for point in curve["points"]])
        low, high = np.array([point["ci95"] for point in curve["points"]]).T
        spread = np.maximum([scores - low, high - scores], 0)
        axes.errorbar(
            sizes, scores, yerr=spread, color=colour, marker=marker, capsize=3, label=shortened(curve["router"], 24)
        )
        if curve["extrapolation"] is not None:
            law, beyond = curve["extrapolation"]["power_law"], np.geomspace(sizes[-1], _BEYOND * sizes[-1], 30)
            axes.plot(beyond, law["limit"] - law["scale"] * beyond ** -law["exponent"], "--", color=colour)
    axes.set_xscale("log")
    ticks = [point["num_train"] for point in curves[0]["points"]]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("training samples (log scale); dashed: extrapolated")
    axes.set_ylabel(shortened(figure_of, 48), parse_math=False)
    title = titled("Learning curves, mean over splits", simulated=simulated)
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.25)
    for text in axes.legend(frameon=False).get_texts():
        text.set_parse_math(False)
    return Drawing(figure, title)

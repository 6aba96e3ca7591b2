"""The figure of a study's frontiers: mean hulls over splits, accuracy against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.evaluation.study.frontier_measures import SINGLE
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, Drawing, log_cost_axis, shortened, titled

_LINES = ("-", "--", "-.", ":")
_LEAST_GAP = 0.05
"""Between two names beside the figure, as a share of its height."""


def hulls_plot(hulls: Mapping[str, Sequence[Sequence[float]]], first: str, *, simulated: bool) -> Drawing:
    """Mean hulls of the first router, the single candidates and the others, each named where it ends.

    Args:
        hulls: router -> [average_cost_usd, accuracy] of its mean hull, the best router first.
        first: the first router.
        simulated: whether the data are.
    """
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(8.2, 5.2)
    axes = figure.add_subplot()
    labels: list[tuple[str, tuple[float, float], str]] = []
    # A router that reaches no cost of the range in every split has no mean hull.
    for index, (name, hull) in enumerate((name, hull) for name, hull in hulls.items() if hull):
        x, y = (np.array(hull) * (SAMPLES_PER_COST_UNIT, 100)).T
        line = _LINES[index % len(_LINES)]
        if name in (first, SINGLE):
            colour, line, width = (VERMILION, "-", 2.2) if name == first else ("black", "--", 1.4)
        else:
            colour, width = BLUE, 1.1
        axes.plot(x, y, color=colour, linestyle=line, linewidth=width, zorder=3 if name == first else 2)
        labels.append((shortened(name, 24), (x[-1], y[-1]), colour))
    log_cost_axis(axes, f"average cost, USD per {SAMPLES_PER_COST_UNIT:,} samples (log scale)")
    axes.set_ylabel("accuracy, %")
    title = titled("Mean hull over splits", simulated=simulated)
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.margins(x=0.01)
    low, high = axes.get_ylim()
    heights = spread([(point[1] - low) / (high - low) for _, point, _ in labels], least_gap=_LEAST_GAP)
    for (text, point, colour), height in zip(labels, heights, strict=True):
        axes.annotate(
            text,
            point,
            xytext=(1.04, height),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            va="center",
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6},
            parse_math=False,
        )
    return Drawing(figure, title)


def spread(heights: Sequence[float], *, least_gap: float) -> list[float]:
    """Heights moved apart to at least a gap, in their order and as near as one pass up and one down allow.

    Args:
        heights: wanted, 0 at the bottom of the figure and 1 at its top.
        least_gap: between neighbours.
    """
    order = np.argsort(heights, kind="stable")
    moved = np.array(heights, dtype=float)[order]
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + least_gap)
    # What was pushed above the top comes down again, and pushes those below it.
    if len(moved):
        moved[-1] = min(moved[-1], 1.0)
    for index in range(len(moved) - 2, -1, -1):
        moved[index] = min(moved[index], moved[index + 1] - least_gap)
    in_given_order = np.empty(len(moved))
    in_given_order[order] = moved
    return in_given_order.tolist()

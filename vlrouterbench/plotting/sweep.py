"""The figure of a sweep: accuracy against cost, a point per cost weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.plotting.figures import BLUE, log_cost_axis, svg_text, titled
from vlrouterbench.plotting.labels import PointLabel, label_points


def sweep_plot(sweep: Mapping[str, Any]) -> str:
    """Accuracy against average cost on validation as SVG, with standard deviations where there are several seeds.

    Args:
        sweep: content of `sweep.json`.
    """
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(7.2, 4.6)
    axes = figure.add_subplot()
    rows = sweep["rows"]
    cost, accuracy = (
        [unit * row[name] for row in rows]
        for name, unit in (("average_cost_usd", SAMPLES_PER_COST_UNIT), ("accuracy", 100))
    )
    wide, high = (
        [unit * (row[f"{name}_sd"] or 0.0) for row in rows]
        for name, unit in (("average_cost_usd", SAMPLES_PER_COST_UNIT), ("accuracy", 100))
    )
    # A logarithmic axis ends at 0: a bar that would reach it is cut short.
    left = [min(spread, 0.99 * value) for spread, value in zip(wide, cost, strict=True)]
    axes.errorbar(cost, accuracy, xerr=[left, wide], yerr=high, fmt="o", color=BLUE, elinewidth=0.8)
    log_cost_axis(axes, f"average cost, USD per {SAMPLES_PER_COST_UNIT:,} samples (log scale)")
    axes.set_ylabel("accuracy, %")
    title = titled(f"{sweep['router']}: accuracy against cost on validation", simulated=sweep["benchmark"]["simulated"])
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.25)
    names = [sweep["router"] if row["cost_weight"] is None else f"lambda {row['cost_weight']}" for row in rows]
    label_points(axes, [PointLabel(name, (x, y), BLUE) for name, x, y in zip(names, cost, accuracy, strict=True)])
    return svg_text(figure, title)

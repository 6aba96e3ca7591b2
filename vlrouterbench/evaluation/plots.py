"""Figures of a report: accuracy against cost, and Rank Score by dataset (what figures share is in `plotting`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.plotting.figures import (
    BLUE,
    GREY,
    VERMILION,
    heat_map,
    label_points,
    log_cost_axis,
    svg_text,
    titled,
)

_MARKERS = {"policy": "s", "router": "o"}


def frontier_plot(records: Sequence[dict[str, Any]], table: RoutingTable) -> str:
    """Accuracy against average cost of every router and policy with 95 % intervals, single candidates in grey."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    axes = figure.add_subplot()
    labels: list[tuple[str, tuple[float, float], str]] = []
    cost, quality = table.cost.mean(axis=0) * SAMPLES_PER_COST_UNIT, table.quality.mean(axis=0) * 100
    axes.scatter(cost, quality, s=16, color=GREY, label="always one candidate", zorder=1)
    for kind, colour, label in (("policy", BLUE, "policy"), ("router", VERMILION, "trained router")):
        chosen = [r for r in records if r["router_config"]["kind"] == kind]
        if not chosen:
            continue
        x = np.array([r["average_cost_usd"] for r in chosen]) * SAMPLES_PER_COST_UNIT
        y = np.array([r["accuracy"] for r in chosen]) * 100
        spans = [np.array([r["ci95"][name] for r in chosen]).T for name in ("average_cost_usd", "accuracy")]
        wide, high = spans[0] * SAMPLES_PER_COST_UNIT, spans[1] * 100
        axes.errorbar(
            x,
            y,
            xerr=np.maximum(0, [x - wide[0], wide[1] - x]),
            yerr=np.maximum(0, [y - high[0], high[1] - y]),
            fmt=_MARKERS[kind],
            color=colour,
            label=label,
            elinewidth=0.8,
            zorder=2,
        )
        labels += [(r["router"], (px, py), colour) for r, px, py in zip(chosen, x, y, strict=True)]
    log_cost_axis(axes, f"average cost, USD per {SAMPLES_PER_COST_UNIT:,} samples (log scale)")
    axes.set_ylabel("accuracy, %")
    title = titled("Accuracy against cost", simulated=table.simulated)
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=9)
    label_points(axes, labels)
    return svg_text(figure, title)


def dataset_plot(records: Sequence[dict[str, Any]], table: RoutingTable) -> str:
    """Rank Score of every router on every dataset, as a heat map with its numbers."""
    datasets = list(dict.fromkeys(name for r in records for name in r["per_dataset"]))
    counts = records[0]["per_dataset"]
    return heat_map(
        np.array([[r["per_dataset"][name]["rank_score"] for name in datasets] for r in records]),
        rows=[r["router"] for r in records],
        columns=[f"{name} ({counts[name]['num_samples']})" for name in datasets],
        title=titled("Rank Score by dataset (samples)", simulated=table.simulated),
        label="Rank Score",
    )

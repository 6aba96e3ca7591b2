"""Figures of a report (what figures share is in `plotting`).

Decisions
- One row of cells per router where there can be many routers: twenty curves over each other cannot be distinguished.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import FreeForm, Intervals, PartRecord, ScoredRecord
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.plotting.figures import (
    BLUE,
    GREY,
    VERMILION,
    Drawing,
    draw_heat_map,
    label_points,
    log_cost_axis,
    titled,
)

_COST_BINS = 12
_MARKERS = {"policy": "s", "router": "o"}


class FrontierEntry(TypedDict):
    """What the plot of accuracy against cost needs of a record; a record of `results.json` has it."""

    router: str
    router_config: FreeForm
    accuracy: float
    average_cost_usd: float
    ci95: Intervals
    frontier: list[list[float]] | None


def frontier_entry(record: ScoredRecord, kind: str, frontier: list[list[float]] | None) -> FrontierEntry:
    """A leaderboard's record for the plot of accuracy against cost, as a "router" or a "policy"."""
    return {
        "router": record["router"],
        "router_config": {"kind": kind},
        "accuracy": record["accuracy"],
        "average_cost_usd": record["average_cost_usd"],
        "ci95": record["ci95"],
        "frontier": frontier,
    }


def frontier_plot(entries: Sequence[FrontierEntry], table: RoutingTable) -> Drawing:
    """Accuracy against average cost of every router and policy with 95 % intervals, single candidates in grey.

    A line joins the points of a router that offers several trade-offs.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    axes = figure.add_subplot()
    labels: list[tuple[str, tuple[float, float], str]] = []
    cost, quality = table.cost.mean(axis=0) * SAMPLES_PER_COST_UNIT, table.quality.mean(axis=0) * 100
    axes.scatter(cost, quality, s=16, color=GREY, label="always one candidate", zorder=1)
    for kind, colour, label in (("policy", BLUE, "policy"), ("router", VERMILION, "trained router")):
        chosen = [entry for entry in entries if entry["router_config"]["kind"] == kind]
        if not chosen:
            continue
        x = np.array([r["average_cost_usd"] for r in chosen]) * SAMPLES_PER_COST_UNIT
        y = np.array([r["accuracy"] for r in chosen]) * 100
        wide = np.array([r["ci95"]["average_cost_usd"] for r in chosen]).T * SAMPLES_PER_COST_UNIT
        high = np.array([r["ci95"]["accuracy"] for r in chosen]).T * 100
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
        for frontier in filter(None, (r["frontier"] for r in chosen)):
            points = np.array(sorted(point[:2] for point in frontier)) * (SAMPLES_PER_COST_UNIT, 100)
            axes.plot(*points.T, color=colour, linewidth=0.9, alpha=0.6, zorder=1)
        labels += [(r["router"], (px, py), colour) for r, px, py in zip(chosen, x, y, strict=True)]
    label = f"average cost, USD per {SAMPLES_PER_COST_UNIT:,} samples"
    if min([*cost, *(entry["average_cost_usd"] for entry in entries)]) > 0:
        log_cost_axis(axes, f"{label} (log scale)")
    else:
        axes.set_xlabel(label)  # a logarithmic scale has no place for what is free
    axes.set_ylabel("accuracy, %")
    title = titled("Accuracy against cost", simulated=table.simulated)
    axes.set_title(title)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=9)
    label_points(axes, labels)
    return Drawing(figure, title)


def dataset_plot(records: Sequence[ScoredRecord], table: RoutingTable) -> Drawing:
    """Rank Score of every router on every dataset, as a heat map with its numbers."""
    return _score_map({r["router"]: r["per_dataset"] for r in records}, table, "Rank Score by dataset (samples)")


def group_plot(records: Sequence[ScoredRecord], table: RoutingTable) -> Drawing:
    """Rank Score of every router on every task group, as a heat map with its numbers."""
    return _score_map({r["router"]: r["per_group"] for r in records}, table, "Rank Score by task group (samples)")


def shares_plot(records: Sequence[ScoredRecord], table: RoutingTable) -> Drawing:
    """How often every router chose every candidate, in percent; a dash where never."""
    shares = [[r["candidate_shares"].get(name, np.nan) for name in table.pool.names] for r in records]
    return draw_heat_map(
        100 * np.array(shares),
        rows=[r["router"] for r in records],
        columns=table.pool.names,
        title=titled("Chosen candidates, % of samples", simulated=table.simulated),
        label="% of samples",
    )


def cost_plot(decisions: Mapping[str, np.ndarray], table: RoutingTable) -> Drawing:
    """Histogram of the cost of single decisions, one row per router, in percent of its samples.

    Args:
        decisions: router -> indices in the pool (num_samples,).
        table: the samples that were decided on.
    """
    cost = np.array([chosen_values(table.cost, chosen) for chosen in decisions.values()]) * SAMPLES_PER_COST_UNIT
    edges = _cost_edges(cost)
    # A logarithmic scale has no 0: decisions that cost nothing are counted in a bin of their own.
    free = (cost == 0).mean(axis=1, keepdims=True)
    counts = np.array([np.histogram(row[row > 0], edges)[0] for row in cost]) / cost.shape[1]
    columns = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    if free.any():
        counts, columns = np.hstack([free, counts]), ["0", *columns]
    return draw_heat_map(
        np.where(counts > 0, 100 * counts, np.nan),
        rows=list(decisions),
        columns=columns,
        title=titled(f"Cost of a decision, USD per {SAMPLES_PER_COST_UNIT:,}: % of samples", simulated=table.simulated),
        label="% of samples",
    )


def _score_map(parts_of: Mapping[str, Mapping[str, PartRecord]], table: RoutingTable, title: str) -> Drawing:
    """Rank Scores as a heat map, from router -> name of a part -> its record; a dash where there is none."""
    first = next(iter(parts_of.values()))
    return draw_heat_map(
        np.array([[parts[name]["rank_score"] for name in first] for parts in parts_of.values()], dtype=float),
        rows=list(parts_of),
        columns=[f"{name} ({part['num_samples']})" for name, part in first.items()],
        title=titled(title, simulated=table.simulated),
        label="Rank Score",
    )


def _cost_edges(cost: np.ndarray) -> np.ndarray:
    """Edges of bins of equal ratio that hold every cost above 0."""
    paid = cost[cost > 0]
    if not paid.size:
        return np.array([0.5, 1.0])
    low, high = float(paid.min()), float(paid.max())
    if high <= low * (1 + 1e-9):
        return np.array([low * 0.9, low * 1.1])
    edges = np.geomspace(low, high, _COST_BINS + 1)
    edges[0], edges[-1] = low, high  # rounding must not leave the ends outside
    return edges

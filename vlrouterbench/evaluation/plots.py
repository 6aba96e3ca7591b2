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
from vlrouterbench.evaluation.paired import ORACLE
from vlrouterbench.evaluation.records import FreeForm, Intervals, PartRecord, ScoredRecord
from vlrouterbench.plotting.figures import Drawing, draw_heat_map, titled
from vlrouterbench.plotting.trade_off import Mark, TradeOff

_COST_BINS = 12


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


def trade_off(entries: Sequence[FrontierEntry], table: RoutingTable) -> TradeOff:
    """Accuracy against average cost of every router and policy with 95 % intervals, and of single candidates.

    A line joins the points of a router that offers several trade-offs.
    """
    singles = [
        Mark(name, "candidate", float(accuracy), float(cost))
        for name, accuracy, cost in zip(
            table.pool.names, table.quality.mean(axis=0), table.cost.mean(axis=0), strict=True
        )
    ]
    marks = [
        Mark(
            entry["router"],
            "router" if entry["router_config"]["kind"] == "router" else "policy",
            entry["accuracy"],
            entry["average_cost_usd"],
            _span(entry["ci95"]["accuracy"]),
            _span(entry["ci95"]["average_cost_usd"]),
            [(point[0], point[1]) for point in entry["frontier"] or ()],
            attainable=entry["router_config"]["kind"] == "router" or entry["router"] != ORACLE,
        )
        for entry in entries
    ]
    return TradeOff(titled("Accuracy against cost", simulated=table.simulated), [*singles, *marks])


def frontier_plot(entries: Sequence[FrontierEntry], table: RoutingTable) -> Drawing:
    """The static form of `trade_off`; arguments as for it."""
    return trade_off(entries, table).drawing()


def _span(interval: Sequence[float]) -> tuple[float, float]:
    low, high = interval
    return low, high


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


def cost_plot(costs: Mapping[str, np.ndarray], *, simulated: bool) -> Drawing:
    """Histogram of the cost of single decisions, one row per router, in percent of its samples.

    Args:
        costs: router -> cost of each of its decisions (num_samples,), USD.
        simulated: whether the samples are.
    """
    cost = np.array(list(costs.values())) * SAMPLES_PER_COST_UNIT
    edges = _cost_edges(cost)
    # A logarithmic scale has no 0: decisions that cost nothing are counted in a bin of their own.
    free = (cost == 0).mean(axis=1, keepdims=True)
    counts = np.array([np.histogram(row[row > 0], edges)[0] for row in cost]) / cost.shape[1]
    columns = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    if free.any():
        counts, columns = np.hstack([free, counts]), ["0", *columns]
    return draw_heat_map(
        np.where(counts > 0, 100 * counts, np.nan),
        rows=list(costs),
        columns=columns,
        title=titled(f"Cost of a decision, USD per {SAMPLES_PER_COST_UNIT:,}: % of samples", simulated=simulated),
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

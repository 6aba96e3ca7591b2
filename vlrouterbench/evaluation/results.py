"""Scoring decisions: accuracy, average cost, Rank Score, per dataset and group, with intervals over groups.

Decisions
- A record states what it was computed with (bounds, beta, seed, benchmark digest), so that it can be computed again
  from `decisions.parquet` and the benchmark folder alone.
- Per-dataset scores use the benchmark's own bounds, like the whole; their intervals come from the dataset's own groups.
- The gap to the oracle is measured in Rank Score from the best fixed mixture: 0 is no better than a constant policy.
- Controls stand in every record, whoever was asked for: fixed policies, the oracle, the reachable ceiling, and what a
  draw at the router's own shares would expect, blind to the sample; each with intervals of its own figures and with
  the router's paired difference from it. Their decisions lie in `controls.parquet`.
- A rank is among the routers of one evaluation; those that cannot be told apart share it.
- JSON has no NaN: what does not exist is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.calibration import calibration_of
from vlrouterbench.evaluation.paired import (
    MIXTURE,
    SAME_SHARES,
    SHUFFLED,
    PairedFigures,
    RoutedSplit,
    ScoringContext,
    trade_off,
    trade_off_of,
)
from vlrouterbench.evaluation.throughput import overhead
from vlrouterbench.metrics.frontier import convex_hull_area, hypervolume, normalized_auc, quality_neutral_cost
from vlrouterbench.metrics.ranks import rank_ranges
from vlrouterbench.metrics.trade_off import MIN_BOUND_RATIO, oracle_gap_closed
from vlrouterbench.version import __version__


def score_routers(routed: Sequence[RoutedSplit], context: ScoringContext) -> list[dict[str, Any]]:
    """One record per router, in the given order (contract's section 4)."""
    table, paired = context.table, PairedFigures.of(routed, context)
    ranks = rank_ranges(paired.draws["rank_score"][:, : len(routed)])
    per_dataset, per_group = (paired.parts(name, len(routed), context) for name in ("dataset", "task_group"))
    return [
        {
            "router": router.router,
            "router_config": router.config,
            "split": context.split,
            "num_samples": len(table),
            "num_left_out": context.num_left_out,
            **_figures(place, router, paired, context),
            "rank": {
                "rank": ranks[place].rank,
                "range": [ranks[place].low, ranks[place].high],
                "tied_with": [routed[other].router for other in ranks[place].tied_with],
            },
            "differences": paired.differences(place, routed, context),
            "per_dataset": per_dataset[place],
            "per_group": per_group[place],
            "controls": {name: paired.control(place, name, context) for name in context.references},
            "benchmark": table.identity,
            "features": router.features,
            "seed": context.seed,
            "version": __version__,
        }
        for place, router in enumerate(routed)
    ]


def bounds_degenerate(table: RoutingTable) -> bool:
    """Whether all candidates cost about the same, so that Rank Score separates nothing but rounding."""
    cmin, cmax = table.cost_bounds
    return cmax / cmin < MIN_BOUND_RATIO


def _figures(place: int, router: RoutedSplit, paired: PairedFigures, context: ScoringContext) -> dict[str, Any]:
    """What is computed for one router alone."""
    table, quality, cost = context.table, paired.quality[:, place], paired.cost[:, place]
    whole = trade_off(quality, cost, context)
    base, oracle = (trade_off_of(context.references[name], context)["rank_score"] for name in ("mixture", "oracle"))
    vs_mixture = paired.difference(place, MIXTURE, context)
    twin = None if router.shuffled is None else paired.control(place, f"{SHUFFLED}{place}", context)
    frontier = _frontier(router, context)
    return {
        **whole,
        "cost_bounds_usd": list(table.cost_bounds),
        "beta": context.beta,
        "ci95": paired.intervals(place),
        "vs_mixture": {"rank_score": vs_mixture["difference"], "ci95": vs_mixture["ci95"]},
        "same_shares": paired.control(place, f"{SAME_SHARES}{place}", context),
        "shuffled_labels": twin,
        "expected": None if router.shares is None else _expected(router.shares, context),
        "oracle_gap_closed": oracle_gap_closed(whole["rank_score"], baseline=base, oracle=oracle),
        "oracle_gap_ci95": paired.gap_interval(place),
        **paired.reachable_gap(place, context),
        "candidate_shares": _shares(router.decisions, table),
        "frontier": frontier,
        "frontier_measures": None if frontier is None else _frontier_measures(frontier, table),
        "calibration": calibration_of(router, context),
        "throughput": _throughput(router, whole, context),
    }


def _frontier(router: RoutedSplit, context: ScoringContext) -> list[list[float]] | None:
    if router.frontier is None:
        return None
    points = [(trade_off_of(decisions, context), weight) for weight, decisions in router.frontier]
    return [[figures["average_cost_usd"], figures["accuracy"], weight] for figures, weight in points]


def _frontier_measures(frontier: Sequence[Sequence[float]], table: RoutingTable) -> dict[str, float | None]:
    cost, accuracy, _ = np.array(frontier).T
    bounds = {"cost_bounds": table.cost_bounds}
    singles = {"single_cost": table.cost.mean(axis=0), "single_quality": table.quality.mean(axis=0)}
    return {
        "aiq": convex_hull_area(cost, accuracy, **bounds),
        "nauc": normalized_auc(cost, accuracy, **bounds),
        "qnc": quality_neutral_cost(cost, accuracy, **singles),
        "hypervolume": hypervolume(cost, accuracy, **bounds),
    }


def _throughput(router: RoutedSplit, whole: Mapping[str, float], context: ScoringContext) -> dict[str, Any] | None:
    """What was measured, with the overhead in dollars where a price was given."""
    if router.throughput is None or context.machine_usd_per_hour is None:
        return router.throughput
    options = {"cost_bounds": context.table.cost_bounds, "beta": context.beta}
    counted = overhead(router.throughput, whole, machine_usd_per_hour=context.machine_usd_per_hour, **options)
    return {**router.throughput, "overhead": counted}


def _expected(shares: np.ndarray, context: ScoringContext) -> dict[str, float]:
    """Expectation over draws: each sample's mean over candidates with the policy's chances."""
    return trade_off(context.table.quality @ shares, context.table.cost @ shares, context)


def _shares(decisions: np.ndarray, table: RoutingTable) -> dict[str, float]:
    counts = np.bincount(decisions, minlength=len(table.pool)) / len(decisions)
    return {name: float(share) for name, share in zip(table.pool.names, counts, strict=True) if share > 0}

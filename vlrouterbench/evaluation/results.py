"""Scoring decisions: accuracy, average cost, Rank Score, per dataset and group, with intervals over groups.

Decisions
- A record states what it was computed with (bounds, beta, seed, benchmark digest), so that it can be computed again
  from `decisions.parquet` and the benchmark folder alone.
- Per-dataset scores use the benchmark's own bounds, like the whole; their intervals come from the dataset's own groups.
- The gap to the oracle is measured in Rank Score from the best static mixture: 0 is no better than a constant policy.
- Controls are in every record, whatever was evaluated: fixed policies, the oracle, the cross-fitted upper-bound
  estimate, and random choice matched on the router's routing distribution, which does not see the sample; each with
  intervals of its own figures and with the router's paired difference from it. Their decisions are in
  `controls.parquet`.
- A rank is among the routers of one evaluation; those that cannot be told apart share it.
- JSON has no NaN: what does not exist is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

import numpy as np

from vlrouterbench.core.files import without_nan
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.answer_time import latency_of
from vlrouterbench.evaluation.calibration import calibration_of
from vlrouterbench.evaluation.changes import PoolChangesRecord
from vlrouterbench.evaluation.headline import shares_of
from vlrouterbench.evaluation.paired import (
    MIXTURE,
    ORACLE,
    SAME_SHARES,
    SHUFFLED,
    PairedFigures,
    RoutedSplit,
    ScoringContext,
    trade_off,
    trade_off_of,
)
from vlrouterbench.evaluation.records import (
    Figures,
    FrontierMeasures,
    ResultRecord,
    ThroughputRecord,
    ThroughputWithOverhead,
)
from vlrouterbench.evaluation.throughput import overhead
from vlrouterbench.metrics.frontier import convex_hull_area, hypervolume, normalized_auc, quality_neutral_cost
from vlrouterbench.metrics.ranks import rank_ranges
from vlrouterbench.metrics.trade_off import MIN_BOUND_RATIO, oracle_gap_closed
from vlrouterbench.version import __version__


class _Terms(TypedDict):
    candidates: list[str]
    candidates_left_out: list[str]
    prices: dict[str, list[float]] | None
    pool_changes: PoolChangesRecord | None
    objective: str
    objective_value: float
    rank_score_reason: str
    cost_bounds_usd: list[float] | None
    beta: float


def score_routers(routed: Sequence[RoutedSplit], context: ScoringContext) -> list[ResultRecord]:
    """One record per router, in the given order (contract's section 4)."""
    table, paired = context.table, PairedFigures.of(routed, context)
    ranks = rank_ranges(paired.merits(context)[:, : len(routed)])
    per_dataset, per_group = (paired.parts(name, len(routed), context) for name in ("dataset", "task_group"))
    references = {name: trade_off_of(context.references[name], context) for name in (MIXTURE, ORACLE)}
    records: list[ResultRecord] = []
    for index, router in enumerate(routed):
        whole = trade_off(paired.quality[:, index], paired.cost[:, index], context)
        frontier = _frontier(router, context)
        has_control = router.shuffled is not None
        records.append(
            {
                "router": router.router,
                "router_config": router.config,
                "split": context.split,
                "num_samples": len(table),
                "num_left_out": context.num_left_out,
                "training_overlap": router.training_overlap,
                **whole,
                **_terms(whole, context),
                **shares_of(router.router, index, paired, context),
                "ci95": paired.intervals(index),
                "vs_mixture": paired.versus_mixture(index, context),
                "same_shares": paired.control(index, f"{SAME_SHARES}{index}", context),
                "shuffled_labels": paired.control(index, f"{SHUFFLED}{index}", context) if has_control else None,
                "expected": None if router.shares is None else _expected(router.shares, context),
                "oracle_gap_closed": _gap_closed(whole, references),
                "oracle_gap_ci95": paired.gap_interval(index),
                **paired.upper_bound_gap(index, context),
                "candidate_shares": _shares(router.decisions, table),
                "frontier": frontier,
                "frontier_measures": _frontier_measures(frontier, table),
                "calibration": calibration_of(router, context),
                "throughput": _throughput(router, whole, context),
                "latency": latency_of(router.decisions, table, router.throughput, router.asked_before),
                "rank": {
                    "rank": ranks[index].rank,
                    "range": [ranks[index].low, ranks[index].high],
                    "tied_with": [routed[other].router for other in ranks[index].tied_with],
                },
                "differences": paired.differences(index, routed, context),
                "per_dataset": per_dataset[index],
                "per_group": per_group[index],
                "controls": {name: paired.control(index, name, context) for name in context.references},
                "benchmark": table.identity,
                "features": router.features,
                "seed": context.seed,
                "version": __version__,
            }
        )
    return [cast("ResultRecord", without_nan(record)) for record in records]


def _terms(whole: Figures, context: ScoringContext) -> _Terms:
    """What a router is judged by, and the figure that it has by that."""
    table, goal = context.table, context.goal
    best = float(table.quality.mean(axis=0).max())
    return {
        "candidates": list(table.pool.names),
        "candidates_left_out": list(context.candidates_left_out),
        "prices": context.prices,
        "pool_changes": context.changes,
        "objective": str(goal.objective),
        "objective_value": float(goal.merit(whole["accuracy"], whole["average_cost_usd"], best)),
        "rank_score_reason": goal.why_no_rank_score,
        "cost_bounds_usd": None if goal.cost_bounds is None else list(goal.cost_bounds),
        "beta": goal.beta,
    }


def bounds_degenerate(table: RoutingTable) -> bool:
    """Whether all candidates cost about the same, so that Rank Score separates nothing but rounding."""
    return table.cost_bounds is not None and table.cost_bounds[1] / table.cost_bounds[0] < MIN_BOUND_RATIO


def _gap_closed(whole: Figures, references: Mapping[str, Figures]) -> float | None:
    own, low, high = (one["rank_score"] for one in (whole, references[MIXTURE], references[ORACLE]))
    return None if own is None or low is None or high is None else oracle_gap_closed(own, baseline=low, oracle=high)


def _frontier(router: RoutedSplit, context: ScoringContext) -> list[list[float]] | None:
    if router.frontier is None:
        return None
    points = [(trade_off_of(decisions, context), weight) for weight, decisions in router.frontier]
    return [[figures["average_cost_usd"], figures["accuracy"], weight] for figures, weight in points]


def _frontier_measures(frontier: Sequence[Sequence[float]] | None, table: RoutingTable) -> FrontierMeasures | None:
    """Measures of a frontier; None without one, or without a range of costs to take them over."""
    bounds = table.cost_bounds
    if frontier is None or bounds is None:
        return None
    cost, accuracy, _ = np.array(frontier).T
    singles = table.cost.mean(axis=0), table.quality.mean(axis=0)
    return {
        "aiq": convex_hull_area(cost, accuracy, cost_bounds=bounds),
        "nauc": normalized_auc(cost, accuracy, cost_bounds=bounds),
        "qnc": quality_neutral_cost(cost, accuracy, single_cost=singles[0], single_quality=singles[1]),
        "hypervolume": hypervolume(cost, accuracy, cost_bounds=bounds),
    }


def _throughput(
    router: RoutedSplit, whole: Figures, context: ScoringContext
) -> ThroughputRecord | ThroughputWithOverhead | None:
    """The measured throughput, with the overhead in dollars where a price of the machine was given."""
    price = context.machine_usd_per_hour
    if router.throughput is None or price is None:
        return router.throughput
    with_price = overhead(router.throughput, whole, machine_usd_per_hour=price, goal=context.goal)
    return {**router.throughput, "overhead": with_price}


def _expected(shares: np.ndarray, context: ScoringContext) -> Figures:
    """Expectation over draws: each sample's mean over candidates with the policy's chances."""
    return trade_off(context.table.quality @ shares, context.table.cost @ shares, context)


def _shares(decisions: np.ndarray, table: RoutingTable) -> dict[str, float]:
    counts = np.bincount(decisions, minlength=len(table.pool)) / len(decisions)
    return {name: float(share) for name, share in zip(table.pool.names, counts, strict=True) if share > 0}

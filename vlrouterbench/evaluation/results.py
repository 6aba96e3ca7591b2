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

from collections.abc import Sequence

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.answer_time import latency_of
from vlrouterbench.evaluation.calibration import calibration_of
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


def score_routers(routed: Sequence[RoutedSplit], context: ScoringContext) -> list[ResultRecord]:
    """One record per router, in the given order (contract's section 4)."""
    table, paired = context.table, PairedFigures.of(routed, context)
    ranks = rank_ranges(paired.draws["rank_score"][:, : len(routed)])
    per_dataset, per_group = (paired.parts(name, len(routed), context) for name in ("dataset", "task_group"))
    references = {name: trade_off_of(context.references[name], context)["rank_score"] for name in (MIXTURE, ORACLE)}
    records: list[ResultRecord] = []
    for index, router in enumerate(routed):
        whole = trade_off(paired.quality[:, index], paired.cost[:, index], context)
        frontier = _frontier(router, context)
        gap = oracle_gap_closed(whole["rank_score"], baseline=references[MIXTURE], oracle=references[ORACLE])
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
                "cost_bounds_usd": list(table.cost_bounds),
                "beta": context.beta,
                "ci95": paired.intervals(index),
                "vs_mixture": paired.versus_mixture(index, context),
                "same_shares": paired.control(index, f"{SAME_SHARES}{index}", context),
                "shuffled_labels": paired.control(index, f"{SHUFFLED}{index}", context) if has_control else None,
                "expected": None if router.shares is None else _expected(router.shares, context),
                "oracle_gap_closed": gap,
                "oracle_gap_ci95": paired.gap_interval(index),
                **paired.upper_bound_gap(index, context),
                "candidate_shares": _shares(router.decisions, table),
                "frontier": frontier,
                "frontier_measures": None if frontier is None else _frontier_measures(frontier, table),
                "calibration": calibration_of(router, context),
                "throughput": _throughput(router, whole, context),
                "latency": latency_of(router.decisions, table, router.throughput),
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
    return records


def bounds_degenerate(table: RoutingTable) -> bool:
    """Whether all candidates cost about the same, so that Rank Score separates nothing but rounding."""
    cmin, cmax = table.cost_bounds
    return cmax / cmin < MIN_BOUND_RATIO


def _frontier(router: RoutedSplit, context: ScoringContext) -> list[list[float]] | None:
    if router.frontier is None:
        return None
    points = [(trade_off_of(decisions, context), weight) for weight, decisions in router.frontier]
    return [[figures["average_cost_usd"], figures["accuracy"], weight] for figures, weight in points]


def _frontier_measures(frontier: Sequence[Sequence[float]], table: RoutingTable) -> FrontierMeasures:
    cost, accuracy, _ = np.array(frontier).T
    bounds, singles = table.cost_bounds, (table.cost.mean(axis=0), table.quality.mean(axis=0))
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
    price, bounds = context.machine_usd_per_hour, context.table.cost_bounds
    if router.throughput is None or price is None:
        return router.throughput
    with_price = overhead(router.throughput, whole, machine_usd_per_hour=price, cost_bounds=bounds, beta=context.beta)
    return {**router.throughput, "overhead": with_price}


def _expected(shares: np.ndarray, context: ScoringContext) -> Figures:
    """Expectation over draws: each sample's mean over candidates with the policy's chances."""
    return trade_off(context.table.quality @ shares, context.table.cost @ shares, context)


def _shares(decisions: np.ndarray, table: RoutingTable) -> dict[str, float]:
    counts = np.bincount(decisions, minlength=len(table.pool)) / len(decisions)
    return {name: float(share) for name, share in zip(table.pool.names, counts, strict=True) if share > 0}

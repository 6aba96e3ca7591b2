"""Scoring decisions: accuracy, average cost, Rank Score, per dataset and group, with intervals over groups.

Decisions
- A record states what it was computed with (bounds, beta, seed, benchmark digest), so that it can be computed again
  from `decisions.parquet` and the benchmark folder alone.
- Per-dataset scores use the benchmark's own bounds, like the whole.
- The gap to the oracle is measured in Rank Score from the best fixed mixture: 0 is no better than a constant policy.
- JSON has no NaN: what does not exist is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.files import staged_file, write_json
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import MIN_BOUND_RATIO, chosen_values, oracle_gap_closed, rank_score
from vlrouterbench.version import __version__

RESULTS_FILE, DECISIONS_FILE = "results.json", "decisions.parquet"


@dataclass
class RoutedSplit:
    """Decisions of one router on a split, before scoring.

    Attributes:
        router: its name in the results.
        decisions: (num_samples,) places in the pool.
        config: what the router is.
        shares: (num_candidates,) where it draws, else None.
        throughput: measured speed, None for what needs no model.
        features: what its features are, None where it uses none.
    """

    router: str
    decisions: np.ndarray
    config: dict[str, Any]
    shares: np.ndarray | None = None
    throughput: dict[str, Any] | None = None
    features: dict[str, Any] | None = None


@dataclass(frozen=True)
class ScoringContext:
    """What all records of one evaluation share.

    Attributes:
        table: the scored samples.
        split: its name.
        seed: of resamples and draws.
        references: decisions of the reference policies `mixture` and `oracle` on the same samples.
        num_left_out: samples of the split that were not measured for every candidate.
        beta: as for `rank_score`.
    """

    table: RoutingTable
    split: str
    seed: int
    references: Mapping[str, np.ndarray]
    num_left_out: int = 0
    beta: float = RANK_SCORE_BETA
    extra: dict[str, Any] = field(default_factory=dict)


def score_routers(routed: Sequence[RoutedSplit], context: ScoringContext) -> list[dict[str, Any]]:
    """One record per router, in the given order (contract's section 4)."""
    table = context.table
    decisions = [r.decisions for r in routed] + [context.references["mixture"]]
    quality = np.column_stack([chosen_values(table.quality, d) for d in decisions])
    cost = np.column_stack([chosen_values(table.cost, d) for d in decisions])
    draws = trade_off_draws(
        quality, cost, table.column("group_id"), cost_bounds=table.cost_bounds, beta=context.beta, seed=context.seed
    )
    base = _trade_off(quality[:, -1], cost[:, -1], context)
    oracle = _trade_off_of(context.references["oracle"], context)
    records = []
    for place, router in enumerate(routed):
        whole = _trade_off(quality[:, place], cost[:, place], context)
        difference = draws["rank_score"][:, place] - draws["rank_score"][:, -1]
        gap = oracle_gap_closed(whole["rank_score"], baseline=base["rank_score"], oracle=oracle["rank_score"])
        records.append(
            {
                "router": router.router,
                "router_config": router.config,
                "split": context.split,
                "num_samples": len(table),
                "num_left_out": context.num_left_out,
                **whole,
                "cost_bounds_usd": list(table.cost_bounds),
                "beta": context.beta,
                "ci95": {name: interval(values[:, place]) for name, values in draws.items()},
                "vs_mixture": {"rank_score": whole["rank_score"] - base["rank_score"], "ci95": interval(difference)},
                "expected": None if router.shares is None else _expected(router.shares, context),
                "oracle_gap_closed": gap,
                "per_dataset": _by(table.column("dataset"), quality[:, place], cost[:, place], context),
                "per_group": _by(table.column("task_group"), quality[:, place], cost[:, place], context),
                "candidate_shares": _shares(router.decisions, table),
                "frontier": None,
                "throughput": router.throughput,
                "benchmark": {"name": table.report["name"], "sha256": table.sha256, "simulated": table.simulated},
                "features": router.features,
                "seed": context.seed,
                "version": __version__,
            }
        )
    return records


def write_results(records: list[dict[str, Any]], routed: Sequence[RoutedSplit], table: RoutingTable, out: Path) -> None:
    """Write `results.json` and `decisions.parquet`."""
    names = np.array(table.pool.names, dtype=object)
    sample_ids = table.column("sample_id")
    columns = {
        "router": [r.router for r in routed for _ in sample_ids],
        "sample_id": sample_ids * len(routed),
        "candidate": [name for r in routed for name in names[r.decisions]],
    }
    schema = pa.schema([(name, pa.string()) for name in columns])
    with staged_file(out / DECISIONS_FILE) as staging:
        pq.write_table(pa.table(columns, schema=schema), staging)
    write_json(out / RESULTS_FILE, records)


def bounds_degenerate(table: RoutingTable) -> bool:
    """Whether all candidates cost about the same, so that Rank Score separates nothing but rounding."""
    cmin, cmax = table.cost_bounds
    return cmax / cmin < MIN_BOUND_RATIO


def _trade_off(quality: np.ndarray, cost: np.ndarray, context: ScoringContext) -> dict[str, float]:
    accuracy, average_cost = float(quality.mean()), float(cost.mean())
    score = rank_score(accuracy, average_cost, cost_bounds=context.table.cost_bounds, beta=context.beta)
    return {"accuracy": accuracy, "average_cost_usd": average_cost, "rank_score": float(score)}


def _trade_off_of(decisions: np.ndarray, context: ScoringContext) -> dict[str, float]:
    table = context.table
    return _trade_off(chosen_values(table.quality, decisions), chosen_values(table.cost, decisions), context)


def _expected(shares: np.ndarray, context: ScoringContext) -> dict[str, float]:
    """Expectation over draws: each sample's mean over candidates with the policy's chances."""
    return _trade_off(context.table.quality @ shares, context.table.cost @ shares, context)


def _by(
    keys: Sequence[str], quality: np.ndarray, cost: np.ndarray, context: ScoringContext
) -> dict[str, dict[str, float | int]]:
    column = np.array(keys)
    parts = {}
    for key in dict.fromkeys(keys):
        rows = column == key
        parts[key] = {"num_samples": int(rows.sum()), **_trade_off(quality[rows], cost[rows], context)}
    return parts


def _shares(decisions: np.ndarray, table: RoutingTable) -> dict[str, float]:
    counts = np.bincount(decisions, minlength=len(table.pool)) / len(decisions)
    return {name: float(share) for name, share in zip(table.pool.names, counts, strict=True) if share > 0}

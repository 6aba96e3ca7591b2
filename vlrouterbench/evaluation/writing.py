"""The files of an evaluation: records, decisions of routers and of controls, estimates of calibrated routers.

Decisions
- The row of each decision has the estimates of the chosen candidate, empty for routers without estimates; the columns
  are missing where no router has any.
- `estimates.parquet` is written when a calibrated router was evaluated; an older one is removed, because it would
  belong to other records. So is an older report.
- All files are written beside, and moved in together: an evaluation that is killed leaves the old files, or the new
  ones, or no `results.json`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_set, write_json
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.paired import SHUFFLED, RoutedSplit, ScoringContext
from vlrouterbench.evaluation.records import ResultRecord

RESULTS_FILE, DECISIONS_FILE = "results.json", "decisions.parquet"
CONTROLS_FILE, ESTIMATES_FILE = "controls.parquet", "estimates.parquet"
REPORT_PAGE = "report.html"
ASKED_BEFORE = "asked_before"
"""Column of `decisions.parquet`, where some router asks twice: who was asked, and paid, before the row's candidate."""
_ESTIMATED = ("estimated_accuracy", "estimated_cost_usd")


def write_results(
    records: Sequence[ResultRecord], routed: Sequence[RoutedSplit], context: ScoringContext, out: Path
) -> None:
    """Write `results.json`, `decisions.parquet`, in the same columns the decisions of controls, and estimates."""
    controls = dict(context.references) | {
        f"{SHUFFLED}{r.router}": r.shuffled for r in routed if r.shuffled is not None
    }
    decided = _decisions({r.router: r.decisions for r in routed}, context.table)
    if any(router.estimates for router in routed):
        for name, values in zip(_ESTIMATED, _estimates_of_chosen(routed), strict=True):
            decided[name] = pa.array(values, from_pandas=True)
    if any(router.asked_before is not None for router in routed):
        decided[ASKED_BEFORE] = pa.array(_calls(routed, context.table), pa.string())
    with staged_set(out, RESULTS_FILE, stale=(ESTIMATES_FILE, REPORT_PAGE)) as staging:
        pq.write_table(pa.table(decided), staging / DECISIONS_FILE)
        pq.write_table(pa.table(_decisions(controls, context.table)), staging / CONTROLS_FILE)
        if estimates := _estimates(routed, context.table):
            pq.write_table(pa.table(estimates), staging / ESTIMATES_FILE)
        write_json(staging / RESULTS_FILE, records)


def _decisions(decisions: Mapping[str, np.ndarray], table: RoutingTable) -> dict[str, pa.Array]:
    names = np.array(table.pool.names, dtype=object)
    sample_ids = table.column("sample_id")
    columns = {
        "router": [router for router in decisions for _ in sample_ids],
        "sample_id": sample_ids * len(decisions),
        "candidate": [name for indices in decisions.values() for name in names[indices]],
    }
    return {name: pa.array(values, pa.string()) for name, values in columns.items()}


def _calls(routed: Sequence[RoutedSplit], table: RoutingTable) -> list[str | None]:
    """Who was asked before each decision; None: nobody."""
    names: list[str | None] = [*table.pool.names, None]  # -1, which is nobody, is the last one
    nobody = np.full(len(table), -1)
    before = (nobody if router.asked_before is None else router.asked_before for router in routed)
    return [names[index] for indices in before for index in indices]


def _estimates_of_chosen(routed: Sequence[RoutedSplit]) -> list[np.ndarray]:
    """Accuracy and cost, a row per decision; NaN, which becomes null, for routers without estimates."""
    missing = np.full((2, len(routed[0].decisions)), np.nan)
    parts = [missing if r.estimates is None else np.array(r.estimates.of_chosen(r.decisions)) for r in routed]
    return list(np.concatenate(parts, axis=1))


def _estimates(routed: Sequence[RoutedSplit], table: RoutingTable) -> dict[str, pa.Array]:
    """Columns of `estimates.parquet`; none where no router has any."""
    by_router = {router.router: router.estimates for router in routed if router.estimates is not None}
    if not by_router:
        return {}
    sample_ids, names = table.column("sample_id"), table.pool.names
    pairs = len(sample_ids) * len(names)
    errors = [
        np.full(pairs, np.nan) if e.standard_error is None else e.standard_error.ravel() for e in by_router.values()
    ]
    return {
        "router": pa.array([router for router in by_router for _ in range(pairs)], pa.string()),
        "sample_id": pa.array([name for name in sample_ids for _ in names] * len(by_router), pa.string()),
        "candidate": pa.array([*names] * len(sample_ids) * len(by_router), pa.string()),
        "estimated_accuracy": pa.array(np.concatenate([e.accuracy.ravel() for e in by_router.values()])),
        "estimated_cost_usd": pa.array(np.concatenate([e.cost_usd.ravel() for e in by_router.values()])),
        "standard_error": pa.array(np.concatenate(errors), from_pandas=True),
    }

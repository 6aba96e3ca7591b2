"""How long the answers of a router's decisions took, where the benchmark's answers were timed.

Decisions
- The candidates' time is the benchmark's, measured by whoever asked them. The router's own stands beside it: it was
  measured here, on another machine, and is part of what a user waits for.
- Percentiles are of the decisions whose answer was timed; their number is stated.
"""

from __future__ import annotations

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import LatencyRecord, ThroughputRecord
from vlrouterbench.metrics.trade_off import values_of_calls

PERCENTILES = (50, 95)


def latency_of(
    decisions: np.ndarray,
    table: RoutingTable,
    throughput: ThroughputRecord | None = None,
    before: np.ndarray | None = None,
) -> LatencyRecord | None:
    """Median and 95th percentile of the answers' time; None where no answer to these decisions was timed.

    Args:
        decisions: (num_samples,) indices in the pool.
        table: the scored samples.
        throughput: of the router, where it was measured.
        before: who was asked, and waited for, before each of them, as RoutedSplit has it.
    """
    if table.latency is None:
        return None
    seconds = values_of_calls(table.latency, decisions, before)
    timed = seconds[np.isfinite(seconds)]
    if not len(timed):
        return None
    p50, p95 = (float(np.percentile(timed, part)) for part in PERCENTILES)
    own = throughput["latency_ms_p50"] / 1000 if throughput is not None else None
    return {"num_timed": len(timed), "p50_s": p50, "p95_s": p95, "router_p50_s": own}

"""Speed of a router end to end: from the encoded image and text to a decision, encoder included.

Decisions
- Each batch size is warmed up with a batch that is not counted; times are wall-clock times of this machine and this
  run, so they describe a run rather than a router.
- Tokens are counted in the text that the router reads; images are not converted into a number of tokens.
- In a batch every sample waits for all others: the latency of a decision is the time of its batch.
- On a CPU, memory is the peak of the whole process since it started; on a GPU, that of torch's tensors while timed.
- Overhead in dollars is time at a stated price of the machine, added to the cost of the chosen candidates. No price is
  assumed. At batch 1 the machine waits for one request at a time; at the best batch size it is kept busy.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.evaluation.records import BatchRecord, Figures, OverheadFigures, OverheadRecord, ThroughputRecord
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.routers.base.decision import read_images
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInput

MAX_TIMED = 64
BATCH_SIZES = (8, 32, 64)
"""Batch sizes that are tried in addition to 1."""
_WARM_UP = 4
_PERCENTILES = (50, 95, 99)
_Row = tuple[str, list[str] | None, str | None, tuple[bytes | None, ...]]


def measure_throughput(router: PreTrainedRouter, table: RoutingTable) -> ThroughputRecord:
    """Latency and throughput at batch 1 and at the best of a few batch sizes, over up to MAX_TIMED samples of a table.

    Returns:
        `latency_ms_p50`, `_p95`, `_p99` at batch 1; `decisions_per_second` and `k_tokens_per_second` (text tokens, in
        thousands; `text_tokens_per_second` is the same figure) at the best batch size, which `best_batch` describes;
        `batches`, the figures of every size tried; `peak_memory_mib`; and what was timed where.
    """
    table = table.take(np.arange(min(len(table), MAX_TIMED)))
    columns = [table.column(name) for name in ("question", "options", "hint")]
    further = table.further_images()
    images = [(image, *further.get(row, ())) for row, image in enumerate(table.iter_images())]
    rows = list(zip(*columns, images, strict=True))
    text = [RouterInput(question, tuple(options or ()), hint or "").text for question, options, hint, _ in rows]
    tokens = int(count_tokens(text).sum())
    on_gpu = router.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(router.device)
    for row in rows[:_WARM_UP]:
        _decide(router, [row])
    sizes = sorted({1, *(min(size, len(rows)) for size in BATCH_SIZES)})
    batches = [_timed(router, rows, size, tokens) for size in sizes]
    single, best = batches[0], max(batches, key=lambda batch: batch["decisions_per_second"])
    return {
        "num_timed": len(rows),
        "latency_ms_p50": single["latency_ms_p50"],
        "latency_ms_p95": single["latency_ms_p95"],
        "latency_ms_p99": single["latency_ms_p99"],
        "decisions_per_second": best["decisions_per_second"],
        "k_tokens_per_second": best["k_tokens_per_second"],
        "text_tokens_per_second": 1000 * best["k_tokens_per_second"],
        "text_tokens_per_decision": tokens / len(rows),
        "best_batch": best,
        "batches": batches,
        "peak_memory_mib": torch.cuda.max_memory_allocated(router.device) / 2**20 if on_gpu else _process_peak_mib(),
        "peak_memory_of": "tensors on the GPU" if on_gpu else "the whole process",
        "device": str(router.device),
        "threads": torch.get_num_threads(),
        "includes": "image decoding, encoder, decision",
    }


def overhead(
    throughput: ThroughputRecord,
    figures: Figures,
    *,
    machine_usd_per_hour: float,
    goal: Goal,
) -> OverheadRecord:
    """Cost of a router's own time, and the Rank Score with it.

    Args:
        throughput: as `measure_throughput` gives it.
        figures: accuracy and average_cost_usd of the router's decisions, without overhead.
        machine_usd_per_hour: price of the machine that was timed on.
        goal: what decisions are judged by; its cost bounds stay those of the candidates.

    Returns:
        For `batch_1` and `best_batch`: `usd_per_decision`, `average_cost_usd` and `rank_score` with it.
    """

    def with_time(batch: BatchRecord) -> OverheadFigures:
        own = machine_usd_per_hour / 3600 / batch["decisions_per_second"]
        cost = figures["average_cost_usd"] + own
        score = goal.rank_score(figures["accuracy"], cost)
        return {"usd_per_decision": own, "average_cost_usd": cost, "rank_score": float(score)}

    return {
        "machine_usd_per_hour": machine_usd_per_hour,
        "batch_1": with_time(throughput["batches"][0]),
        "best_batch": with_time(throughput["best_batch"]),
    }


def _timed(router: PreTrainedRouter, rows: Sequence[_Row], size: int, tokens: int) -> BatchRecord:
    """Speed at one batch size over all rows, after a warm-up batch."""
    _decide(router, rows[:size])
    latencies = []
    for start in range(0, len(rows), size):
        began = time.perf_counter()
        _decide(router, rows[start : start + size])
        latencies.append(time.perf_counter() - began)
    seconds = sum(latencies)
    # A last, smaller batch is faster: each batch counts as often as it has samples.
    waits = np.repeat(latencies, [len(rows[start : start + size]) for start in range(0, len(rows), size)])
    p50, p95, p99 = (1000 * float(np.percentile(waits, part)) for part in _PERCENTILES)
    return {
        "batch_size": size,
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
        "decisions_per_second": len(rows) / seconds,
        "k_tokens_per_second": tokens / seconds / 1000,
    }


def _decide(router: PreTrainedRouter, rows: Sequence[_Row]) -> None:
    inputs = [
        RouterInput.of(question, tuple(options or ()), hint or "", *read_images(images))
        for question, options, hint, images in rows
    ]
    # Read back, so that a GPU has finished when the clock stops.
    router.decide(router.encoder.encode(inputs)).cpu()


def _process_peak_mib() -> float | None:
    """Peak memory of this process; None on Windows, which does not report it."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

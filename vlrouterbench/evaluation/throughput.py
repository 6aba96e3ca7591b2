"""How fast a router decides, end to end: from encoded image and text to a decision, encoder included.

Decisions
- Warm-up is apart; times are wall-clock of this machine and this run, so they are facts of a run and not of a router.
- Tokens are counted in the text that the router reads; an image is not turned into a made-up number of tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.routers.encoding_input import RouterInput, read_image
from vlrouterbench.routers.modeling_router import PreTrainedRouter

MAX_TIMED = 64
_WARM_UP = 4


def measure_throughput(router: PreTrainedRouter, table: RoutingTable) -> dict[str, Any]:
    """Latency at batch 1 and decisions per second in one batch, over up to MAX_TIMED samples of a table."""
    columns = [table.column(name) for name in ("question", "options", "hint")]
    rows = list(islice(zip(*columns, table.iter_images(), strict=True), MAX_TIMED))
    for row in rows[:_WARM_UP]:
        _decide(router, [row])
    latencies = []
    for row in rows:
        start = time.perf_counter()
        _decide(router, [row])
        latencies.append(1000 * (time.perf_counter() - start))
    start = time.perf_counter()
    _decide(router, rows)
    seconds = time.perf_counter() - start
    text = [RouterInput(question, tuple(options or ()), hint or "").text for question, options, hint, _ in rows]
    p50, p95 = np.percentile(latencies, [50, 95])
    return {
        "num_timed": len(rows),
        "latency_ms_p50": float(p50),
        "latency_ms_p95": float(p95),
        "decisions_per_second": len(rows) / seconds,
        "text_tokens_per_second": float(count_tokens(text).sum() / seconds),
        "device": str(router.device),
        "includes": "image decoding, encoder, decision",
    }


def _decide(router: PreTrainedRouter, rows: Sequence[tuple[str, list[str], str, bytes | None]]) -> None:
    inputs = [RouterInput(q, tuple(options or ()), hint or "", read_image(image)) for q, options, hint, image in rows]
    router.decide(router.encoder.encode(inputs))

"""`bench scale`: what a question costs stage by stage, in a process that does nothing else.

Decisions
- The process imports what deciding needs and no more, so that its peak memory is that of `route`.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypedDict

from vlrouterbench.bench.comparison import peak_memory_gib, timed
from vlrouterbench.core.parts.engines import LOCAL, EngineOptions
from vlrouterbench.routing.parts.route_job import RouteRequest, route_job
from vlrouterbench.routing.parts.router_source import RouterSource
from vlrouterbench.routing.parts.shard_rows import ShardReader


class StageFigures(TypedDict):
    """One size: seconds per 1,000 rows by stage on one process, bytes per 1,000 rows, the most memory it takes."""

    rows: int
    images: bool
    look_through_s: float
    read_s: float
    part_s: float
    input_bytes: float
    output_bytes: float
    peak_memory_gib: float


def stages_in_own_process(router: RouterSource, questions: Path, out: Path) -> StageFigures:
    """Measure one size.

    Args:
        router: what decides.
        questions: a folder of tables.
        out: a folder for what is decided, not there yet.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_stages, router, questions, out).result()


def _stages(router: RouterSource, questions: Path, out: Path) -> StageFigures:
    """One size, in this process."""
    job, look_through = timed(lambda: route_job(RouteRequest(router, questions, out)))
    shards = job.job.manifest["input"]["shards"]
    reader, images = ShardReader(questions), "image" in job.job.manifest["input"]["columns"]
    _, read = timed(lambda: [sum(1 for _ in reader.rows(shard["name"], 0, shard["rows"])) for shard in shards])
    _, part = timed(lambda: job.run(EngineOptions(LOCAL, actors=1).open()))
    rows = job.job.manifest["input"]["rows"]
    per = 1000 / rows
    return {
        "rows": rows,
        "images": images,
        "look_through_s": look_through * per,
        "read_s": read * per,
        "part_s": part * per,
        "input_bytes": sum(shard["bytes"] for shard in shards) * per,
        "output_bytes": sum(path.stat().st_size for path in out.iterdir()) * per,
        "peak_memory_gib": peak_memory_gib(),
    }

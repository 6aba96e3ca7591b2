"""`bench scale`: what a question costs when there are very many, by stage and engine, and what 1e8 and 1e9 would cost.

Decisions
- Simulated questions and a linear router over built-in features that is trained here on a simulated benchmark: what is
  measured is the machinery and the encoder, and no figure says anything about a model.
- Stages are timed one by one on one process, at three sizes of texts and two of images: looking the input through
  (digests, rows, ids), reading rows, and the whole of a part (reading, encoding, deciding, writing).
- The plan to 1e8 and 1e9 is a straight line through the three sizes of texts, in seconds of the clock of this machine
  as it was: cores are taken to work side by side, disks not to be what all wait for. It is a fit, not a measurement.
- Engines decide the same questions with images, each on two processes. Where Ray is not installed there is no ratio.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.bench.comparison import peak_memory_gib, timed
from vlrouterbench.bench.encode import make_samples
from vlrouterbench.core.parts.engines import LOCAL, RAY, EngineOptions
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.routing.parts.route_job import RouteRequest, route_job
from vlrouterbench.routing.parts.router_source import RouterSource
from vlrouterbench.routing.parts.shard_rows import ShardReader
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

TEXTS, IMAGES, OF_ENGINES = (10_000, 100_000, 1_000_000), (10_000, 30_000), 20_000
PLANNED = (10**8, 10**9)
_SHARD_ROWS, _GROUP_ROWS, _DISTINCT_IMAGES, _ACTORS = 20_000, 1_000, 200, 2
_KINDS = ("count", "chart", "colour", "proof", "text", "map", "sign", "table", "angle", "price")
_HASH_BYTES = 8
"""Of an id on the disk while ids are counted."""


class StageFigures(TypedDict):
    """One size: seconds per 1,000 rows by stage on one process, bytes per 1,000 rows, memory of this process so far."""

    rows: int
    images: bool
    look_through_s: float
    read_s: float
    part_s: float
    input_bytes: float
    output_bytes: float
    peak_memory_gib: float


class Plan(TypedDict):
    """What a number of rows would cost, by the fit."""

    rows: int
    core_hours: float
    look_through_hours: float
    input_gib: float
    output_gib: float
    ids_on_disk_gib: float


class ScaleFigures(TypedDict):
    """`bench scale`; `ratio` is Ray's rows per second over those of the local engine, None without Ray."""

    name: str
    ours: float | None
    baseline: float
    ratio: float | None
    unit: str
    ratio_reason: str | None
    rows_per_s: dict[str, float | None]
    rows_of_engines: int
    actors: int
    stages: list[StageFigures]
    plan: list[Plan]
    load_average: float
    cores: int
    scale: float
    simulated: bool


def bench_scale(*, scale: float = 1.0) -> ScaleFigures:
    """Measure at a share of the full sizes.

    Returns:
        `rows_per_s` by engine and their ratio (contract's section 7), seconds and bytes per 1,000 rows by stage and
        size, and the plan to 1e8 and 1e9 rows.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as name:
        folder = Path(name)
        router = RouterSource(str(_trained(folder)))
        sizes = [(rows, False) for rows in TEXTS] + [(rows, True) for rows in IMAGES]
        stages = [
            _stages(folder / str(place), router, _share(rows, scale), images)
            for place, (rows, images) in enumerate(sizes)
        ]
        rows = _share(OF_ENGINES, scale)
        questions = _questions(folder / "engines", rows, images=True)
        seconds: dict[str, float | None] = {}
        for engine in (LOCAL, RAY):
            installed = engine == LOCAL or find_spec("ray") is not None
            seconds[engine] = _seconds(router, questions, folder / f"out-{engine}", engine) if installed else None
    ours, baseline = seconds[RAY], seconds[LOCAL] or 0.0
    return {
        "name": "scale",
        "ours": ours,
        "baseline": baseline,
        "ratio": None if ours is None else baseline / ours,
        "unit": "s",
        "ratio_reason": None if ours is not None else "ray is not installed: pip install 'vlrouterbench[ray]'",
        "rows_per_s": {name: None if taken is None else rows / taken for name, taken in seconds.items()},
        "rows_of_engines": rows,
        "actors": _ACTORS,
        "stages": stages,
        "plan": [planned(stages, many) for many in PLANNED],
        "load_average": load,
        "cores": os.cpu_count() or 1,
        "scale": scale,
        "simulated": True,
    }


def planned(stages: list[StageFigures], rows: int) -> Plan:
    """What a number of text rows would cost: a straight line through the measured sizes."""
    texts = [stage for stage in stages if not stage["images"]]

    def at(name: str) -> float:
        """Seconds or bytes of all rows."""
        sizes = [stage["rows"] for stage in texts]
        totals = [values[name] * stage["rows"] / 1000 for stage in texts if (values := _numbers(stage))]
        slope, start = np.polyfit(sizes, totals, 1)
        return float(max(slope, 0.0) * rows + max(start, 0.0))

    return {
        "rows": rows,
        "core_hours": at("part_s") / 3600,
        "look_through_hours": at("look_through_s") / 3600,
        "input_gib": at("input_bytes") / 2**30,
        "output_gib": at("output_bytes") / 2**30,
        "ids_on_disk_gib": _HASH_BYTES * rows / 2**30,
    }


def _numbers(stage: StageFigures) -> Mapping[str, Any]:
    return stage


def _share(rows: int, scale: float) -> int:
    return max(40, round(rows * scale))


def _trained(folder: Path) -> Path:
    """A linear router over built-in features, trained on a simulated benchmark."""
    build_from_logs(simulate_logs(num_samples=400, seed=0, difficulty="moderate"), folder / "benchmark")
    table = load_table(folder / "benchmark")
    problem = Problem(table, encode_benchmark(table))
    save_router(
        train_router("linear", problem, RouterTrainingArguments(cost_weights=(10.0,), num_epochs=5)), folder / "router"
    )
    return folder / "router"


def _questions(folder: Path, rows: int, *, images: bool) -> Path:
    """Shards of simulated questions, of six words each; with images, each of one of a few hundred of 512 px."""
    folder.mkdir(parents=True)
    pictures = make_samples(min(rows, _DISTINCT_IMAGES))[1] if images else []
    for shard, start in enumerate(range(0, rows, _SHARD_ROWS)):
        stop = min(rows, start + _SHARD_ROWS)
        drawn = np.random.default_rng(shard).integers(0, len(_KINDS), (stop - start, 6))
        columns: dict[str, list[Any]] = {
            "sample_id": [f"q{number}" for number in range(start, stop)],
            "question": ["What " + " ".join(_KINDS[place] for place in row) + "?" for row in drawn],
        }
        if images:
            cells = [{"bytes": content, "path": None} for content in pictures]
            columns["image"] = [cells[number % len(cells)] for number in range(start, stop)]
        _write_groups(folder / f"questions-{shard:05d}.parquet", columns, stop - start)
    return folder


def _write_groups(path: Path, columns: Mapping[str, list[Any]], rows: int) -> None:
    """Write a shard group by group: as one table all of its images would be in memory, and count as the job's."""
    writer: pq.ParquetWriter | None = None
    for first in range(0, rows, _GROUP_ROWS):
        group = pa.table({name: cells[first : first + _GROUP_ROWS] for name, cells in columns.items()})
        writer = writer or pq.ParquetWriter(path, group.schema)
        writer.write_table(group)
    if writer is not None:
        writer.close()


def _stages(folder: Path, router: RouterSource, rows: int, images: bool) -> StageFigures:
    questions, out = _questions(folder / "questions", rows, images=images), folder / "out"
    job, look_through = timed(lambda: route_job(RouteRequest(router, questions, out)))
    reader, shards = ShardReader(questions), job.job.manifest["input"]["shards"]
    _, read = timed(lambda: [sum(1 for _ in reader.rows(shard["name"], 0, shard["rows"])) for shard in shards])
    _, part = timed(lambda: job.run(EngineOptions(LOCAL, actors=1).open()))
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


def _seconds(router: RouterSource, questions: Path, out: Path, engine: str) -> float:
    """Seconds that an engine takes, its start included."""
    job = route_job(RouteRequest(router, questions, out, parts=8))
    return timed(lambda: job.run(EngineOptions(engine, actors=_ACTORS).open()))[1]

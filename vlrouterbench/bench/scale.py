"""`bench scale`: what a question costs when there are very many, by stage and engine, and what 1e8 and 1e9 would cost.

Decisions
- Simulated questions and a linear router over built-in features that is trained here on a simulated benchmark: what is
  measured is the machinery and the encoder, and no figure says anything about a model.
- Stages are timed one by one on one process, at three sizes of texts and two of images: looking the input through
  (digests, rows, ids), reading rows, and the whole of a part (reading, encoding, deciding, writing).
- The plan to 1e8 and 1e9 is a straight line through the three sizes of texts, in seconds of the clock of this machine
  as it was: cores are taken to work side by side, disks not to be what all wait for. It is a fit, not a measurement.
- Each size is done by a process of its own, whose peak memory is the job's alone; questions are made before.
- Engines decide the same questions with images, each on two processes, their start included. Where Ray is not installed
  there is no ratio. Two processes against one: `scale_processes.py`.
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

from vlrouterbench.bench.comparison import timed
from vlrouterbench.bench.encode import make_samples
from vlrouterbench.bench.scale_processes import ProcessFigures, compare_processes
from vlrouterbench.bench.scale_stages import StageFigures, stages_in_own_process
from vlrouterbench.core.errors import unknown_name
from vlrouterbench.core.parts.engines import LOCAL, RAY, EngineOptions
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.routing.parts.route_job import RouteRequest, route_job
from vlrouterbench.routing.parts.router_source import RouterSource
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

TEXTS, IMAGES, OF_ENGINES, OF_PROCESSES = (10_000, 100_000, 1_000_000), (10_000, 30_000), 20_000, 10_000
WHAT = ("texts", "images", "engines", "processes")
"""What can be measured alone."""
PLANNED = (10**8, 10**9)
_SHARD_ROWS, _GROUP_ROWS, _DISTINCT_IMAGES, _ACTORS = 20_000, 1_000, 200, 2
_KINDS = ("count", "chart", "colour", "proof", "text", "map", "sign", "table", "angle", "price")
_HASH_BYTES = 8
"""Of an id on the disk while ids are counted."""


class Plan(TypedDict):
    """What a number of rows would cost, by the fit."""

    rows: int
    core_hours: float
    look_through_hours: float
    input_gib: float
    output_gib: float
    ids_on_disk_gib: float


class ScaleFigures(TypedDict):
    """`bench scale`; `ratio` is Ray's rows per second over those of the local engine, None without Ray.

    What was not asked for is None, or an empty list.
    """

    name: str
    ours: float | None
    baseline: float | None
    ratio: float | None
    unit: str
    ratio_reason: str | None
    rows_per_s: dict[str, float | None]
    rows_of_engines: int
    actors: int
    processes: ProcessFigures | None
    stages: list[StageFigures]
    plan: list[Plan]
    load_average: float
    cores: int
    scale: float
    simulated: bool


def bench_scale(*, scale: float = 1.0, only: str | None = None) -> ScaleFigures:
    """Measure at a share of the full sizes.

    Args:
        scale: the share.
        only: one of WHAT; None for all of it.

    Returns:
        `rows_per_s` by engine and their ratio (contract's section 7), seconds and bytes per 1,000 rows by stage and
        size, the plan to 1e8 and 1e9 rows, and two processes against one.

    Raises:
        UnknownNameError: nothing of that name can be measured.
    """
    if only not in (None, *WHAT):
        raise unknown_name("part of bench scale", str(only), WHAT)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    sizes = [(rows, False) for rows in TEXTS] * (only in (None, "texts"))
    sizes += [(rows, True) for rows in IMAGES] * (only in (None, "images"))
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as name:
        folder = Path(name)
        router = RouterSource(str(_trained(folder)))
        stages = list[StageFigures]()
        for place, (rows, images) in enumerate(sizes):
            questions = _questions(folder / str(place), _share(rows, scale), images=images)
            stages.append(stages_in_own_process(router, questions, folder / f"out-{place}"))
        processes = None
        if only in (None, "processes"):
            questions = _questions(folder / "processes", _share(OF_PROCESSES, scale), images=True)
            processes = compare_processes(router, questions, folder / "out-processes")
        rows = _share(OF_ENGINES, scale)
        seconds = _of_engines(folder, router, rows) if only in (None, "engines") else dict.fromkeys((LOCAL, RAY))
    ours, baseline = seconds[RAY], seconds[LOCAL]
    return {
        "name": "scale",
        "ours": ours,
        "baseline": baseline,
        "ratio": None if ours is None or baseline is None else baseline / ours,
        "unit": "s",
        "ratio_reason": _why_no_ratio(seconds),
        "rows_per_s": {name: None if taken is None else rows / taken for name, taken in seconds.items()},
        "rows_of_engines": rows,
        "actors": _ACTORS,
        "processes": processes,
        "stages": stages,
        "plan": [planned(stages, many) for many in PLANNED] if only in (None, "texts") else [],
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


def _of_engines(folder: Path, router: RouterSource, rows: int) -> dict[str, float | None]:
    """Seconds of each engine, None of one that is not installed."""
    questions, seconds = _questions(folder / "engines", rows, images=True), dict[str, float | None]()
    for engine in (LOCAL, RAY):
        installed = engine == LOCAL or find_spec("ray") is not None
        seconds[engine] = _seconds(router, questions, folder / f"out-{engine}", engine) if installed else None
    return seconds


def _why_no_ratio(seconds: Mapping[str, float | None]) -> str | None:
    if seconds[LOCAL] is None:
        return "engines were not compared"
    return None if seconds[RAY] is not None else "ray is not installed: pip install 'vlrouterbench[ray]'"


def _seconds(router: RouterSource, questions: Path, out: Path, engine: str) -> float:
    """Seconds that an engine takes, its start included."""
    job = route_job(RouteRequest(router, questions, out, parts=8))
    return timed(lambda: job.run(EngineOptions(engine, actors=_ACTORS).open()))[1]

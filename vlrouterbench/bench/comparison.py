"""What every comparison gives back, and how it takes time and memory."""

from __future__ import annotations

import re
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import numpy as np

Result = TypeVar("Result")
Item = TypeVar("Item")


class Comparison(TypedDict):
    """Our time and a baseline's for the same work in the same run; a comparison may add figures of its own.

    Attributes:
        name: as `bench` is called with.
        ours, baseline: in `unit`.
        ratio: baseline over ours: above 1 where ours is faster.
        unit: "s", "ms", or a longer one.
    """

    name: str
    ours: float
    baseline: float
    ratio: float
    unit: str


def compared(name: str, *, ours: float, baseline: float, unit: str = "s") -> Comparison:
    """A comparison with its ratio."""
    return {"name": name, "ours": ours, "baseline": baseline, "ratio": baseline / ours, "unit": unit}


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result of some work, and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def median_ms(work: Callable[[Item], Any], items: Iterable[Item]) -> float:
    """Median milliseconds of a piece of work over the items that it is done for."""
    seconds = []
    for item in items:
        start = time.perf_counter()
        work(item)
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


class Spread(TypedDict):
    """Percentiles of milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


def spread(took_ms: Sequence[float]) -> Spread:
    """Percentiles of some times in milliseconds."""
    p50, p95, p99 = np.percentile(took_ms, (50, 95, 99))
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}


def resident_mib(pid: int) -> float | None:
    """Resident memory of a process, None where the system does not tell it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    return None if resident is None else int(resident.group(1)) / 1024


def peak_memory_gib(who: int = resource.RUSAGE_SELF) -> float:
    """The most resident memory of this process so far; of its largest finished child with RUSAGE_CHILDREN."""
    return resource.getrusage(who).ru_maxrss / 2**20

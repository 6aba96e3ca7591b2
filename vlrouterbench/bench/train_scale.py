"""`bench train-scale`: training the flagship on 30,000 and on many more simulated rows of features.

Decisions
- Both are trained by the command `train`, each in a process of its own, from features that are there. Seconds are of
  the clock and of the processor, imports included; memory is the most that was resident, mapped files included.
- Test rows, validation rows and bounds of cost are the same for both, so that Rank Scores can be compared.
- `ours` is seconds of the processor per 1,000 rows of the larger split, `baseline` of the smaller: a ratio of 1 is
  linear time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TypedDict

from vlrouterbench.bench.comparison import Comparison, compared
from vlrouterbench.bench.feature_rows import write_feature_benchmark
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.auto import AutoRouter

SMALLER, LARGER, FAMILY = 30_000, 1_000_000, "flagship"
_LEAST = 200


class TrainedFigures(TypedDict):
    """One training: rows that it was given, what it took, and its Rank Score on the test rows."""

    rows: int
    seconds: float
    processor_s: float
    peak_memory_gib: float
    router_mib: float
    accuracy: float
    average_cost_usd: float
    rank_score: float


class TrainScaleComparison(Comparison):
    """`bench train-scale`."""

    family: str
    trained: list[TrainedFigures]
    load_average: float
    cores: int
    scale: float
    simulated: bool


def bench_train_scale(*, scale: float = 1.0, family: str = FAMILY) -> TrainScaleComparison:
    """Train on 30,000 rows and on a share of a million.

    Args:
        scale: of the larger split; the smaller is not larger than that.
        family: what is trained.

    Returns:
        Seconds of the processor per 1,000 rows and their ratio (contract's section 7), and each training's figures.

    Raises:
        RouterError: a training failed.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    larger = max(_LEAST, round(LARGER * scale))
    trained = []
    for rows in (min(SMALLER, larger // 2), larger):
        with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
            trained.append(_trained(write_feature_benchmark(Path(folder) / "benchmark", rows), family, rows))
    baseline, ours = (1000 * one["processor_s"] / one["rows"] for one in trained)
    return {
        **compared("train-scale", ours=ours, baseline=baseline),
        "family": family,
        "trained": trained,
        "load_average": load,
        "cores": os.cpu_count() or 1,
        "scale": scale,
        "simulated": True,
    }


def _trained(benchmark: Path, family: str, rows: int) -> TrainedFigures:
    out = benchmark.with_name("router")
    seconds, processor, peak = run_training(benchmark, family, out)
    table = load_table(benchmark)
    test, features = table.split("test"), encode_benchmark(table)
    decisions = AutoRouter.from_pretrained(str(out)).decide(features.of(test)).numpy()
    accuracy, cost = (float(chosen_values(matrix, decisions).mean()) for matrix in (test.quality, test.cost))
    return {
        "rows": rows,
        "seconds": seconds,
        "processor_s": processor,
        "peak_memory_gib": peak,
        "router_mib": sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 2**20,
        "accuracy": accuracy,
        "average_cost_usd": cost,
        "rank_score": float(table.goal.rank_score(accuracy, cost)),
    }


def run_training(benchmark: Path, family: str, out: Path) -> tuple[float, float, float]:
    """Seconds of the clock, seconds of the processor and peak memory (GiB) of the command `train`.

    Raises:
        RouterError: it failed.
    """
    command = [sys.executable, "-m", "vlrouterbench", "train", str(benchmark), "--router", family, "--out", str(out)]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RouterError(f"training {family} failed: {said.read()[-500:].decode(errors='replace')}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20

"""`bench build`: what pandas with openpyxl takes to read a tree of logs, against our reading and our whole build.

Decisions
- Same files, same run, one after the other; the baseline reads and does nothing else.
- Our reading verifies every member's checksum, which the baseline's does too.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from vlrouterbench.bench.log_tree import log_files, make_log_tree
from vlrouterbench.data.build import BuildOptions, build_benchmark, home_folder
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table


def bench_build(*, scale: float = 1.0, num_proc: int = 2) -> dict[str, Any]:
    """Compare reading and building at a share of the published size.

    Returns:
        Seconds and ratios (contract's section 7); `ratio` is baseline reading over our whole build.
    """
    tree = make_log_tree(home_folder() / "bench", scale=scale, num_proc=num_proc)
    files = log_files(tree)
    baseline = _seconds(lambda: _read_with_pandas(files))
    reading = _seconds(lambda: [read_text_table(path) for path in files])
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        out = Path(folder) / "benchmark"
        ours = _seconds(lambda: build_benchmark(tree, out, BuildOptions(num_proc=num_proc)))
    return {
        "name": "build",
        "ours": ours,
        "baseline": baseline,
        "ratio": baseline / ours,
        "unit": "s",
        "reading": reading,
        "reading_ratio": baseline / reading,
        "files": len(files),
        "scale": scale,
        "peak_memory_gib": _peak_memory_gib(num_proc),
    }


def _peak_memory_gib(num_proc: int) -> float:
    """An upper bound: this process, and as many reading processes as there were, each as large as the largest."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + num_proc * child) / 2**20


def _read_with_pandas(files: list[Path]) -> None:
    import pandas

    for path in files:
        pandas.read_excel(path, engine="openpyxl")


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start

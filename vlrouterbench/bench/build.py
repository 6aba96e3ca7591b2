"""`bench build`: what pandas with openpyxl takes to read a tree of logs, against our reading and our whole build.

Decisions
- Same files, same run, one after the other; the baseline reads and does nothing else.
- Our reading verifies every member's checksum, which the baseline's does too.
"""

from __future__ import annotations

import resource
import tempfile
from pathlib import Path

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib, timed
from vlrouterbench.bench.log_tree import log_files, make_log_tree
from vlrouterbench.data.build import BuildOptions, build_benchmark, home_folder
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table


class BuildComparison(Comparison):
    """`bench build`; `reading` is our reading alone, in seconds."""

    reading: float
    reading_ratio: float
    files: int
    scale: float
    peak_memory_gib: float


def bench_build(*, scale: float = 1.0, num_proc: int = 2) -> BuildComparison:
    """Compare reading and building at a share of the published size.

    Returns:
        Seconds and ratios (contract's section 7); `ratio` is baseline reading over our whole build.
    """
    tree = make_log_tree(home_folder() / "bench", scale=scale, num_proc=num_proc)
    files = log_files(tree)
    _, baseline = timed(lambda: _read_with_pandas(files))
    _, reading = timed(lambda: [read_text_table(path) for path in files])
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        out = Path(folder) / "benchmark"
        _, ours = timed(lambda: build_benchmark(tree, out, BuildOptions(num_proc=num_proc)))
    return {
        **compared("build", ours=ours, baseline=baseline),
        "reading": reading,
        "reading_ratio": baseline / reading,
        "files": len(files),
        "scale": scale,
        "peak_memory_gib": _memory_bound_gib(num_proc),
    }


def _memory_bound_gib(num_proc: int) -> float:
    """An upper bound: this process, and as many reading processes as there were, each as large as the largest."""
    return peak_memory_gib() + num_proc * peak_memory_gib(resource.RUSAGE_CHILDREN)


def _read_with_pandas(files: list[Path]) -> None:
    import pandas

    for path in files:
        pandas.read_excel(path, engine="openpyxl")

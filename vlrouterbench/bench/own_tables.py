"""`bench own-tables`: a million samples by 17 candidates from own tables, against pandas reading and pivoting them.

Decisions
- Text only, so that the figure is about rows and not about images.
- Our build runs in a process of its own: its peak memory is then its own, without what made the tables.
- The baseline joins nothing, checks nothing and writes nothing: it reads both tables and makes the two matrices.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib, timed
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.table import load_table

NUM_SAMPLES = 1_000_000
_ROWS_PER_PART = 50_000
_WORDS = 500


class OwnTablesComparison(Comparison):
    """`bench own-tables`; `loading` are the seconds of `load_table`."""

    samples: int
    loading: float
    scale: float
    peak_memory_gib: float


def bench_own_tables(*, scale: float = 1.0) -> OwnTablesComparison:
    """Compare at a share of a million samples.

    Returns:
        Seconds and ratio (contract's section 7), the build's peak memory, and the seconds that `load_table` takes.
    """
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        source, out = Path(folder) / "tables", Path(folder) / "benchmark"
        write_tables(source, num_samples=max(20, round(NUM_SAMPLES * scale)))
        _, baseline = timed(lambda: _pivot_with_pandas(source))
        command = [sys.executable, "-m", "vlrouterbench", "build", str(source), "--out", str(out)]
        _, ours = timed(lambda: subprocess.run(command, check=True, capture_output=True))
        memory = peak_memory_gib(resource.RUSAGE_CHILDREN)
        table, loading = timed(lambda: load_table(out))
    return {
        **compared("own-tables", ours=ours, baseline=baseline),
        "samples": len(table),
        "loading": loading,
        "scale": scale,
        "peak_memory_gib": memory,
    }


def write_tables(folder: Path, *, num_samples: int) -> None:
    """Own tables of nonsense questions, every candidate of the published pool measured on each."""
    folder.mkdir(parents=True)
    rng, pool = np.random.default_rng(0), published_pool()
    words = np.array([f"word{number}" for number in range(_WORDS)])
    sample_ids = [f"s{number:07d}" for number in range(num_samples)]
    questions = [" ".join(words[row]) for row in rng.integers(_WORDS, size=(num_samples, 12))]
    datasets = [f"d{number % 20}" for number in range(num_samples)]
    samples = pa.table({"sample_id": sample_ids, "question": questions, "dataset": datasets})
    pq.write_table(samples, folder / "samples.parquet")
    kinds = {"sample_id": pa.string(), "candidate": pa.string(), "quality": pa.float32()}
    schema = pa.schema([*kinds.items(), ("input_tokens", pa.int32()), ("output_tokens", pa.int32())])
    with pq.ParquetWriter(folder / "outcomes.parquet", schema) as writer:
        for start in range(0, num_samples, _ROWS_PER_PART):
            part = np.array(sample_ids[start : start + _ROWS_PER_PART], dtype=object)
            count = len(part) * len(pool)
            values = {
                "sample_id": np.repeat(part, len(pool)),
                "candidate": list(pool.names) * len(part),
                "quality": rng.integers(0, 2, count).astype(np.float32),
                "input_tokens": rng.integers(200, 400, count).astype(np.int32),
                "output_tokens": rng.integers(1, 400, count).astype(np.int32),
            }
            writer.write_table(pa.table(values, schema=schema))
    prices = "".join(f"{c.name},{c.input_price},{c.output_price}\n" for c in pool.candidates)
    (folder / "candidates.csv").write_text(f"name,input_price,output_price\n{prices}", encoding="utf-8")


def _pivot_with_pandas(folder: Path) -> None:
    import pandas

    pandas.read_parquet(folder / "samples.parquet")
    outcomes = pandas.read_parquet(folder / "outcomes.parquet")
    for name in ("quality", "output_tokens"):
        outcomes.pivot(index="sample_id", columns="candidate", values=name)

"""`bench encode-cache`: encoding a benchmark of 3,000 images of 512 px, against reading its features again.

Decisions
- Both runs are `encode_benchmark` in this process, on one thread: what a second run saves is the work, not the start of
  Python.
- A third run is of a benchmark that shares all inputs but has other tables: it finds what was read by content, and only
  fits again.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib, timed
from vlrouterbench.bench.encode import make_samples
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark

NUM_SAMPLES = 3000


class EncodeCacheComparison(Comparison):
    """`bench encode-cache`; `refit` are the seconds of a run that only fits again."""

    samples: int
    refit: float
    stored_mib: float
    scale: float
    peak_memory_gib: float


def bench_encode_cache(*, scale: float = 1.0) -> EncodeCacheComparison:
    """Compare at a share of 3,000 samples.

    Returns:
        Seconds of the first and the second run and their ratio (contract's section 7), the seconds of a run that only
        fits again, bytes stored, and peak memory.
    """
    num_samples = max(20, round(NUM_SAMPLES * scale))
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        source, out = Path(folder) / "tables", Path(folder) / "benchmark"
        write_tables(source, num_samples)
        build_benchmark(source, out)
        table = load_table(out)
        features, first = timed(lambda: encode_benchmark(table))
        _, second = timed(lambda: encode_benchmark(table))
        features.path.unlink()
        _, refit = timed(lambda: encode_benchmark(table))
        stored = sum(file.stat().st_size for file in features.path.parent.rglob("*") if file.is_file())
    return {
        **compared("encode-cache", ours=second, baseline=first),
        "samples": num_samples,
        "refit": refit,
        "stored_mib": stored / 2**20,
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(),
    }


def write_tables(folder: Path, num_samples: int) -> None:
    """Own tables with an image for each of `num_samples` nonsense questions, and two candidates."""
    (folder / "images").mkdir(parents=True)
    samples, outcomes = [], []
    for number, (sample, image) in enumerate(zip(*make_samples(num_samples), strict=True)):
        suffix = "jpg" if image.startswith(b"\xff\xd8") else "png"
        name = f"images/{number}.{suffix}"
        (folder / name).write_bytes(image)
        row = {"sample_id": f"s{number:05d}", "question": sample.question, "options": list(sample.options)}
        samples.append({**row, "image": name})
        for quality, candidate in enumerate(("small", "large")):
            counts = {"input_tokens": 100 + number % 7, "output_tokens": 10 + number % 5}
            outcomes.append({"sample_id": row["sample_id"], "candidate": candidate, "quality": quality, **counts})
    for name, rows in (("samples", samples), ("outcomes", outcomes)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    prices = "name,input_price,output_price\nsmall,0.1,0.1\nlarge,2,8\n"
    (folder / "candidates.csv").write_text(prices, encoding="utf-8")

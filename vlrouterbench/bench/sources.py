"""`bench sources`: what pandas takes to read the published forms' files, against our whole build of each.

Decisions
- The same files, one form after the other; the baseline reads them and does nothing else: no join, no check, no output.
- Text only, so that the figure is about rows. A million pairs in the long form, as many in the others together.
- A csv or parquet file is read by pandas in a small part of the time that splits, digests, a card and sharded tables
  take: the ratio of such a form is below 1. Workbooks, which most published outcomes are, decide the whole.
- Our builds run in one process of their own, so that its peak memory is theirs alone; its start counts as ours.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from vlrouterbench.bench.comparison import Comparison, compared, peak_memory_gib, timed

NUM_MODELS = 10
_PROGRAM = """
import json, sys, time
from vlrouterbench.data.build import BuildOptions, build_benchmark
from pathlib import Path

root, seconds = Path(sys.argv[1]), {}
for name in sys.argv[2:]:
    start = time.perf_counter()
    build_benchmark(root / name, root / f"out-{name}", BuildOptions(candidates=root / "candidates.csv"))
    seconds[name] = time.perf_counter() - start
print(json.dumps(seconds))
"""


class SourcesComparison(Comparison):
    """`bench sources`; `per_form` are the ratios of each form, `pairs` how many pairs each has."""

    per_form: dict[str, float]
    pairs: dict[str, int]
    scale: float
    peak_memory_gib: float


def bench_sources(*, scale: float = 1.0) -> SourcesComparison:
    """Compare at a share of the full size.

    Returns:
        Seconds and ratio (contract's section 7) over all forms, the ratio of each, and the builds' peak memory.
    """
    sizes = {name: max(20, round(count * scale)) for name, (count, _, _) in _FORMS.items()}
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        root, baseline = Path(folder), dict[str, float]()
        rows = "".join(f"m{place},{0.1 * (place + 1):.1f},{0.4 * (place + 1):.1f}\n" for place in range(NUM_MODELS))
        (root / "candidates.csv").write_text(f"name,input_price,output_price\n{rows}", encoding="utf-8")
        for name, (_, write, read) in _FORMS.items():
            write(root / name, sizes[name])
            _, baseline[name] = timed(lambda read=read, name=name: read(root / name))  # type: ignore[misc]
        command = [sys.executable, "-c", _PROGRAM, folder, *_FORMS]
        said, ours = timed(lambda: subprocess.run(command, check=True, capture_output=True, text=True))
        seconds = json.loads(said.stdout.splitlines()[-1])
    return {
        **compared("sources", ours=ours, baseline=sum(baseline.values())),
        "per_form": {name: baseline[name] / seconds[name] for name in _FORMS},
        "pairs": {name: count * NUM_MODELS for name, count in sizes.items()},
        "scale": scale,
        "peak_memory_gib": peak_memory_gib(resource.RUSAGE_CHILDREN),
    }


def _question(number: int) -> str:
    return f"Which of the {number % 97} boxes in picture {number} is {('red', 'blue', 'green')[number % 3]}?"


def _quality(number: int, place: int) -> float:
    return float((number + 1) % (2 + place) > 0)


def _write_long(folder: Path, count: int) -> None:
    """EmbedLLM's table: a row per prompt and model."""
    folder.mkdir()
    numbers, places = np.repeat(np.arange(count), NUM_MODELS), np.tile(np.arange(NUM_MODELS), count)
    questions = pa.array([_question(number) for number in range(count)])
    table = pa.table(
        {
            "prompt_id": numbers,
            "model_id": places,
            "category_id": np.zeros(len(numbers), np.int64),
            "label": ((numbers + 1) % (2 + places) > 0).astype(np.int64),
            "prompt": questions.take(pa.array(numbers)),
            "model_name": pa.array([f"m{place}" for place in range(NUM_MODELS)]).take(pa.array(places)),
            "category": pa.array(["mmlu"]).take(pa.array(np.zeros(len(numbers), np.int64))),
        }
    )
    pyarrow.csv.write_csv(table, folder / "train.csv")


def _write_wide(folder: Path, count: int) -> None:
    """RouterBench's table: a row per sample."""
    folder.mkdir()
    columns: dict[str, object] = {
        "sample_id": [f"mmlu.{number}" for number in range(count)],
        "prompt": [_question(number) for number in range(count)],
        "eval_name": ["mmlu"] * count,
    }
    for place in range(NUM_MODELS):
        columns[f"m{place}"] = [_quality(number, place) for number in range(count)]
        columns[f"m{place}|total_cost"] = [1e-5 * (place + 1)] * count
    pyarrow.csv.write_csv(pa.table(columns), folder / "routerbench.csv")


def _write_results(folder: Path, count: int) -> None:
    """MMR-Bench's second release."""
    (folder / "data" / "instances").mkdir(parents=True)
    ids, same = [f"BLINK_{number}" for number in range(count)], ["BLINK"] * count
    instances = {"sample_id": ids, "benchmark": same, "prompt_text": [_question(number) for number in range(count)]}
    pq.write_table(pa.table(instances), folder / "data" / "instances" / "BLINK.parquet")
    for place in range(NUM_MODELS):
        results = {"sample_id": ids, "benchmark": same, "model_id": [f"m{place}"] * count, "status": ["ok"] * count}
        results |= {
            "cost_unit": ["USD"] * count,
            "prediction": [f"The answer is {number % 7}." for number in range(count)],
        }
        table = pa.table(results | {"score": [_quality(n, place) for n in range(count)], "cost": [1e-6] * count})
        path = folder / "data" / "results" / f"m{place}" / "BLINK.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table, path)


def _write_samples(folder: Path, count: int) -> None:
    """lmms-eval's logged samples."""
    for place in range(NUM_MODELS):
        path = folder / f"org__m{place}" / "20260101_000000_samples_task.jsonl"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8") as handle:
            for number in range(count):
                sample = {"doc_id": number, "target": "B", "filtered_resps": f"B, as {number % 7} of them show."}
                sample |= {"doc_hash": "0" * 64, "exact_match": _quality(number, place), "input": _question(number)}
                handle.write(json.dumps(sample) + "\n")


def _write_records(folder: Path, count: int) -> None:
    """OpenVLMRecords: a workbook of predictions per model and dataset."""
    import pandas

    for place in range(NUM_MODELS):
        path = folder / "mmeval" / f"m{place}"
        path.mkdir(parents=True)
        rows = {"index": range(count), "question": [_question(number) for number in range(count)]}
        rows |= {letter: [f"{letter} {number}" for number in range(count)] for letter in "ABCD"}
        rows |= {"answer": ["ABCD"[number % 4] for number in range(count)]}
        said = ["ABCD"[(number + (not _quality(number, place))) % 4] for number in range(count)]
        pandas.DataFrame(rows | {"prediction": said}).to_excel(path / f"m{place}_MMStar.xlsx", index=False)


def _read_workbooks(folder: Path) -> None:
    import pandas

    for path in folder.rglob("*.xlsx"):
        pandas.read_excel(path, engine="openpyxl")


def _read_csv(folder: Path) -> None:
    import pandas

    for path in folder.glob("*.csv"):
        pandas.read_csv(path)


def _read_parquet(folder: Path) -> None:
    import pandas

    for path in folder.rglob("*.parquet"):
        pandas.read_parquet(path)


def _read_lines(folder: Path) -> None:
    import pandas

    for path in folder.rglob("*.jsonl"):
        pandas.read_json(path, lines=True)


_FORMS: dict[str, tuple[int, Callable[[Path, int], None], Callable[[Path], None]]] = {
    "embedllm": (100_000, _write_long, _read_csv),
    "routerbench": (30_000, _write_wide, _read_csv),
    "mmr-bench": (30_000, _write_results, _read_parquet),
    "lmms-eval": (30_000, _write_samples, _read_lines),
    "openvlmrecords": (10_000, _write_records, _read_workbooks),
}
"""Form -> samples at full size, what writes its files, and how pandas reads them."""

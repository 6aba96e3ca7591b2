"""The embedded benchmark: drawn samples with simulated outcomes, as a source like any other.

Decisions
- The real pool of 17 candidates with its prices, the 14 dataset names in the proportions of their inferred sizes. With
  30,540 samples it has the published benchmark's size, and with the difficulty `published` its oracle, strongest and
  cheapest candidate have the published accuracies and costs (`accuracies.py`, `skills.py` say what is calibrated and
  what is invented).
- An item depends on the seed, its dataset and its number alone: the same seed gives the same bytes, in one process or
  several, and a larger benchmark contains the smaller one.
- Everything that shows its numbers says "simulated"; the flag travels in the build report.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from PIL import Image

from vlrouterbench.core.constants import task_group_of
from vlrouterbench.core.errors import SourceError, unknown_name
from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.simulation.accuracies import INFERRED_SIZES
from vlrouterbench.data.simulation.draw import draw_item
from vlrouterbench.data.simulation.item import DrawnItem
from vlrouterbench.data.simulation.skills import (
    DEFAULT_DIFFICULTY,
    DIFFICULTIES,
    named_difficulty,
    simulate_outcomes,
)
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA, SAMPLE_SCHEMA, SourceLogs
from vlrouterbench.data.tokens import REFERENCE_IMAGE_TOKENS, count_tokens

DEFAULT_NUM_SAMPLES = 3_000
SIMULATOR_VERSION = 4
"""Raised whenever the same seed would draw something else."""
SIMULATED_NAME = "vl-routerbench-simulated"
_JPEG_QUALITY = 88
_Task = tuple[str, int, tuple[int, int]]
"""(dataset, seed, key) of one item."""


@dataclass(frozen=True)
class _Drawn:
    """A drawn item with its image encoded; the pixels are dropped."""

    item: DrawnItem
    image: bytes


def simulate_logs(
    *,
    num_samples: int = DEFAULT_NUM_SAMPLES,
    seed: int = 0,
    num_proc: int = 1,
    difficulty: str = DEFAULT_DIFFICULTY,
) -> SourceLogs:
    """Draw a benchmark.

    Args:
        num_samples: how many samples; at least one per dataset.
        seed: draws another benchmark, candidates' strengths included.
        num_proc: processes that draw; the result does not depend on it.
        difficulty: how much of an outcome follows from what a sample shows: "moderate", the default; "published", as
            little as the published table has; or "easy". The samples are the same; the benchmark's name says
            which it is, but for the default.

    Raises:
        SourceError: fewer samples than datasets.
        UnknownNameError: no such difficulty.
    """
    difficulty = named_difficulty(difficulty)
    if difficulty not in DIFFICULTIES:
        raise unknown_name("difficulty", difficulty, DIFFICULTIES)
    if num_samples < len(INFERRED_SIZES):
        raise SourceError(f"expected at least {len(INFERRED_SIZES)} samples, one per dataset; found {num_samples}.")
    datasets = _datasets(num_samples)
    keys = _keys(datasets)
    drawn = _draw_all([(dataset, seed, key) for dataset, key in zip(datasets, keys, strict=True)], num_proc)
    pool = published_pool()
    outcomes = simulate_outcomes([d.item for d in drawn], pool.names, seed=seed, keys=keys, difficulty=difficulty)
    sample_ids = [f"{dataset}/{number}" for dataset, (_, number) in zip(datasets, keys, strict=True)]
    samples = _sample_table(drawn, datasets, sample_ids)
    drawn_from = f"simulator seed {seed} samples {num_samples}"
    drawn_from += "" if difficulty == DEFAULT_DIFFICULTY else f" difficulty {difficulty}"
    num_pairs = num_samples * len(pool)
    input_tokens = count_tokens(d.item.question for d in drawn) + REFERENCE_IMAGE_TOKENS
    outcome_table = pa.table(
        {
            "sample_id": np.repeat(np.array(sample_ids, dtype=object), len(pool)),
            "candidate": list(pool.names) * num_samples,
            "quality": outcomes.quality.ravel().astype(np.float32),
            "input_tokens": np.repeat(input_tokens, len(pool)),
            "output_tokens": outcomes.output_tokens.ravel().astype(np.int32),
            "cost_usd": pa.nulls(num_pairs, pa.float64()),
            "prediction": pa.nulls(num_pairs, pa.large_string()),
        },
        schema=OUTCOME_SCHEMA,
    )
    return SourceLogs(
        samples=samples,
        outcomes=outcome_table,
        images=[d.image for d in drawn],
        pool=pool,
        name=SIMULATED_NAME if difficulty == DEFAULT_DIFFICULTY else f"{SIMULATED_NAME}-{difficulty}",
        source_sha256=hashlib.sha256(drawn_from.encode()).hexdigest(),
        simulated=True,
        pairs_read=num_pairs,
    )


def _sample_table(drawn: list[_Drawn], datasets: list[str], sample_ids: list[str]) -> pa.Table:
    return pa.table(
        {
            "sample_id": sample_ids,
            "dataset": datasets,
            "task_group": [task_group_of(dataset) for dataset in datasets],
            "question": [d.item.question for d in drawn],
            "options": [list(d.item.options) for d in drawn],
            "hint": [d.item.hint for d in drawn],
            "group_id": pa.nulls(len(drawn), pa.string()),
            "split": pa.nulls(len(drawn), pa.string()),
        },
        schema=SAMPLE_SCHEMA,
    )


def _datasets(num_samples: int) -> list[str]:
    """Dataset of each sample: one each, the rest shared out by inferred size.

    By Webster's divisors, one sample after the other: by largest remainder a dataset can shrink while the benchmark
    grows, and the larger benchmark would not contain the smaller one.
    """
    sizes, rest = np.array(list(INFERRED_SIZES.values())), num_samples - len(INFERRED_SIZES)
    claims = sizes[:, None] / (np.arange(rest) + 0.5)
    winners = np.argsort(-claims, axis=None, kind="stable")[:rest] // max(1, rest)
    counts = 1 + np.bincount(winners, minlength=len(sizes))
    return [name for name, count in zip(INFERRED_SIZES, counts, strict=True) for _ in range(count)]


def _keys(datasets: list[str]) -> list[tuple[int, int]]:
    """(dataset number, number within the dataset) of each sample."""
    order = {name: index for index, name in enumerate(INFERRED_SIZES)}
    seen: Counter[str] = Counter()
    keys = []
    for dataset in datasets:
        keys.append((order[dataset], seen[dataset]))
        seen[dataset] += 1
    return keys


def _draw_all(tasks: list[_Task], num_proc: int) -> list[_Drawn]:
    if num_proc <= 1:
        return [_draw_one(task) for task in tasks]
    # Spawned, not forked: threads of numerical libraries do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=num_proc, mp_context=context) as pool:
        return list(pool.map(_draw_one, tasks, chunksize=50))


def _draw_one(task: _Task) -> _Drawn:
    dataset, seed, key = task
    item = draw_item(dataset, np.random.default_rng([seed, *key, 0]))
    buffer = io.BytesIO()
    item.image.save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return _Drawn(replace(item, image=Image.new("RGB", (1, 1))), buffer.getvalue())

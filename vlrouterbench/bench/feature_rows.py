"""A benchmark folder of simulated rows that are features alone: as many as wanted, and no image is drawn.

Decisions
- Outcomes are the simulator's (`data/simulation/skills.py`, difficulty `published`): level on the dataset, strengths in
  what an item demands, hidden difficulty. Demands are drawn around each dataset's means instead of read off a drawing.
- A feature vector is a smooth random function of dataset and demands with noise, of the built-in encoders' length: what
  decides is in it, and not linearly. It is no picture of any encoder.
- Rows are drawn in blocks by seed and block: a larger train split contains the smaller one, and validation and test are
  the same whatever its size, as are the bounds of cost, which are those of test.
- The folder is a simulated benchmark of a few drawn samples whose tables are replaced. Features lie where `encode` puts
  them, so that commands take it for any other benchmark.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save_file

from vlrouterbench.core.constants import DATASETS, task_group_of
from vlrouterbench.core.files import sha256_of_files, write_json
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.candidates import CandidatePool, published_pool
from vlrouterbench.data.costs import cost_bounds, pool_cost
from vlrouterbench.data.given_features import digested_files
from vlrouterbench.data.schema import MATRIX_TYPES, sample_file_schema
from vlrouterbench.data.simulation.accuracies import INFERRED_SIZES, PROFILES
from vlrouterbench.data.simulation.item import SKILLS
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.simulation.skills import (
    DIFFICULTIES,
    LENGTH_SPREAD,
    PUBLISHED,
    REASONING_LENGTH,
    candidate_skills,
    demand_means,
    levels,
)
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import feature_path
from vlrouterbench.routers.encoders.builtin.image import IMAGE_DIM
from vlrouterbench.routers.encoders.builtin.text import BUILTIN, BUILTIN_VERSION, TEXT_DIM
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder

HELD_OUT = {"validation": 3_000, "test": 20_000}
"""Rows of the splits that no router is fitted on."""
BLOCK = 10_000
_FEW_DRAWN, _GUESS, _INPUT_TOKENS, _NOISE = 14, 0.02, 300.0, 0.5
_CONCENTRATION = 8.0
"""Of an item's shares of skills around its dataset's."""
_STREAMS = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True)
class _Rows:
    """A block of rows: dataset numbers (num_rows,), features (num_rows, dim), matrices (num_rows, num_candidates)."""

    datasets: np.ndarray
    features: np.ndarray
    matrices: dict[str, np.ndarray]


def write_feature_benchmark(folder: Path, num_train: int, *, seed: int = 0) -> Path:
    """Write a benchmark folder with `num_train` rows to train on and `HELD_OUT`, and its features beside it."""
    build_from_logs(simulate_logs(num_samples=_FEW_DRAWN, seed=seed, difficulty=PUBLISHED), folder)
    for name in ("data", "outcomes"):
        shutil.rmtree(folder / name)
        (folder / name).mkdir()
    pool = published_pool()
    encoder = FeatureEncoder(
        {"text": BUILTIN, "image": BUILTIN, "version": BUILTIN_VERSION, "text_dim": TEXT_DIM, "image_dim": IMAGE_DIM}
    )
    sizes = {"train": num_train, **HELD_OUT}
    values = np.empty((sum(sizes.values()), encoder.dim), np.float32)
    start, datasets = 0, np.zeros(len(DATASETS), np.int64)
    for split, count in sizes.items():
        for number, rows in enumerate(_drawn(pool, split, count, encoder.dim, seed)):
            values[start : start + len(rows.features)] = rows.features
            start += len(rows.features)
            datasets += np.bincount(rows.datasets, minlength=len(datasets))
            _write_shard(folder / "data", f"{split}-rows-{number:05d}", rows, pool)
            if split == "test":
                bounds = cost_bounds(rows.matrices["cost"], pool)
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    report["samples"], report["splits"] = len(values), sizes
    report["datasets"] = {name: int(count) for name, count in zip(DATASETS, datasets, strict=True) if count}
    report["pairs_read"] = report["pairs_kept"] = len(values) * len(pool)
    report["cost_bounds_usd"] = bounds.as_record()
    report["sha256"] = sha256_of_files(digested_files(folder), folder)
    write_json(folder / REPORT_FILE, report)
    _write_features(folder, values, encoder)
    return folder


def _write_features(folder: Path, values: np.ndarray, encoder: FeatureEncoder) -> None:
    path = feature_path(load_table(folder))
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"encoder.{name}": buffer.contiguous() for name, buffer in encoder.named_buffers()}
    description = {"config": encoder.config, "masked_images": len(values)}
    save_file(tensors | {"features": torch.from_numpy(values)}, path, metadata={"features": json.dumps(description)})


def _drawn(pool: CandidatePool, split: str, count: int, dim: int, seed: int) -> Iterator[_Rows]:
    for block in range(-(-count // BLOCK)):
        rows = _block(pool, np.random.default_rng([seed, 3, _STREAMS[split], block]), dim, seed)
        size = min(BLOCK, count - block * BLOCK)
        yield _Rows(
            rows.datasets[:size],
            rows.features[:size],
            {name: matrix[:size] for name, matrix in rows.matrices.items()},
        )


def _block(pool: CandidatePool, rng: np.random.Generator, dim: int, seed: int) -> _Rows:
    """A whole block of rows, whatever part of it is wanted."""
    how, means = DIFFICULTIES[PUBLISHED], demand_means()
    indices = [list(PROFILES).index(name) for name in pool.names]
    sizes = np.array([INFERRED_SIZES[name] for name in DATASETS], float)
    datasets = rng.choice(len(DATASETS), BLOCK, p=sizes / sizes.sum())
    shares = rng.gamma(_CONCENTRATION * means.shares[datasets] + 1e-3)
    shares /= shares.sum(axis=1, keepdims=True)
    hardest = np.clip(means.hardest[datasets] + rng.normal(0, 0.15, BLOCK), 0, 1)
    skills = candidate_skills(seed=seed, spread=how.skill_spread)[indices]
    visible = (shares - means.shares[datasets]) @ skills.T
    visible -= how.demand_slope * (hardest - means.hardest[datasets])[:, None]
    hidden = rng.normal(0, how.hidden, (BLOCK, 1)) + rng.normal(0, how.pair_noise, visible.shape)
    spread = float(np.hypot(how.hidden, how.pair_noise))
    by_dataset = [levels(number, _GUESS, spread) for number in range(len(DATASETS))]
    level, guess = (np.stack(side)[datasets][:, indices] for side in zip(*by_dataset, strict=True))
    chance = guess + (1 - guess) / (1 + np.exp(-(level + visible - hidden)))
    lengths = np.log([PROFILES[name][1] / means.length for name in pool.names]) - LENGTH_SPREAD**2 / 2
    maths = (shares[:, SKILLS.index("math")] * hardest)[:, None]
    lengths = lengths + REASONING_LENGTH * maths + rng.normal(0, LENGTH_SPREAD, visible.shape)
    matrices = {
        "quality": (rng.random(chance.shape) < chance).astype(np.float64),
        "input_tokens": np.full(chance.shape, _INPUT_TOKENS),
        "output_tokens": np.maximum(1, np.rint(np.exp(lengths))),
    }
    matrices["cost"] = pool_cost(matrices["input_tokens"], matrices["output_tokens"], pool)
    seen = np.column_stack([np.eye(len(DATASETS))[datasets], 3 * shares, 2 * hardest - 1])
    projection = np.random.default_rng([seed, 4]).normal(size=(seen.shape[1], dim))
    features = np.tanh(seen @ projection / 2) + rng.normal(0, _NOISE, (BLOCK, dim))
    return _Rows(datasets, features.astype(np.float32), matrices)


def _write_shard(folder: Path, name: str, rows: _Rows, pool: CandidatePool) -> None:
    count, schema = len(rows.datasets), sample_file_schema(pool.names)
    ids = [f"{name}-{number}" for number in range(count)]
    datasets = [DATASETS[number] for number in rows.datasets]
    columns: dict[str, pa.Array] = {
        "sample_id": pa.array(ids),
        "dataset": pa.array(datasets),
        "task_group": pa.array([task_group_of(dataset) for dataset in datasets]),
        "question": pa.array([f"Question {one}" for one in ids]),
        "options": pa.array([[]] * count, schema.field("options").type),
        "hint": pa.array([""] * count),
        "image": pa.nulls(count, schema.field("image").type),
        "image_ok": pa.array([True] * count),
        "group_id": pa.array(ids),
        "images": pa.array([[]] * count, schema.field("images").type),
        "num_images": pa.array([0] * count, pa.int32()),
    }
    for matrix, kind in MATRIX_TYPES.items():
        cells = [pa.array(column, pa.float64()).cast(kind) for column in rows.matrices[matrix].T]
        columns[matrix] = pa.StructArray.from_arrays(cells, fields=list(schema.field(matrix).type))
    table = pa.table({field.name: columns[field.name] for field in schema}, schema=schema)
    pq.write_table(table, folder / f"{name}.parquet", row_group_size=5_000)

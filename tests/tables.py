"""Tables that tests write themselves: as arrays, and as folders of own tables."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.table import RoutingTable

CANDIDATES = (("small", 0.1, 0.1), ("middle", 0.5, 1.0), ("large", 2.0, 8.0))


def hand_table(quality, cost, *, datasets=None, sample_ids=None, cost_bounds=None, groups=None):
    """A table in memory from matrices (num_samples, num_candidates)."""
    quality, cost = np.asarray(quality, dtype=float), np.asarray(cost, dtype=float)
    size, width = quality.shape
    names = [f"c{place}" for place in range(width)]
    ids = sample_ids or [f"s{row}" for row in range(size)]
    samples = pa.table(
        {
            "sample_id": ids,
            "dataset": datasets or ["one"] * size,
            "task_group": groups or ["Other"] * size,
            "group_id": ids,
        }
    )
    low, high = cost_bounds or (float(np.nanmean(cost, axis=0).min()), float(np.nanmean(cost, axis=0).max()))
    report = {"name": "hand", "sha256": "0" * 64, "simulated": False, "cost_bounds_usd": {"cmin": low, "cmax": high}}
    pool = CandidatePool(tuple(CandidateModel(name, 1, 1) for name in names), "hand")
    return RoutingTable(Path("hand"), report, pool, samples, {"quality": quality, "cost": cost}, np.arange(size))


def write_own_tables(
    folder, *, num_samples=120, datasets=("animals", "plants"), candidates=CANDIDATES, images=True, seed=0
):
    """A folder of own tables on which question words foretell who is right: hard ones only the last candidate."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    with (folder / "candidates.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerows([("name", "input_price", "output_price"), *candidates])
    samples, outcomes = [], []
    for number in range(num_samples):
        level = int(rng.integers(len(candidates)))
        word = ("easy colour", "middling count", "hard proof")[min(level, 2)]
        row = {"sample_id": f"s{number:04d}", "question": f"A {word}, number {number}?"}
        row["dataset"] = datasets[number % len(datasets)]
        if images:
            row["image"] = f"images/{number}.png"
            Image.new("RGB", (20, 12), (number % 256, 80 * level, 7)).save(folder / row["image"])
        samples.append(row)
        for place, (name, *_) in enumerate(candidates):
            tokens = {"input_tokens": int(rng.integers(80, 160)), "output_tokens": int(rng.integers(5, 40))}
            outcomes.append(
                {"sample_id": row["sample_id"], "candidate": name, "quality": float(place >= level), **tokens}
            )
    pq.write_table(pa.Table.from_pylist(samples), folder / "samples.parquet")
    pq.write_table(pa.Table.from_pylist(outcomes), folder / "outcomes.parquet")
    return folder

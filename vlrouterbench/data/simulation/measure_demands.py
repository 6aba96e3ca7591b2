"""`python -m vlrouterbench.data.simulation.measure_demands [NUM]`: what drawn items demand on average, per dataset.

Run it whenever the drawing changes: `demand_means.json` beside this file is its output.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TypedDict

import numpy as np

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.core.files import write_json
from vlrouterbench.data.simulation.accuracies import INFERRED_SIZES
from vlrouterbench.data.simulation.draw import draw_item
from vlrouterbench.data.simulation.item import SKILLS
from vlrouterbench.data.simulation.skills import REASONING_LENGTH, item_demand

DEFAULT_NUM_ITEMS = 1_000
_STREAM = 7
"""Keeps these items apart from those of any benchmark."""


class DatasetDemands(TypedDict):
    """Mean demands of the items of one dataset."""

    shares: dict[str, float]
    hardest: float


class DemandRecord(TypedDict):
    """Content of `demand_means.json`."""

    datasets: dict[str, DatasetDemands]
    length: float


def measure_demands(num_items: int = DEFAULT_NUM_ITEMS) -> DemandRecord:
    """Means over `num_items` drawn items of every dataset, weighted by the datasets' sizes where they are joined."""
    datasets: dict[str, DatasetDemands] = {}
    lengths = []
    for index, dataset in enumerate(DATASETS):
        rngs = (np.random.default_rng([0, index, number, _STREAM]) for number in range(num_items))
        items = [draw_item(dataset, rng) for rng in rngs]
        shares, hardest = zip(*(item_demand(item) for item in items), strict=True)
        mean = dict(zip(SKILLS, np.mean(shares, axis=0).round(4).tolist(), strict=True))
        datasets[dataset] = {"shares": mean, "hardest": round(float(np.mean(hardest)), 4)}
        lengths.append(np.mean([math.exp(REASONING_LENGTH * item.demands.get("math", 0.0)) for item in items]))
    sizes = [INFERRED_SIZES[name] for name in DATASETS]
    return {"datasets": datasets, "length": round(float(np.average(lengths, weights=sizes)), 4)}


if __name__ == "__main__":
    num_items = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_NUM_ITEMS
    write_json(Path(__file__).with_name("demand_means.json"), measure_demands(num_items))

"""Figures of a benchmark: counts, accuracies, costs, who solves what, agreement, what was left out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from vlrouterbench.constants import CORRECT_THRESHOLD
from vlrouterbench.data.table import RoutingTable


def summarize(table: RoutingTable) -> dict[str, Any]:
    """Figures of a whole benchmark, JSON-ready; None where nothing was measured.

    `solved_by` counts samples measured for at least one candidate: those that none, exactly one, or all of the measured
    candidates got right. `mean_agreement` is the mean over candidate pairs of the share of common samples on which both
    are right or both are wrong.
    """
    measured = np.isfinite(table.quality)
    correct = measured & (np.nan_to_num(table.quality) >= CORRECT_THRESHOLD)
    right = correct.sum(axis=1)
    datasets = np.array(table.column("dataset"))
    return {
        "name": table.report["name"],
        "simulated": table.simulated,
        "samples": len(table),
        "splits": table.report["splits"],
        "per_candidate": [
            {
                "name": name,
                "num_pairs": int(measured[:, place].sum()),
                "accuracy": _mean(table.quality[:, place]),
                "average_cost_usd": _mean(table.cost[:, place]),
                "average_output_tokens": _mean(table.matrices["output_tokens"][:, place]),
            }
            for place, name in enumerate(table.pool.names)
        ],
        "per_dataset": [
            {
                "dataset": str(dataset),
                "samples": int((datasets == dataset).sum()),
                "accuracy": {
                    name: _mean(table.quality[datasets == dataset, place])
                    for place, name in enumerate(table.pool.names)
                },
            }
            for dataset in dict.fromkeys(datasets.tolist())
        ],
        "solved_by": {
            "none": int((right == 0).sum()),
            "one": int((right == 1).sum()),
            "all": int((right == measured.sum(axis=1)).sum()),
        },
        "mean_agreement": _agreement(correct, measured),
        "left_out": dict(Counter(entry["reason"] for entry in table.report["left_out"]).most_common()),
        "cost_bounds_usd": table.report["cost_bounds_usd"],
    }


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _agreement(correct: np.ndarray, measured: np.ndarray) -> float | None:
    """Mean share of agreement over pairs of candidates with a sample in common."""
    right, wrong, known = (m.astype(float) for m in (correct, measured & ~correct, measured))
    common = known.T @ known
    agree = right.T @ right + wrong.T @ wrong
    pairs = np.triu(common > 0, k=1)
    return float((agree[pairs] / common[pairs]).mean()) if pairs.any() else None

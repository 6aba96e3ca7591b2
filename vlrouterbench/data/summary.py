"""Figures of a benchmark: counts, accuracies, costs, who solves what, agreement, what was left out.

Decisions
- Every mean is over what was measured; where nothing was, it is None, never 0.
- Counts follow from the rows at hand, so that a part of a benchmark is described as itself. What was left out, and the
  cost bounds, are the whole benchmark's.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SPLITS
from vlrouterbench.data.table import RoutingTable

EXAMPLES_PER_REASON = 3


def summarize(table: RoutingTable) -> dict[str, Any]:
    """Figures of a benchmark, JSON-ready; None where nothing was measured.

    `solved_by` counts samples measured for at least one candidate: those that none, exactly one, or all of the measured
    candidates got right; `solver_counts[k]` is how many samples k candidates got right. `agreement[a][b]` is the share
    of the samples common to a and b on which both are right or both are wrong; `mean_agreement` its mean over pairs.
    """
    measured = np.isfinite(table.quality)
    correct = measured & (np.nan_to_num(table.quality) >= CORRECT_THRESHOLD)
    right = correct.sum(axis=1)
    agreement = agreement_matrix(correct, measured)
    pairs = agreement[np.triu_indices(len(table.pool), k=1)]
    return {
        "name": table.report["name"],
        "simulated": table.simulated,
        "samples": len(table),
        "splits": _counts(table.column("split")),
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
        "per_dataset": _parts(table, "dataset"),
        "per_group": _parts(table, "task_group"),
        "solved_by": {
            "none": int((right == 0).sum()),
            "one": int((right == 1).sum()),
            "all": int((right == measured.sum(axis=1)).sum()),
        },
        "solver_counts": np.bincount(right, minlength=len(table.pool) + 1).tolist(),
        "mean_agreement": _mean(pairs),
        "agreement": {
            name: {other: _known(value) for other, value in zip(table.pool.names, row, strict=True)}
            for name, row in zip(table.pool.names, agreement, strict=True)
        },
        "left_out": dict(Counter(entry["reason"] for entry in table.report["left_out"]).most_common()),
        "left_out_examples": _examples(table.report["left_out"]),
        "cost_bounds_usd": table.report["cost_bounds_usd"],
    }


def agreement_matrix(correct: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Share of common samples on which two candidates are both right or both wrong.

    Args:
        correct: (num_samples, num_candidates) bool, False where not measured.
        measured: the same shape.

    Returns:
        (num_candidates, num_candidates), symmetric, 1 on the diagonal; NaN for a pair without a common sample.
    """
    right, wrong, known = (m.astype(float) for m in (correct, measured & ~correct, measured))
    common = known.T @ known
    agree = right.T @ right + wrong.T @ wrong
    return np.divide(agree, common, out=np.full_like(agree, np.nan), where=common > 0)


def _parts(table: RoutingTable, column: str) -> list[dict[str, Any]]:
    """Counts by split, and accuracy and mean cost of every candidate, for each value of a column."""
    values, sides = np.array(table.column(column)), np.array(table.column("split"))
    parts = []
    for value in dict.fromkeys(values.tolist()):
        rows = values == value
        parts.append(
            {
                column: value,
                "samples": int(rows.sum()),
                "splits": _counts(sides[rows].tolist()),
                "accuracy": _by_candidate(table, table.quality[rows]),
                "average_cost_usd": _by_candidate(table, table.cost[rows]),
            }
        )
    return parts


def _by_candidate(table: RoutingTable, matrix: np.ndarray) -> dict[str, float | None]:
    return {name: _mean(matrix[:, place]) for place, name in enumerate(table.pool.names)}


def _counts(sides: list[str]) -> dict[str, int]:
    counts = Counter(sides)
    return {split: counts[split] for split in SPLITS}


def _examples(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The first few entries of every reason, whole."""
    examples: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        kept = examples.setdefault(entry["reason"], [])
        if len(kept) < EXAMPLES_PER_REASON:
            kept.append({name: value for name, value in entry.items() if name != "reason"})
    return examples


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

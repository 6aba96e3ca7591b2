"""Figures of a benchmark: counts, accuracies, costs, who solves what, agreement, what was left out.

Decisions
- Every mean is over what was measured; where nothing was, it is None, never 0.
- Counts follow from the rows at hand, so that a part of a benchmark is described as itself. What was left out, and the
  cost bounds, are the whole benchmark's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD, SPLITS
from vlrouterbench.data.costs import CostBoundsRecord
from vlrouterbench.data.sources.source_logs import LeftOutRecord
from vlrouterbench.data.table import RoutingTable

EXAMPLES_PER_REASON = 3


class CandidateSummary(TypedDict):
    """A candidate's measured pairs, and means over them."""

    name: str
    num_pairs: int
    accuracy: float | None
    average_cost_usd: float | None
    average_output_tokens: float | None


class PartSummary(TypedDict):
    """Counts of a part of a benchmark, and each candidate's accuracy and mean cost on it."""

    samples: int
    splits: dict[str, int]
    accuracy: dict[str, float | None]
    average_cost_usd: dict[str, float | None]


class DatasetSummary(PartSummary):
    """Figures of one dataset."""

    dataset: str


class GroupSummary(PartSummary):
    """Figures of one task group."""

    task_group: str


class BenchmarkSummary(TypedDict):
    """Figures of a benchmark, as `summarize` describes them."""

    name: str
    simulated: bool
    samples: int
    splits: dict[str, int]
    per_candidate: list[CandidateSummary]
    per_dataset: list[DatasetSummary]
    per_group: list[GroupSummary]
    solved_by: dict[str, int]
    solver_counts: list[int]
    mean_agreement: float | None
    agreement: dict[str, dict[str, float | None]]
    left_out: dict[str, int]
    left_out_examples: dict[str, list[dict[str, object]]]
    cost_bounds_usd: CostBoundsRecord


def summarize(table: RoutingTable) -> BenchmarkSummary:
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
                "num_pairs": int(measured[:, index].sum()),
                "accuracy": _mean(table.quality[:, index]),
                "average_cost_usd": _mean(table.cost[:, index]),
                "average_output_tokens": _mean(table.matrices["output_tokens"][:, index]),
            }
            for index, name in enumerate(table.pool.names)
        ],
        "per_dataset": [{"dataset": name, **part} for name, part in _parts(table, "dataset")],
        "per_group": [{"task_group": name, **part} for name, part in _parts(table, "task_group")],
        "solved_by": {
            "none": int((right == 0).sum()),
            "one": int((right == 1).sum()),
            "all": int((right == measured.sum(axis=1)).sum()),
        },
        "solver_counts": np.bincount(right, minlength=len(table.pool) + 1).tolist(),
        "mean_agreement": _mean(pairs),
        "agreement": {
            name: {other: _finite(value) for other, value in zip(table.pool.names, row, strict=True)}
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
    right, wrong, both = (m.astype(float) for m in (correct, measured & ~correct, measured))
    common = both.T @ both
    agree = right.T @ right + wrong.T @ wrong
    return np.divide(agree, common, out=np.full_like(agree, np.nan), where=common > 0)


def _parts(table: RoutingTable, column: str) -> Iterator[tuple[str, PartSummary]]:
    """Each value of a column with the figures of its rows."""
    values, splits = np.array(table.column(column)), np.array(table.column("split"))
    for value in dict.fromkeys(values.tolist()):
        rows = values == value
        yield (
            value,
            {
                "samples": int(rows.sum()),
                "splits": _counts(splits[rows].tolist()),
                "accuracy": _by_candidate(table, table.quality[rows]),
                "average_cost_usd": _by_candidate(table, table.cost[rows]),
            },
        )


def _by_candidate(table: RoutingTable, matrix: np.ndarray) -> dict[str, float | None]:
    return {name: _mean(matrix[:, index]) for index, name in enumerate(table.pool.names)}


def _counts(splits: list[str]) -> dict[str, int]:
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


def _examples(entries: Sequence[LeftOutRecord]) -> dict[str, list[dict[str, object]]]:
    """The first few entries of every reason, whole."""
    examples: dict[str, list[dict[str, object]]] = {}
    for entry in entries:
        kept = examples.setdefault(entry["reason"], [])
        if len(kept) < EXAMPLES_PER_REASON:
            kept.append({name: value for name, value in entry.items() if name != "reason"})
    return examples


def _mean(values: np.ndarray) -> float | None:
    measured = values[np.isfinite(values)]
    return float(measured.mean()) if measured.size else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""Contexts of studies that are small, and that keep what training saw."""

from dataclasses import dataclass, field

import numpy as np

from tests.families import with_candidates
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.context import StudyContext

DATASETS = ("ChartQA_TEST", "DocVQA_VAL", "TextVQA_VAL")


@dataclass(frozen=True)
class WatchedContext(StudyContext):
    """A context that trains as any other, and keeps what each training saw."""

    seen: list[tuple[str, RoutingTable]] = field(default_factory=list)

    def train(self, name, table, seed):
        self.seen.append((name, table))
        return super().train(name, table, seed)


def small_context(problem):
    """Three datasets, their samples mixed, and four candidates of the simulated benchmark, under its own split."""
    small = with_candidates(problem, [0, 5, 9, 16])
    datasets = np.array(small.table.column("dataset"))
    rows = np.random.default_rng(0).permutation(np.flatnonzero(np.isin(datasets, DATASETS)))
    return WatchedContext(small.table.take(rows), small.features, (0,))

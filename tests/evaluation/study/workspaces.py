"""Grounds of studies that are small, and that remember what training saw."""

from dataclasses import dataclass, field

import numpy as np

from tests.families import with_candidates
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.splits import Ground

DATASETS = ("ChartQA_TEST", "DocVQA_VAL", "TextVQA_VAL")


@dataclass(frozen=True)
class WatchedGround(Ground):
    """A ground that trains as any other, and keeps what each training saw."""

    seen: list[tuple[str, RoutingTable]] = field(default_factory=list)

    def train(self, name, table, seed):
        self.seen.append((name, table))
        return super().train(name, table, seed)


def small_ground(problem):
    """Three datasets, their samples mixed, and four candidates of the simulated benchmark, under its own split."""
    small = with_candidates(problem, [0, 5, 9, 16])
    datasets = np.array(small.table.column("dataset"))
    rows = np.random.default_rng(0).permutation(np.flatnonzero(np.isin(datasets, DATASETS)))
    return WatchedGround(small.table.take(rows), small.features, (0,))

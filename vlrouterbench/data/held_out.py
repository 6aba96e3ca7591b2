"""Held-out splits: test on a dataset, or with a candidate, that training has not seen.

Decisions
- Rows keep their index in the benchmark, so stored features serve as they are.
- Leaving a dataset out also leaves out every training group that the dataset shares: one image, one side.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import BenchmarkError, unknown_name
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.table import RoutingTable


def leave_dataset_out(table: RoutingTable, dataset: str) -> RoutingTable:
    """Train and validation of the other datasets, and all of `dataset` as test.

    Raises:
        UnknownNameError: no such dataset in the table.
    """
    datasets = np.array(table.column("dataset"))
    if dataset not in datasets:
        raise unknown_name("dataset", dataset, sorted(set(datasets.tolist())))
    split, group = np.array(table.column("split"), dtype=object), np.array(table.column("group_id"))
    held = datasets == dataset
    shared = np.isin(group, np.unique(group[held]))
    kept = held | ((split != SPLITS[2]) & ~shared)
    split[held] = SPLITS[2]
    column = table.samples.schema.get_field_index("split")
    samples = table.samples.set_column(column, "split", pa.array(split.tolist(), pa.string()))
    return replace(table, samples=samples).take(kept)


def leave_candidate_out(table: RoutingTable, candidate: str) -> RoutingTable:
    """The table without one candidate; cost bounds follow from those that remain.

    Raises:
        UnknownNameError: no such candidate in the pool.
        BenchmarkError: no candidate would remain.
    """
    if candidate not in table.pool.index:
        raise unknown_name("candidate", candidate, table.pool.names)
    kept = [index for index, name in enumerate(table.pool.names) if name != candidate]
    if not kept:
        raise BenchmarkError(f"expected at least two candidates to leave one out, found {len(table.pool)}.")
    pool = CandidatePool(tuple(table.pool.candidates[index] for index in kept), table.pool.source)
    matrices = {name: matrix[:, kept] for name, matrix in table.matrices.items()}
    return replace(table, pool=pool, matrices=matrices).with_own_bounds()

"""A new candidate's outcomes on anchor samples: a user's table -> checked values, sample by sample.

Decisions
- Samples of the train split alone: a router that is judged on the test split must not have seen an outcome of it.
- A row without `quality` is one that was not filled in: it is counted and skipped, never taken for 0.
- Rows may come in any order, and columns that are not needed are ignored; a row that names another candidate is an
  error, since its outcomes would be another candidate's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.saved_tables.form import ENDINGS_IN_WORDS, ending_of
from vlrouterbench.data.sources.own_tables.table_files import (
    cast_column,
    check_amounts,
    check_quality,
    check_unique,
    read_table,
)
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.pool.new_candidates import OUTCOMES

MIN_ANCHORS = 2
"""One outcome does not show how outcomes vary."""


@dataclass(frozen=True)
class AnchorOutcomes:
    """Outcomes on anchor samples.

    Attributes:
        samples: the samples, in the benchmark's order.
        values: quality, input_tokens and output_tokens, each (num_samples,) float64, NaN = not measured.
        not_filled_in: rows of the table without quality.
    """

    samples: RoutingTable
    values: dict[str, np.ndarray]
    not_filled_in: int


def read_outcomes(path: Path, candidate: str, table: RoutingTable) -> AnchorOutcomes:
    """Read outcomes of one candidate.

    Args:
        path: a table (ENDINGS) with the columns sample_id, quality, input_tokens and output_tokens.
        candidate: whose they are.
        table: the benchmark, all splits.

    Raises:
        SourceError: not such a table; a sample that is unknown, listed twice or not of the train split; a value out
            of range; too few rows with quality.
    """
    if ending_of(path) is None or not path.is_file():
        kind = "nothing there" if not path.exists() else f"{path.suffix or 'a folder or a file without extension'}"
        raise SourceError(f"expected outcomes as {ENDINGS_IN_WORDS} at {path}, found {kind}.")
    raw = read_table(path, ("sample_id", *OUTCOMES))
    names = ["sample_id", *(["candidate"] if "candidate" in raw.column_names else []), *OUTCOMES]
    outcomes = pa.table({name: cast_column(raw, name, OUTCOME_SCHEMA.field(name).type, path) for name in names})
    check_quality(outcomes, path)
    check_amounts(outcomes, OUTCOMES[1:], path)
    if "candidate" in names:
        _check_candidate(outcomes["candidate"].to_pylist(), candidate, path)
    rows = _rows(outcomes["sample_id"].to_pylist(), table, path)
    check_unique(rows, ("sample_id",), outcomes, path)
    values = {name: outcomes[name].to_numpy().astype(np.float64) for name in OUTCOMES}
    measured = np.flatnonzero(~np.isnan(values["quality"]))
    if measured.size < MIN_ANCHORS:
        raise SourceError(
            f"{path}: expected quality of at least {MIN_ANCHORS} anchor samples, found it in {measured.size} of "
            f"{len(rows)} rows. Fill in quality, input_tokens and output_tokens."
        )
    for name in OUTCOMES[1:]:
        if np.isnan(values[name][measured]).all():
            raise SourceError(
                f"{path}: expected {name} beside quality, found none. A cost cannot be computed without it."
            )
    kept = measured[np.argsort(rows[measured])]
    return AnchorOutcomes(
        table.take(rows[kept]), {name: column[kept] for name, column in values.items()}, len(rows) - measured.size
    )


def _check_candidate(names: list[str | None], candidate: str, path: Path) -> None:
    for row, name in enumerate(names, start=1):
        if name != candidate:
            raise SourceError(
                f'{path}, row {row}: expected outcomes of "{candidate}" alone, found "{name}" in the column candidate. '
                "Give a table of this candidate's outcomes."
            )


def _rows(sample_ids: list[str | None], table: RoutingTable, path: Path) -> np.ndarray:
    """Row of each sample in the benchmark, (num_rows,) int64."""
    index_of = {sample_id: index for index, sample_id in enumerate(table.column("sample_id"))}
    splits = table.column("split")
    indices = []
    for row, sample_id in enumerate(sample_ids, start=1):
        index = index_of.get(sample_id)
        if index is None:
            raise SourceError(
                f'{path}, row {row}: expected a sample of {table.folder}, found "{sample_id}", which it does not have.'
            )
        if splits[index] != "train":
            raise SourceError(
                f'{path}, row {row}: expected a sample of the train split, found "{sample_id}" of the {splits[index]} '
                "split. A router must not have seen outcomes on samples that it is judged by. `vlrouterbench "
                "candidates anchors` writes suitable samples."
            )
        indices.append(index)
    return np.array(indices, dtype=np.int64)

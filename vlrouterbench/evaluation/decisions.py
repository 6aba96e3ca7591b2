"""Reading `decisions.parquet`: one decision per router and scored sample, everything else refused by name.

Decisions
- A file of decisions may come from anybody: columns, samples and candidates are checked before a number is computed.
- A file that claims more routers than a machine can hold is refused by its own count of rows, before they are read.
- Rows may be in any order; columns other than the three required ones and `asked_before` are ignored.
- `asked_before` names a candidate that was asked, and paid, before the one of the row. Whoever reads decisions without
  it would count too little: a file that has it is refused unless its reader says that it counts both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vlrouterbench.core.errors import EvaluationError, quoted, said
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_parquet_bytes
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.writing import ASKED_BEFORE, DECISIONS_FILE

COLUMNS = ("router", "sample_id", "candidate")
MOST_BYTES = 2**30
"""Size up to which a packed file is unpacked."""
MOST_ROUTERS = 1_000
"""Limit for one file: a few kilobytes of parquet can hold a billion equal rows."""


def is_decisions_file(source: str) -> bool:
    """Whether what was given in the place of a router is a file of decisions, by its name."""
    ending = ending_of(Path(source))
    return ending == ".parquet" or (ending is not None and Path(source).is_file())


def read_decisions(
    path: Path, table: RoutingTable, *, whole: RoutingTable | None = None, with_calls: bool = False
) -> dict[str, np.ndarray]:
    """Router -> indices in the pool (num_samples,), in a table's order.

    Args:
        path: a `decisions.parquet`, the same as another kind of table (`route --questions` also writes csv), or the
            folder of an evaluation that holds it.
        table: the scored samples.
        whole: the benchmark; decisions on its other samples are then left out, and refused where this is None.
        with_calls: whether the reader also counts those who were asked before, which `read_calls` gives.

    Raises:
        EvaluationError: not a table of decisions; a sample or candidate that is unknown; a sample missing or doubled;
            or decisions with earlier calls for a reader that does not count them.
    """
    path = path / DECISIONS_FILE if path.is_dir() else path
    rows = _rows(path, most_rows=MOST_ROUTERS * len(table if whole is None else whole))
    if not with_calls and ASKED_BEFORE in rows.column_names and rows[ASKED_BEFORE].null_count < rows.num_rows:
        first = pc.indices_nonzero(rows[ASKED_BEFORE].is_valid())[0].as_py()
        raise EvaluationError(
            f"{path}: router {quoted(rows['router'][first].as_py())} asks a candidate before the one it takes "
            f"({ASKED_BEFORE}), which only `vlrouterbench evaluate` scores. Leave its rows out."
        )
    routers, sample_ids, candidates = (rows[name].to_pylist() for name in COLUMNS)
    row_of = {sample_id: row for row, sample_id in enumerate(table.column("sample_id"))}
    others = set() if whole is None else set(whole.column("sample_id")) - set(row_of)
    decisions: dict[str, np.ndarray] = {}
    for router, sample_id, candidate in zip(routers, sample_ids, candidates, strict=True):
        row, choice = row_of.get(sample_id), table.pool.index.get(candidate)
        chosen = decisions.setdefault(router, np.full(len(row_of), -1))
        if sample_id in others:
            continue
        if row is None:
            raise EvaluationError(
                f"{_where(path, router, sample_id, candidate)}: expected only the {len(row_of):,} scored samples of "
                f"{table.folder}; this one is unknown, of another split, or not measured for every candidate. Remove "
                "the row."
            )
        if choice is None:
            where = _where(path, router, sample_id, candidate)
            raise EvaluationError(
                f"{where}: unknown candidate, or one that is not scored here. Scored: {', '.join(table.pool.names)}."
            )
        if chosen[row] >= 0:
            where = _where(path, router, sample_id, candidate)
            raise EvaluationError(f"{where}: expected one decision per sample, found a second one. Remove the row.")
        chosen[row] = choice
    _check_whole(path, decisions, list(row_of))
    return decisions


def read_calls(path: Path, table: RoutingTable, *, whole: RoutingTable | None = None) -> dict[str, np.ndarray]:
    """Router -> who was asked before each of its decisions, (num_samples,) indices in the pool, -1: nobody.

    Routers that never ask twice are left out; arguments as for `read_decisions`, which is to be called first.

    Raises:
        EvaluationError: an unknown candidate.
    """
    path = path / DECISIONS_FILE if path.is_dir() else path
    rows = _rows(path, most_rows=MOST_ROUTERS * len(table if whole is None else whole))
    if ASKED_BEFORE not in rows.column_names:
        return {}
    row_of = {sample_id: row for row, sample_id in enumerate(table.column("sample_id"))}
    calls: dict[str, np.ndarray] = {}
    rows = rows.filter(rows[ASKED_BEFORE].is_valid())
    columns = (rows[name].to_pylist() for name in ("router", "sample_id", ASKED_BEFORE))
    for router, sample_id, candidate in zip(*columns, strict=True):
        if candidate not in table.pool.index:
            where = _where(path, router, sample_id, candidate)
            raise EvaluationError(
                f"{where}: unknown candidate in {ASKED_BEFORE}. Known: {', '.join(table.pool.names)}."
            )
        before = calls.setdefault(router, np.full(len(row_of), -1))
        if sample_id in row_of:
            before[row_of[sample_id]] = table.pool.index[candidate]
    return calls


def _where(path: Path, router: str, sample_id: str, candidate: str) -> str:
    return f"{path}: router {quoted(router)}, sample {quoted(sample_id)}, candidate {quoted(candidate)}"


def _rows(path: Path, *, most_rows: int) -> pa.Table:
    """The rows with the required columns and, where it stands in the file, `asked_before`."""
    if ending_of(path) not in (None, ".parquet"):
        return _saved_rows(path, most_rows)
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise EvaluationError(
            f"expected decisions at {path}, found no file. `vlrouterbench evaluate` writes it."
        ) from error
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _unreadable(path, error) from error
    with file:
        types = {field.name: field.type for field in file.schema_arrow}
        lacking = [name for name in COLUMNS if name not in types]
        kept = [name for name in (*COLUMNS, ASKED_BEFORE) if name in types]
        wrong = [
            f"{name} ({types[name]})" for name in kept if not (_is_text(types[name]) or _is_empty(types[name], name))
        ]
        if lacking or wrong:
            faults = [f"{name} is missing" for name in lacking] + [f"{name} is no text" for name in wrong]
            raise EvaluationError(f"{path}: expected the text columns {', '.join(COLUMNS)}; {', '.join(faults)}.")
        if file.metadata.num_rows > most_rows:
            raise EvaluationError(
                f"{path}: expected decisions of at most {MOST_ROUTERS:,} routers, {most_rows:,} rows, found "
                f"{file.metadata.num_rows:,}. Split the file."
            )
        try:
            check_parquet_bytes(path)
            rows = file.read(columns=kept)
        except BoundsError as error:
            raise EvaluationError(f"{path} is not read: {error}. Names and ids are short texts.") from error
        except (pa.ArrowException, ValueError, OSError) as error:
            raise _unreadable(path, error) from error
    return _whole_rows(path, rows)


def _unreadable(path: Path, error: Exception) -> EvaluationError:
    return EvaluationError(f"{path} is not readable as parquet: {said(error)}. Write it again.")


def _saved_rows(path: Path, most_rows: int) -> pa.Table:
    """The columns of a table of another kind, which is as large as it looks but where it is packed."""
    try:
        rows = read_saved_table(path, TableForm((*COLUMNS, ASKED_BEFORE), most_bytes=MOST_BYTES))
    except TableError as error:
        raise EvaluationError(f"{path}{error}") from error
    if lacking := [name for name in COLUMNS if name not in rows.column_names]:
        faults = ", ".join(f"{name} is missing" for name in lacking)
        raise EvaluationError(f"{path}: expected the text columns {', '.join(COLUMNS)}; {faults}.")
    if rows.num_rows > most_rows:
        raise EvaluationError(
            f"{path}: expected decisions of at most {MOST_ROUTERS:,} routers, {most_rows:,} rows, found "
            f"{rows.num_rows:,}. Split the file."
        )
    return _whole_rows(path, rows.select([name for name in (*COLUMNS, ASKED_BEFORE) if name in rows.column_names]))


def _whole_rows(path: Path, rows: pa.Table) -> pa.Table:
    for name in COLUMNS:
        if rows[name].null_count:
            first = rows[name].is_null().to_pylist().index(True)
            raise EvaluationError(f"{path}: expected a {name} in every row, found none in row {first}.")
    if ASKED_BEFORE not in rows.column_names:
        return rows
    # A kind of table that has no empty cells says "nobody" by an empty text.
    said_before = rows[ASKED_BEFORE].cast(pa.string())
    nobody = pc.equal(said_before, "")
    place = rows.column_names.index(ASKED_BEFORE)
    return rows.set_column(place, ASKED_BEFORE, pc.if_else(nobody, pa.scalar(None, pa.string()), said_before))


def _is_text(kind: pa.DataType) -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain)


def _is_empty(kind: pa.DataType, name: str) -> bool:
    """Whether a column is one that may be empty, and is."""
    return name == ASKED_BEFORE and pa.types.is_null(kind)


def _check_whole(path: Path, decisions: dict[str, np.ndarray], sample_ids: Sequence[str]) -> None:
    if not decisions:
        raise EvaluationError(f"{path}: expected decisions, found no row.")
    for router, chosen in decisions.items():
        missing = np.flatnonzero(chosen < 0)
        if missing.size:
            raise EvaluationError(
                f"{path}: router {quoted(router)}: expected a decision on each of {len(sample_ids):,} scored samples, "
                f'found none on {missing.size:,} of them, the first "{sample_ids[missing[0]]}". Add the rows.'
            )

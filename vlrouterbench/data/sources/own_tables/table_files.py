"""Tables that users give -> columns of the kinds that are expected, with checks of their values.

Decisions
- A message names the file, the row and the value. Row numbers count data rows from 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.core.limits import ANSWER_SECONDS, ANSWER_USD
from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.schema import ANSWER_COLUMNS, LATENCY, PROPENSITY
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA, SAMPLE_SCHEMA
from vlrouterbench.routers.encoders.sample_input import IMAGE_FIELDS, one_line

_MOST = {"cost_usd": (ANSWER_USD, "USD"), LATENCY: (ANSWER_SECONDS, "seconds")}
"""Column of amounts -> the most that one answer can take; counts of tokens end at what their type holds."""
_COMMA = re.compile(r"[+-]?[0-9.]*,[0-9]+")
TEXTS = (*SAMPLE_SCHEMA.names, "candidate")
"""Columns that are text, whatever their cells look like."""
COST = "cost_usd"


def read_table(path: Path, required: Sequence[str], further_texts: Sequence[str] = ()) -> pa.Table:
    """A table as it was saved, every column that it has; `further_texts` are read as text as well as those of `TEXTS`.

    Raises:
        SourceError: it is not readable, has a column twice, or lacks a required one.
    """
    try:
        table = read_saved_table(
            path, TableForm((*TEXTS, *further_texts), (*OUTCOME_SCHEMA.names, *ANSWER_COLUMNS), IMAGE_FIELDS)
        )
    except TableError as error:
        raise SourceError(f"{path}{error}") from error
    lacking = [name for name in required if name not in table.column_names]
    if lacking:
        raise SourceError(
            f"{path}: expected the columns {', '.join(required)}; found {one_line(', '.join(table.column_names))}. "
            f"Missing: {', '.join(lacking)}."
        )
    return table


def cast_column(table: pa.Table, name: str, kind: pa.DataType, path: Path) -> pa.ChunkedArray:
    """A column of a table as `kind`, nulls where the table has no such column.

    Raises:
        SourceError: a value is not of that kind.
    """
    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    try:
        column = table[name]
        if pa.types.is_string(kind) and pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(
            f'{path}: column "{name}" is not readable as {kind}: {_fault(table, name, kind, error)}'
        ) from (error)


def _fault(table: pa.Table, name: str, kind: pa.DataType, error: pa.ArrowException) -> str:
    """What is wrong with a column: the first cell that is none of that kind, with what to do."""
    said = one_line(str(error)).rstrip(".")
    column = table[name]
    if not pa.types.is_string(column.type) or pa.types.is_string(kind):
        return f"{said}. Save it as numbers."
    for row, cell in enumerate(column.to_pylist(), start=1):
        try:
            pa.array([cell], pa.string()).cast(kind)
        except pa.ArrowInvalid:
            hint = (
                "Write decimals with a point."
                if _COMMA.fullmatch(cell.strip())
                else "Leave what was not measured empty."
            )
            return f"row {row} holds {shown(cell)}. {hint}"
    return f"{said}. Save it as numbers."


def check_quality(table: pa.Table, path: Path) -> None:
    """Raise SourceError where a value of `quality` is no share, or one of `propensity` no probability above 0.

    NaN or null is a pair that was not measured, or whose probability is not known.
    """
    quality = table["quality"].to_numpy()
    wrong = np.flatnonzero(~np.isnan(quality) & ~((quality >= 0) & (quality <= 1)))
    if wrong.size:
        row = int(wrong[0])
        raise SourceError(
            f"{path}, row {row + 1}: expected quality in [0, 1], found {quality[row]:g} ({wrong.size} such rows)."
        )
    _check_propensity(table, path)


def check_amounts(table: pa.Table, names: Sequence[str], path: Path) -> None:
    """Raise SourceError where a value of one of these columns is negative or above what one answer can take."""
    for name in names:
        values, (most, unit) = table[name].cast(pa.float64()), _MOST.get(name, (sys.float_info.max, ""))
        bad = pc.fill_null(pc.or_(pc.less(values, 0), pc.greater(values, most)), False)
        if pc.any(bad).as_py():
            row = first_row(bad)
            found = table[name][row - 1]
            limit = f" and at most {most:,} ({unit} of one answer)" if found.as_py() > most else ""
            raise SourceError(f"{path}, row {row}: expected a number >= 0 in {name}{limit}, found {found}.")


def _check_propensity(table: pa.Table, path: Path) -> None:
    if PROPENSITY not in table.column_names:
        return
    values = table[PROPENSITY].to_numpy()
    wrong = np.flatnonzero(~np.isnan(values) & ~((values > 0) & (values <= 1)))
    if wrong.size:
        row = int(wrong[0])
        raise SourceError(
            f"{path}, row {row + 1}: expected a propensity above 0 and at most 1, found {values[row]:g} "
            f"({wrong.size} such rows). Leave it empty where it is not known."
        )


def costs_named(raw: pa.Table, column: str) -> pa.Table:
    """The outcomes with the column of costs under the name that they have here."""
    if not column or column == COST:
        return raw
    kept = raw.drop_columns([name for name in (COST,) if name in raw.column_names])
    return kept.rename_columns([COST if name == column else name for name in kept.column_names])


def check_costs(outcomes: pa.Table, stated: pa.Table, path: Path) -> None:
    """Raise SourceError where no row has a cost, or both token counts that one follows from.

    Args:
        outcomes: with `input_tokens`, `output_tokens` and `cost_usd`, null where not stated.
        stated: the same as the file states it.
        path: its file.
    """
    counted = pc.and_(pc.is_valid(outcomes["input_tokens"]), pc.is_valid(outcomes["output_tokens"]))
    if not outcomes.num_rows or pc.any(pc.or_(pc.is_valid(outcomes["cost_usd"]), counted)).as_py():
        return
    found = stated.column_names
    lacking = [name for name in ("input_tokens", "output_tokens", "cost_usd") if name not in found]
    without = f", and no column {', '.join(lacking)}" if lacking else ""
    raise SourceError(
        f"{path}: expected what answers cost, as input_tokens and output_tokens or as cost_usd (USD), found no row "
        f"with either{without}. Its columns: {one_line(', '.join(found))}. Rename what "
        "holds them, or name a column of costs with --cost-column; `vlrouterbench measure` writes all of them."
    )


def check_unique(keys: np.ndarray, names: tuple[str, ...], table: pa.Table, path: Path) -> None:
    """Raise SourceError where a key occurs twice.

    Args:
        keys: (num_rows,) integers, equal in the rows with the same key.
        names: the columns of the key.
        table: the table.
        path: its file.
    """
    if not keys.size or np.bincount(keys).max() <= 1:
        return
    order = np.argsort(keys, kind="stable")
    again = order[1:][keys[order[1:]] == keys[order[:-1]]]
    row = int(again.min())
    first = int(np.flatnonzero(keys == keys[row])[0])
    value = ", ".join(str(table[name][row]) for name in names)
    raise SourceError(
        f"{path}, row {row + 1}: expected each {' and '.join(names)} once, found {value} in row {first + 1} already."
    )


def first_row(mask: pa.ChunkedArray) -> int:
    """Number of the first true row, counted from 1."""
    return int(np.flatnonzero(np.asarray(mask))[0]) + 1

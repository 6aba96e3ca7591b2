"""Tables that users give: parquet, csv or jsonl -> columns of the kinds that are expected, with checks of their values.

Decisions
- A message names the file, the row and the value. Row numbers count data rows from 1.
- Ids and texts of a csv file stay text: "007" and "None" are what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.source_logs import SAMPLE_SCHEMA

EXTENSIONS = ("parquet", "csv", "jsonl")


def read_table(path: Path, required: Sequence[str]) -> pa.Table:
    """A parquet, csv or jsonl file by its extension, every column that it has.

    Raises:
        SourceError: it is not readable, has a column twice, or lacks a required one.
    """
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        elif path.suffix == ".csv":
            table = pyarrow.csv.read_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={
                        name: pa.string() for name in (*SAMPLE_SCHEMA.names, "candidate", "image", "image_path")
                    },
                    strings_can_be_null=False,
                ),
            )
        else:
            table = _read_jsonl(path)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise SourceError(f"{path} is not readable as {path.suffix[1:]}: {error}") from error
    doubled = [name for name, count in Counter(table.column_names).items() if count > 1]
    if doubled:
        raise SourceError(f"{path}: expected each column once, found {', '.join(doubled)} more than once.")
    lacking = [name for name in required if name not in table.column_names]
    if lacking:
        raise SourceError(
            f"{path}: expected the columns {', '.join(required)}; found {', '.join(table.column_names)}. "
            f"Missing: {', '.join(lacking)}."
        )
    return table


def _read_jsonl(path: Path) -> pa.Table:
    """A jsonl file; what looks like a date stays the text it is, since JSON has no dates."""
    table = pyarrow.json.read_json(path)
    texts = {kind: pa.string() for kind in table.schema.types if pa.types.is_timestamp(kind)}
    texts |= {
        kind: pa.list_(pa.string())
        for kind in table.schema.types
        if pa.types.is_list(kind) and pa.types.is_timestamp(kind.value_type)
    }
    if not texts:
        return table
    schema = pa.schema([(field.name, texts[field.type]) for field in table.schema if field.type in texts])
    return pyarrow.json.read_json(path, parse_options=pyarrow.json.ParseOptions(explicit_schema=schema))


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
        raise SourceError(f'{path}: column "{name}" is not readable as {kind}: {error}') from error


def check_quality(table: pa.Table, path: Path) -> None:
    """Raise SourceError where a value of `quality` is no share; NaN or null is a pair that was not measured."""
    quality = table["quality"].to_numpy()
    wrong = np.flatnonzero(~np.isnan(quality) & ~((quality >= 0) & (quality <= 1)))
    if wrong.size:
        row = int(wrong[0])
        raise SourceError(
            f"{path}, row {row + 1}: expected quality in [0, 1], found {quality[row]:g} ({wrong.size} such rows)."
        )


def check_amounts(table: pa.Table, names: Sequence[str], path: Path) -> None:
    """Raise SourceError where a value of one of these columns is negative or infinite."""
    for name in names:
        values = table[name].cast(pa.float64())
        bad = pc.fill_null(pc.or_(pc.less(values, 0), pc.is_inf(values)), False)
        if pc.any(bad).as_py():
            row = first_row(bad)
            raise SourceError(f"{path}, row {row}: expected a number >= 0 in {name}, found {table[name][row - 1]}.")


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

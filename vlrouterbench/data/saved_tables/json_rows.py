"""A table as JSON: one row in a line, or a list of rows.

Decisions
- What looks like a date stays the text it is, since JSON has no dates. NaN, which JSON has not either, is no value.
- A key twice in one row is refused, since either value could be the stale one.
- A file is one block to the fast reader: where a column is of another kind in another block, it loses the cell or ends
  the process. What is larger than a block may be is looked through first.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.json

from vlrouterbench.data.saved_tables.bounds import check_depth, check_keys, check_rows, check_values
from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.delimited import BLOCK_BYTES
from vlrouterbench.data.saved_tables.form import TableError
from vlrouterbench.routers.encoders.sample_input import one_line

_LIST = re.compile(rb"\s*\[")


class MixedKindsError(TableError):
    """Rows that are well-formed JSON, with cells of several kinds in one column."""

    def __init__(self, message: str, source: TextSource) -> None:
        super().__init__(message)
        self.source = source

    def rows(self) -> list[dict[str, object]]:
        """All rows as they stand; TableError where a later one is no JSON."""
        return [row for _, row in rows_of(self.source)]


def read_json_lines(source: TextSource) -> pa.Table:
    """A jsonl file.

    Raises:
        MixedKindsError: a column has cells of several kinds.
        TableError: a row is no object, or has a key twice.
        pyarrow.ArrowInvalid: it is none for another reason.
    """
    check_depth(source.stream)
    check_keys(source.stream)
    check_rows(source.stream)
    try:
        table = _parsed(source, None)
    except pa.ArrowInvalid:
        check_kinds(source)
        raise
    plain = without_dates(table.schema)
    dates = [field for field, before in zip(plain, table.schema, strict=True) if field.type != before.type]
    return _parsed(source, pa.schema(dates)) if dates else table


def without_dates(schema: pa.Schema) -> pa.Schema:
    """A schema with texts in the place of dates, at any depth."""
    return pa.schema([field.with_type(_without_dates(field.type)) for field in schema])


def _without_dates(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_without_dates(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_dates(field.type)) for field in kind])
    return kind


def read_json_rows(source: TextSource) -> pa.Table:
    """A json file with a list of rows; lines are read as `read_json_lines` does.

    Raises:
        TableError: another form of JSON.
        pyarrow.ArrowInvalid: no JSON.
    """
    doubled = list[tuple[dict[str, Any], str]]()
    content = source.all()
    if _LIST.match(content):  # lines are read one after the other
        check_values(content)
    try:
        rows = _loaded(content, doubled)
    except UnicodeDecodeError:
        return read_json_rows(source.as_chinese())
    except RecursionError as error:
        raise TableError(" is not readable as json: it has more lists within each other than any table.") from error
    except ValueError:
        return read_json_lines(source)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise TableError(
            " is not readable as json: expected a list of rows, as pandas' to_json(orient='records') writes."
        )
    if doubled:
        number = next((number for number, row in enumerate(rows, start=1) if row is doubled[0][0]), None)
        raise _doubled_key(doubled[0][1], number)
    return read_json_lines(TextSource(source.path, "\n".join(map(json.dumps, rows)).encode()))


def _parsed(source: TextSource, schema: pa.Schema | None) -> pa.Table:
    size = source.size()
    if size > BLOCK_BYTES[-1]:
        check_kinds(source)
    return pyarrow.json.read_json(
        source.opened(),
        pyarrow.json.ReadOptions(block_size=min(max(size, BLOCK_BYTES[0]), BLOCK_BYTES[-1])),
        pyarrow.json.ParseOptions(explicit_schema=schema),
    )


def _loaded(text: str | bytes, doubled: list[tuple[dict[str, Any], str]]) -> Any:
    """JSON as Python has it; objects with a key twice are added to `doubled`, each with that key."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(items)
        if len(made) < len(items):
            doubled.append((made, Counter(key for key, _ in items).most_common(1)[0][0]))
        return made

    return json.loads(text, parse_constant=lambda name: None, object_pairs_hook=pairs)


def _doubled_key(key: str, number: int | None) -> TableError:
    where = "" if number is None else f", row {number:,}"
    return TableError(f'{where}: expected each key once in an object, found "{one_line(key, 40)}" more than once.')


def rows_of(source: TextSource, number: int = 0) -> Iterator[tuple[int, dict[str, object]]]:
    """Each row with its number, the one after `number` first; TableError for one that is none."""
    with source.stream() as handle:
        handle.seek(source.offset)
        for line in handle:
            if not line.strip():
                continue
            number += 1
            doubled = list[tuple[dict[str, Any], str]]()
            try:
                row = _loaded(line.decode("utf-8-sig"), doubled)
            except UnicodeDecodeError as error:
                raise TableError(f", row {number:,}: expected UTF-8, found other bytes. Save it as UTF-8.") from error
            except json.JSONDecodeError as error:
                raise TableError(
                    f", row {number:,}, is not readable as json: {error.msg}, at character {error.colno}."
                ) from error
            except ValueError as error:  # Python reads no longer one
                raise TableError(
                    f", row {number:,}: expected numbers of at most {sys.get_int_max_str_digits():,} digits, found a "
                    "longer one. Write it as text."
                ) from error
            if not isinstance(row, dict):
                raise TableError(f", row {number:,}: expected an object with the columns, found a {_kind(row)}.")
            if doubled:
                raise _doubled_key(doubled[0][1], number)
            yield number, row


def check_kinds(source: TextSource) -> None:
    """Refuse rows of which one is no JSON, or has other kinds than those before it.

    Raises:
        MixedKindsError: other kinds.
        TableError: no JSON, or none that a table holds.
    """
    first: dict[str, tuple[str, int]] = {}
    for number, row in rows_of(source):
        for name, cell in row.items():
            for place, kind in _kinds(cell, name):
                before, row_before = first.setdefault(place, (kind, number))
                if kind != before:
                    column = one_line(name, 40)
                    raise MixedKindsError(
                        f', row {number:,}: expected a {before} in "{column}" as in row {row_before:,}, found a '
                        f"{kind}. Write one kind in the whole column.",
                        source,
                    )


def _kinds(cell: Any, place: str) -> Iterator[tuple[str, str]]:
    """The kind of a cell and of what it holds, each with its place."""
    if cell is None:
        return
    yield place, _kind(cell)
    inside: Iterable[tuple[Any, Any]] = ()
    if isinstance(cell, list | dict):
        inside = enumerate(cell) if isinstance(cell, list) else cell.items()
    for name, item in inside:
        yield from _kinds(item, f"{place}[]" if isinstance(cell, list) else f"{place}.{name}")


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", str: "text", list: "list", dict: "object", type(None): "null"}
    return kinds.get(type(value), "number")

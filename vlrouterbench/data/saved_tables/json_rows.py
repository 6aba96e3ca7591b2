"""A table as JSON: one row in a line, or a list of rows.

Decisions
- What looks like a date stays the text it is, since JSON has no dates. NaN, which JSON has not either, is no value.
"""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.json

from vlrouterbench.data.saved_tables.bounds import check_depth
from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.delimited import BLOCK_BYTES, in_larger_blocks
from vlrouterbench.data.saved_tables.form import TableError


def read_json_lines(source: TextSource) -> pa.Table:
    """A jsonl file.

    Raises:
        pyarrow.ArrowInvalid: it is none.
    """
    check_depth(source.stream)
    table = _parsed(source, None)
    texts = {kind: pa.string() for kind in table.schema.types if pa.types.is_timestamp(kind)}
    texts |= {
        kind: pa.list_(pa.string())
        for kind in table.schema.types
        if pa.types.is_list(kind) and pa.types.is_timestamp(kind.value_type)
    }
    if not texts:
        return table
    schema = pa.schema([(field.name, texts[field.type]) for field in table.schema if field.type in texts])
    return _parsed(source, schema)


def read_json_rows(source: TextSource) -> pa.Table:
    """A json file with a list of rows; lines are read as `read_json_lines` does.

    Raises:
        TableError: another form of JSON.
        pyarrow.ArrowInvalid: no JSON.
    """
    try:
        rows = json.loads(source.all(), parse_constant=lambda name: None)
    except UnicodeDecodeError:
        return read_json_rows(source.as_chinese())
    except ValueError:
        return read_json_lines(source)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise TableError(
            " is not readable as json: expected a list of rows, as pandas' to_json(orient='records') writes."
        )
    return read_json_lines(TextSource(source.path, "\n".join(map(json.dumps, rows)).encode()))


def _parsed(source: TextSource, schema: pa.Schema | None) -> pa.Table:
    for size in BLOCK_BYTES:
        try:
            return pyarrow.json.read_json(
                source.opened(),
                pyarrow.json.ReadOptions(block_size=size),
                pyarrow.json.ParseOptions(explicit_schema=schema),
            )
        except pa.ArrowInvalid as error:
            if not in_larger_blocks(error, size):
                raise
    raise TableError(" is not readable: a row is too long.")

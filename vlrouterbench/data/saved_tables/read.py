"""A table as it was saved -> its columns: parquet, csv, tsv, jsonl, json, xlsx, and the texts of these in gzip.

Decisions
- What a file is follows from its first bytes, then from its ending, in any case of letters.
- Numbers in a column of texts are their text, so that every format gives the same.
- A message is one line, and shows little of what stands in the file.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from vlrouterbench.core.limits import PACKED_BYTES, TABLE_RATIO
from vlrouterbench.data.saved_tables.bounds import (
    BoundsError,
    check_columns,
    check_parquet,
    check_parquet_bytes,
    open_parquet,
)
from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.delimited import EMPTY, TOO_LONG, read_delimited
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.json_rows import read_json_lines, read_json_rows
from vlrouterbench.data.saved_tables.workbook import WORKBOOK, read_workbook
from vlrouterbench.routers.encoders.sample_input import one_line

_RAGGED = re.compile(r"CSV parse error: (?:Row #\d+: )?Expected (\d+) columns, got (\d+): ?(.*)")
_BLOCK_BYTES = 2**20
_DAMAGED_PARQUET = ("Parquet magic bytes", "Parquet file size", "Couldn't deserialize thrift")
"""How Arrow begins to say that a file is no whole parquet."""
PARQUET, GZIP = b"PAR1", b"\x1f\x8b"


def read_saved_table(path: Path, form: TableForm) -> pa.Table:
    """A table, every column that it has.

    Raises:
        TableError: it cannot be read, has a column twice, or is over a limit.
    """
    with readable(path):
        table = _read(path, form)
        check_columns(table.num_columns)
        check_doubled(table.column_names)
        return with_texts(table, form)


def check_doubled(names: Sequence[str]) -> None:
    """Raise TableError where a column is there twice."""
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise TableError(f": expected each column once, found {one_line(', '.join(doubled))} more than once.")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say of a table that cannot be read what is wrong with it, as a TableError."""
    try:
        yield
    except BoundsError as error:
        raise TableError(f" is not read: {error}. Leave out what is not needed, or divide it into files.") from error
    except UnicodeDecodeError as error:
        raise TableError(": expected names of columns in UTF-8, found other bytes. Save it as UTF-8.") from error
    except (pa.ArrowException, OSError, EOFError, zlib.error, RecursionError) as error:
        if "straddling" in str(error):
            raise TableError(TOO_LONG) from error
        kind = (ending_of(path) or path.suffix)[1:] or "a table"
        said = one_line(" ".join(str(error).split())).rstrip(".")
        raise TableError(f" is not readable as {kind}: {_said_plainly(said)}") from error


def _said_plainly(said: str) -> str:
    """What a library said of a damaged table, with what to do."""
    if found := _RAGGED.search(said):
        expected, cells, row = found.groups()
        return (
            f"expected {expected} cells in every row as in the header, found {cells} in {row or 'one'}. Put texts that "
            "hold the separator or a line break in quotation marks."
        )
    if said == EMPTY:
        return "it is empty, where a header and rows were expected. Save or fetch it again."
    if said.startswith(_DAMAGED_PARQUET):
        return f"it is cut off, damaged, or something else ({said}). Save or fetch it again."
    return f"{said}. Save or fetch it again."


def _read(path: Path, form: TableForm) -> pa.Table:
    with path.open("rb") as handle:
        start = handle.read(4)
    content = None
    if start[:2] == GZIP:
        content = unpacked(path, form)
        start = content[:4]
    ending = (ending_of(path) or "").removesuffix(".gz")
    if start == PARQUET or ending == ".parquet":
        return _read_parquet(path if content is None else content, form)
    if start == WORKBOOK or ending == ".xlsx":
        return read_workbook(path.read_bytes() if content is None else content, form)
    source = TextSource.of(path, content)
    if ending in (".json", ".jsonl"):
        return read_json_rows(source) if ending == ".json" else read_json_lines(source)
    return read_delimited(source, form, likely="\t" if ending == ".tsv" else ",")


def text_source(path: Path) -> TextSource | None:
    """A table's text, unpacked while it is read; None of one that is no text, or that is a list of rows in JSON.

    Raises:
        TableError: it is no text of the encoding that it begins as.
    """
    packed = TextSource(path).start(2) == GZIP
    start, ending = TextSource(path, packed=packed).start(4), (ending_of(path) or "").removesuffix(".gz")
    if start in (PARQUET, WORKBOOK) or ending in (".parquet", ".xlsx", ".json"):
        return None
    source = TextSource.streamed(path, packed=packed)
    named_packed = (ending_of(path) or "").endswith(".gz")
    if start and named_packed and not packed and source.content is None and not source.offset:
        raise zlib.error("zlib inflate failed: incorrect header check")  # as Arrow says of it where it reads the whole
    return source


def check_unpacked(path: Path, found: int) -> None:
    """Refuse a packed file that unpacks to more than the limit.

    Raises:
        BoundsError: it does.
    """
    most = max(PACKED_BYTES, TABLE_RATIO * path.stat().st_size)
    if found > most:
        raise BoundsError(f"it unpacks to more than {most:,} bytes")


def unpacked(path: Path, form: TableForm) -> bytes:
    """What a packed file holds; errors as for `read_saved_table`."""
    most = max(PACKED_BYTES, TABLE_RATIO * path.stat().st_size)
    if form.most_bytes is not None:
        most = min(most, form.most_bytes)
    with gzip.open(path) as handle:
        # Counted first: what is read grows by copies of itself.
        found = 0
        while found <= most and (block := handle.read(_BLOCK_BYTES)):
            found += len(block)
    form.check_size(found)
    check_unpacked(path, found)
    with gzip.open(path) as handle:
        return handle.read(found)


def _read_parquet(source: Path | bytes, form: TableForm) -> pa.Table:
    with open_parquet(source) as file:
        facts = file.metadata
        check_parquet(facts)
        form.check_size(sum(facts.row_group(group).total_byte_size for group in range(facts.num_row_groups)))
        if form.most_rows is not None and facts.num_rows > form.most_rows:
            raise TableError(f" has {facts.num_rows:,} rows; at most {form.most_rows:,} are accepted.")
        check_parquet_bytes(source)
        return file.read()


def with_texts(table: pa.Table, form: TableForm) -> pa.Table:
    """The table, or some rows of it, with the columns that are text as text."""
    for place, field in enumerate(table.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name in form.texts and not pa.types.is_nested(kind):
            table = table.set_column(place, field.name, table[place].cast(kind).cast(pa.string()))
    return table

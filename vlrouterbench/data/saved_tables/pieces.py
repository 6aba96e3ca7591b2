"""A table of text that is read piece by piece: no more of it is in memory than a piece of a few megabytes.

Decisions
- Where pieces begin, how many rows each has and of which kinds the columns are is found once, by reading all of them
  (`cutting.py`).
  Then any piece is read by itself, and gives what reading the whole table gives.
- What is packed is unpacked while it is read, from its beginning up to the piece. What is not in UTF-8 is decoded in
  memory as a whole; lists of JSON and workbooks are read as a whole (`read.py`), and have no pieces.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.delimited import BLOCK_BYTES
from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.json_rows import rows_of
from vlrouterbench.data.saved_tables.read import readable, text_source, unpacked, with_texts

LINES, MIXED = "lines", "mixed"
"""Kinds of JSON's tables; of another one the kind is its separator."""
_CHANGED = "It changed. Save or fetch it again."


class Piece(NamedTuple):
    """Where a piece begins and ends, in bytes of the unpacked text, and how many rows it has."""

    start: int
    stop: int
    rows: int


class PiecesRecord(TypedDict):
    """As JSON-ready content; `schema` is Arrow's own form of it in base64."""

    kind: str
    columns: list[str]
    decoded: bool
    schema: str
    pieces: list[list[int]]


Row = Mapping[str, object]


@dataclass(frozen=True)
class Pieces:
    """What reading a table once has found.

    Attributes:
        kind: the separator of its columns; of JSON one of LINES and MIXED.
        columns: all of its columns.
        schema: kinds of those that are known; nothing where rows stay as they are.
        pieces: all of it, in order.
        decoded: whether it is in another encoding than UTF-8 that has no mark.
    """

    kind: str
    columns: tuple[str, ...]
    schema: pa.Schema
    pieces: tuple[Piece, ...]
    decoded: bool = False

    def __len__(self) -> int:
        """Number of rows."""
        return sum(piece.rows for piece in self.pieces)

    def as_dict(self) -> PiecesRecord:
        """As JSON-ready content."""
        kinds = base64.b64encode(self.schema.serialize().to_pybytes()).decode()
        pieces = [list(piece) for piece in self.pieces]
        return {
            "kind": self.kind,
            "columns": list(self.columns),
            "decoded": self.decoded,
            "schema": kinds,
            "pieces": pieces,
        }

    @classmethod
    def from_dict(cls, content: PiecesRecord) -> Pieces:
        """What `as_dict` gave."""
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(content["schema"])))
        pieces = tuple(Piece(*numbers) for numbers in content["pieces"])
        return cls(content["kind"], tuple(content["columns"]), schema, pieces, content["decoded"])


@dataclass
class PiecedTable:
    """A table of text that is read in pieces; it is closed by `close`.

    Attributes:
        source: its text.
        form: what is known of it.
        found: where its pieces are.
    """

    source: TextSource
    form: TableForm
    found: Pieces

    def __post_init__(self) -> None:
        self._handle = self.source.stream()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def rows(self, start: int, stop: int, columns: Iterable[str] | None, size: int) -> Iterator[Row]:
        """Rows from `start` to before `stop`, each with the columns that are known.

        Args:
            start: number of the first one, from 0 on.
            stop: number of the one after the last.
            columns: names of those that are wanted, None for all that are known.
            size: rows that are made of a piece at a time.

        Raises:
            TableError: it cannot be read, or is another table than the one that was cut.
        """
        first = 0
        for piece in self.found.pieces:
            if first < stop and first + piece.rows > start:
                within = slice(max(start - first, 0), min(stop - first, piece.rows))
                yield from self._rows_of(piece, within, columns, size)
            first += piece.rows

    def _rows_of(self, piece: Piece, within: slice, columns: Iterable[str] | None, size: int) -> Iterator[Row]:
        with readable(self.source.path):
            self._handle.seek(piece.start)
            content = self._handle.read(piece.stop - piece.start)
            if self.found.kind == MIXED:
                kept = [row for _, row in rows_of(TextSource(self.source.path, content))]
                read: Sized = kept
            else:
                wanted = [one for one in self.found.schema if columns is None or one.name in columns]
                read = table = self._parsed(content, pa.schema(wanted))
            if len(read) != piece.rows:
                raise TableError(f": expected {piece.rows:,} rows in a piece of it, found {len(read):,}. {_CHANGED}")
        if self.found.kind == MIXED:
            yield from kept[within]
            return
        for place in range(within.start, within.stop, size):
            yield from table.slice(place, min(size, within.stop - place)).to_pylist()

    def _parsed(self, content: bytes, wanted: pa.Schema) -> pa.Table:
        if self.found.kind == LINES:
            table = read_lines_piece(content, wanted).select(wanted.names)
        else:
            table = read_delimited_piece(content, self.found.kind, self.found.columns, wanted)
        return with_texts(table, self.form)


def opened_table(path: Path, form: TableForm, found: Pieces) -> PiecedTable:
    """A table whose pieces are known.

    Raises:
        TableError: as for `read_saved_table`.
    """
    with readable(path):
        source = text_source(path)
        if source is None:
            raise TableError(f": expected a table of text, found another one. {_CHANGED}")
        return PiecedTable(decoded_whole(source, form, known=True) if found.decoded else source, form, found)


def decoded_whole(source: TextSource, form: TableForm, *, known: bool = False) -> TextSource:
    """A text that is not in UTF-8, as a whole; `known` as for `TextSource.as_chinese`."""
    return TextSource(source.path, unpacked(source.path, form) if source.packed else None).as_chinese(known=known)


def read_delimited_piece(content: bytes, separator: str, names: Sequence[str], wanted: pa.Schema) -> pa.Table:
    """Rows of delimited text without its header.

    Args:
        content: the text.
        separator: between columns.
        names: of all columns.
        wanted: those that are read.
    """
    read = pyarrow.csv.ReadOptions(column_names=list(names), block_size=block_size(content), use_threads=False)
    parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    # One column at least, so that rows are counted.
    kept = wanted.names or list(names[:1])
    types = {name: pa.string() if name in wanted.names else pa.binary() for name in kept}
    convert = pyarrow.csv.ConvertOptions(column_types=types, include_columns=kept, strings_can_be_null=False)
    return pyarrow.csv.read_csv(pa.BufferReader(content), read, parse, convert)


def read_lines_piece(content: bytes, wanted: pa.Schema | None) -> pa.Table:
    """Rows of JSON: with the kinds that they have, or with those that are wanted and no other column."""
    others = "infer" if wanted is None else "ignore"
    return pyarrow.json.read_json(
        pa.BufferReader(content),
        pyarrow.json.ReadOptions(block_size=block_size(content), use_threads=False),
        pyarrow.json.ParseOptions(explicit_schema=wanted, unexpected_field_behavior=others),
    )


def block_size(content: bytes) -> int:
    """The size of block by which Arrow's readers take a piece as one."""
    return min(max(len(content) + 1, BLOCK_BYTES[0]), BLOCK_BYTES[-1])

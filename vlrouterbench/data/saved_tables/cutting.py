"""Where the pieces of a table of text are: found by reading all of it once, a piece at a time (`pieces.py`).

Decisions
- A piece ends where a row does: after a line break that stands in no quotation marks, or before a line that begins an
  object. A row that is longer than a piece makes a longer piece.
- Kinds of JSON's columns are those of all pieces together, as they would be of the whole; where cells of a column are
  of several kinds, rows stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.data.saved_tables.bounds import check_columns, check_depth, check_keys, check_rows
from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.delimited import BLOCK_BYTES, EMPTY, TOO_LONG, layout_of, of_other_encoding
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.json_rows import MixedKindsError, check_kinds, rows_of, without_dates
from vlrouterbench.data.saved_tables.pieces import (
    LINES,
    MIXED,
    Piece,
    PiecedTable,
    Pieces,
    block_size,
    decoded_whole,
    read_delimited_piece,
    read_lines_piece,
)
from vlrouterbench.data.saved_tables.read import check_doubled, check_unpacked, readable, text_source

PIECE_BYTES = 2**22
"""Of a piece, about: some ten thousand questions."""


def cut_table(path: Path, form: TableForm) -> PiecedTable | None:
    """Find the pieces of a table of text; None of a table that is read as a whole.

    Raises:
        TableError: as for `read_saved_table`.
    """
    with readable(path):
        source = text_source(path)
        if source is None:
            return None
        ending = (ending_of(path) or "").removesuffix(".gz")
        if ending == ".jsonl":
            return PiecedTable(source, form, _cut_lines(source, form))
        return _cut_delimited(source, form, "\t" if ending == ".tsv" else ",")


def _cut_delimited(source: TextSource, form: TableForm, likely: str) -> PiecedTable:
    try:
        return PiecedTable(source, form, _pieces_of_delimited(source, form, likely))
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if not of_other_encoding(error):
            raise
    source = decoded_whole(source, form)
    return PiecedTable(source, form, replace(_pieces_of_delimited(source, form, likely), decoded=True))


def _pieces_of_delimited(source: TextSource, form: TableForm, likely: str) -> Pieces:
    separator, skipped = layout_of(source, form, likely)
    record = _record(separator)

    def end(content: bytes) -> int:
        if b'"' in content:
            found = record.match(content)
            return found.end() if found else 0
        return max(content.rfind(b"\n"), content.rfind(b"\r")) + 1

    pieces, names, schema = list[Piece](), tuple[str, ...](), pa.schema([])
    for start, content in _cut(source, end):
        begin = 0
        if not names:  # the header, and a line that states the separator, are no rows
            begin = _after_header(content, record, skipped)
            options = pyarrow.csv.ReadOptions(skip_rows=skipped, block_size=block_size(content))
            parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
            header = pyarrow.csv.read_csv(pa.BufferReader(content[:begin]), options, parse)
            names = tuple(header.column_names)
            check_columns(len(names))
            check_doubled(names)
            texts = (*form.texts, *form.others, *form.images)
            schema = pa.schema([(name, pa.string()) for name in names if name in texts])
        if rows := content[begin:]:
            count = len(read_delimited_piece(rows, separator, names, schema))
            pieces.append(Piece(start + begin, start + len(content), count))
    if not names:
        raise pa.ArrowInvalid(EMPTY)
    return Pieces(separator, names, schema, tuple(pieces))


def _record(separator: str) -> re.Pattern[bytes]:
    """As many whole rows as there are, by the rules of Arrow's reader: a cell is quoted that begins with a mark."""
    mark = re.escape(separator.encode())
    plain = rb"[^" + mark + rb"\r\n]*+"
    cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"' + plain + rb'|(?!")' + plain + rb")"
    return re.compile(rb"(?:" + cell + rb"(?:" + mark + cell + rb")*+(?:\r\n|\r|\n))*+")


def _after_header(content: bytes, record: re.Pattern[bytes], skipped: int) -> int:
    """Where the rows begin; all of it where there is a header alone."""
    one = re.compile(record.pattern[:-2])  # less the repetition
    place = 0
    while found := one.match(content, place):
        place = found.end()
        if found.group().strip(b"\r\n"):
            if not skipped:
                return place
            skipped -= 1
    return len(content)


def _cut_lines(source: TextSource, form: TableForm) -> Pieces:
    check_depth(source.stream)
    check_keys(source.stream)
    check_rows(source.stream)
    pieces, merged = list[Piece](), pa.schema([])
    try:
        for start, content in _cut(source, _end_of_lines):
            if not content.strip():
                continue
            try:
                table = read_lines_piece(content, None)
                merged = pa.unify_schemas([merged, without_dates(table.schema)], promote_options="permissive")
            except pa.ArrowException:
                check_kinds(source)
                raise
            pieces.append(Piece(start, start + len(content), len(table)))
    except MixedKindsError:
        return _cut_mixed(source)
    if not pieces:  # whoever reads it says what is wrong with nothing
        read_lines_piece(source.all(), None)
    check_columns(len(merged))
    known = pa.schema([one for one in merged if one.name in form.known])
    return Pieces(LINES, tuple(merged.names), known, tuple(pieces))


def _cut_mixed(source: TextSource) -> Pieces:
    pieces, columns, number = list[Piece](), dict[str, None](), 0
    for start, content in _cut(source, lambda content: content.rfind(b"\n") + 1):
        before = number
        for number, row in rows_of(TextSource(source.path, content), before):  # noqa: B007
            columns.update(dict.fromkeys(row))
        pieces.append(Piece(start, start + len(content), number - before))
    return Pieces(MIXED, tuple(columns), pa.schema([]), tuple(pieces))


def _end_of_lines(content: bytes) -> int:
    return content.rfind(b"\n{") + 1


def _cut(source: TextSource, end: Callable[[bytes], int]) -> Iterator[tuple[int, bytes]]:
    """Pieces of whole rows, each with where it begins.

    Args:
        source: what is cut.
        end: gives where the last whole row of some bytes ends, 0 where none does.

    Raises:
        TableError: a row is too long.
    """
    place, left = source.offset, b""
    with source.stream() as handle:
        handle.seek(place)
        whole = False
        while not whole:
            asked = max(PIECE_BYTES, len(left))
            block = handle.read(asked)
            whole, left = len(block) < asked, left + block
            if source.packed:
                check_unpacked(source.path, place + len(left))
            if not whole and (stop := end(left)):
                yield place, left[:stop]
                place, left = place + stop, left[stop:]
            if len(left) > BLOCK_BYTES[-1]:
                raise TableError(TOO_LONG)
    if left:
        yield place, left

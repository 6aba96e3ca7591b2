"""Reading shards: what one holds, and any of its rows, with no more of it in memory than a few rows.

Decisions
- A table of text is cut into pieces when it is looked through (`data/saved_tables/cutting.py`); then the pieces of a
  part are read alone. Lists of JSON and workbooks, which have limits of their own, are read whole, and the last one
  stays for the next part.
- A row without an id is called by its number among the rows of all shards, from 1 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError, said
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_columns
from vlrouterbench.data.saved_tables.cutting import cut_table
from vlrouterbench.data.saved_tables.form import TableError
from vlrouterbench.data.saved_tables.pieces import PiecedTable, Pieces, opened_table
from vlrouterbench.data.saved_tables.read import PARQUET, check_doubled, readable, with_texts
from vlrouterbench.routers.encoders.sample_input import IMAGE_FIELDS, RouterInputError, read_text
from vlrouterbench.routing.limits import UNLIMITED, QuestionError
from vlrouterbench.routing.parts.shards import Stamp, stamp_of
from vlrouterbench.routing.question_table import (
    RawRow,
    check_question_column,
    not_a_table,
    question_form,
    read_question_table,
)

ID = "sample_id"
_TEXT_ROWS, _IMAGE_ROWS = 1_024, 64
"""Rows of a parquet file that are in memory together: images of 50 KB each are 3 MB then, and of 5 MB each 320."""


@dataclass(frozen=True)
class PartRows:
    """Where the rows of parts are, as it is sent to other processes.

    Attributes:
        root: the folder that names of shards are relative to.
        shards: their names.
        pieces: name of a shard of text -> its pieces.
        stamps: name of a shard -> its stamp from before it was looked through.
    """

    root: Path
    shards: Sequence[str]
    pieces: Mapping[str, Pieces] = field(default_factory=dict)
    stamps: Mapping[str, Stamp] = field(default_factory=dict)

    def reader(self) -> ShardReader:
        """What reads them."""
        return ShardReader(self.root, dict(self.pieces))

    def check_unchanged(self, name: str) -> None:
        """Refuse a shard that changed since the job was looked through.

        Raises:
            SourceError: it did.
        """
        try:
            found: Stamp | None = stamp_of(self.root / name)
        except OSError:
            found = None
        if found != self.stamps.get(name, found):
            raise SourceError(
                f"{self.root / name}: expected the table that this job was begun with, found it "
                f"{'gone' if found is None else 'changed'} meanwhile. Put it back and run the same command again: what "
                "is done stays."
            )


class ShardContent(NamedTuple):
    """What a shard holds: its number of rows and the names of all of its columns."""

    rows: int
    columns: tuple[str, ...]


@dataclass
class ShardReader:
    """Reads shards; the last one that is no parquet stays open.

    Attributes:
        root: the folder that names of shards are relative to.
        pieces: name of a shard of text -> its pieces, of those that were looked through.
    """

    root: Path
    pieces: dict[str, Pieces] = field(default_factory=dict)
    _last: tuple[str, PiecedTable | list[RawRow]] = field(default=("", []), init=False)

    def content(self, name: str) -> ShardContent:
        """What a shard holds.

        Raises:
            SourceError: it cannot be read, or has no column `question`.
        """
        try:
            if self._is_parquet(name):
                with self._parquet(name) as file:
                    content = ShardContent(file.metadata.num_rows, tuple(file.schema_arrow.names))
                check_columns(len(content.columns))
                check_doubled(content.columns)
            else:
                content = self._text_content(name)
            check_question_column(content.columns)
        except (QuestionError, BoundsError, pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.root / name}: {said(error)}.") from error
        except TableError as error:
            raise SourceError(f"{self.root / name}: {said(not_a_table(error))}.") from error
        return content

    def rows(self, name: str, start: int, stop: int, columns: list[str] | None = None) -> Iterator[RawRow]:
        """Rows of a shard from `start` to before `stop`, each with the columns that are known.

        Raises:
            SourceError: it cannot be read, or ends before.
        """
        count = 0
        try:
            if self._is_parquet(name):
                found = self._parquet_rows(name, start, stop, columns)
            else:
                found = self._text_rows(name, start, stop, columns)
            for row in found:
                count += 1
                yield row
        except (QuestionError, pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.root / name}: {said(error)}. Save or fetch it again.") from error
        except TableError as error:
            raise SourceError(f"{self.root / name}{error}") from error
        if count < stop - start:
            raise SourceError(f"{self.root / name}: expected {stop:,} rows, found fewer. It changed meanwhile.")

    def ids(self, name: str, rows: int, first_row: int) -> Iterator[list[str]]:
        """The ids of a shard's rows, in lists; `first_row` is its first row's place among all, from 0 on."""
        names = list[str]()
        for number, row in enumerate(self.rows(name, 0, rows, [ID]), start=first_row + 1):
            names.append(id_of(row, number))
            if len(names) >= _TEXT_ROWS:
                yield names
                names = []
        yield names

    def _is_parquet(self, name: str) -> bool:
        with (self.root / name).open("rb") as handle:
            return handle.read(4) == PARQUET

    def _parquet(self, name: str) -> pq.ParquetFile:
        """A file, open; TableError where it is damaged, as where one is read as a single table."""
        with readable(self.root / name):
            return pq.ParquetFile(self.root / name)

    def _text_content(self, name: str) -> ShardContent:
        """What a shard holds that is no parquet; it stays open."""
        path, form = self.root / name, question_form(UNLIMITED)
        if (table := cut_table(path, form)) is not None:
            self.pieces[name] = table.found
            self._keep(name, table)
            return ShardContent(len(table.found), table.found.columns)
        whole = read_question_table(path, UNLIMITED)
        self._keep(name, whole.rows())
        return ShardContent(len(whole), tuple(whole.columns))

    def _keep(self, name: str, table: PiecedTable | list[RawRow]) -> None:
        if isinstance(self._last[1], PiecedTable):
            self._last[1].close()
        self._last = (name, table)

    def _text_rows(self, name: str, start: int, stop: int, columns: list[str] | None) -> Iterator[RawRow]:
        if self._last[0] != name:
            if name in self.pieces:
                self._keep(name, opened_table(self.root / name, question_form(UNLIMITED), self.pieces[name]))
            else:
                self._text_content(name)
        table = self._last[1]
        return iter(table[start:stop]) if isinstance(table, list) else table.rows(start, stop, columns, _TEXT_ROWS)

    def _parquet_rows(self, name: str, start: int, stop: int, columns: list[str] | None) -> Iterator[RawRow]:
        form = question_form(UNLIMITED)
        with self._parquet(name) as file:
            wanted = [name for name in file.schema_arrow.names if name in (columns or form.known)]
            if not wanted:
                yield from ({} for _ in range(start, min(stop, file.metadata.num_rows)))
                return
            groups, first, before = list[int](), 0, 0
            for group in range(file.num_row_groups):
                after = before + file.metadata.row_group(group).num_rows
                if before < stop and after > start:
                    first = first if groups else before
                    groups.append(group)
                before = after
            size = _IMAGE_ROWS if set(wanted) & set(IMAGE_FIELDS) else _TEXT_ROWS
            for batch in file.iter_batches(size, groups, wanted, use_threads=False):
                last = first + batch.num_rows
                if last > start and first < stop:
                    rows = batch.slice(max(start - first, 0), min(stop, last) - max(start, first))
                    yield from with_texts(pa.Table.from_batches([rows]), form).to_pylist()
                first = last
                if first >= stop:
                    return


def id_of(row: RawRow, number: int) -> str:
    """The id that a row states, else its number."""
    try:
        return read_text(row.get(ID), ID).strip() or str(number)
    except RouterInputError:
        return str(number)

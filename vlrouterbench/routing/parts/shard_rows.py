"""Reading shards: what one holds, and any of its rows, with no more of a parquet file in memory than a few rows.

Decisions
- Tables of text are read whole, since their rows can be found in no other way; the last one stays for the next part.
- A row without an id is called by its number among the rows of all shards, from 1 on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError, said
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_columns
from vlrouterbench.data.saved_tables.read import PARQUET, with_texts
from vlrouterbench.routers.encoders.sample_input import IMAGE_FIELDS, RouterInputError, read_text
from vlrouterbench.routing.limits import UNLIMITED, QuestionError
from vlrouterbench.routing.question_table import RawRow, check_question_column, question_form, read_question_table

ID = "sample_id"
_TEXT_ROWS, _IMAGE_ROWS = 1_024, 64
"""Rows of a parquet file that are in memory together: images of 50 KB each are 3 MB then, and of 5 MB each 320."""


class ShardContent(NamedTuple):
    """What a shard holds: its number of rows and the names of all of its columns."""

    rows: int
    columns: tuple[str, ...]


@dataclass
class ShardReader:
    """Reads shards; of those of text the last one stays in memory.

    Attributes:
        root: the folder that names of shards are relative to.
    """

    root: Path
    _last: tuple[str, list[RawRow]] = field(default=("", []), init=False)

    def content(self, name: str) -> ShardContent:
        """What a shard holds.

        Raises:
            SourceError: it cannot be read, or has no column `question`.
        """
        try:
            if self._is_parquet(name):
                with pq.ParquetFile(self.root / name) as file:
                    content = ShardContent(file.metadata.num_rows, tuple(file.schema_arrow.names))
                check_columns(len(content.columns))
            else:
                table = read_question_table(self.root / name, UNLIMITED)
                self._last = (name, table.rows())
                content = ShardContent(len(table), tuple(table.columns))
            check_question_column(content.columns)
        except (QuestionError, BoundsError, pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.root / name}: {said(error)}.") from error
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
                found = iter(self._text(name)[start:stop])
            for row in found:
                count += 1
                yield row
        except (QuestionError, pa.ArrowException, OSError) as error:
            raise SourceError(f"{self.root / name}: {said(error)}. Save or fetch it again.") from error
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

    def _text(self, name: str) -> list[RawRow]:
        if self._last[0] != name:
            self._last = (name, read_question_table(self.root / name, UNLIMITED).rows())
        return self._last[1]

    def _parquet_rows(self, name: str, start: int, stop: int, columns: list[str] | None) -> Iterator[RawRow]:
        form = question_form(UNLIMITED)
        with pq.ParquetFile(self.root / name) as file:
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

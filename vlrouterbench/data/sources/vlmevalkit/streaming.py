"""A tsv of any size, a few rows at a time: the tables of questions and images.

Decisions
- Parsed like every other tsv (`reading.py`), but only the wanted columns become cells.
- Arrow's stream reader reads 32 blocks ahead, and a block must hold the end of a row. Blocks of a fixed size would have
  to be as large as the largest image; blocks that end where a line ends are as small as the rows are.
- An error comes where it is met: whoever reads drops the rows before it, so that a damaged table is never half used.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.data.sources.vlmevalkit.file_kinds import UnreadableFileError, header_of, is_utf_16
from vlrouterbench.data.sources.vlmevalkit.questions import Rows
from vlrouterbench.data.sources.vlmevalkit.reading import (
    BLOCK_BYTES,
    tsv_options,
)

_PIECE_BYTES = 2**20
"""Least bytes of a block, but for the last."""


@dataclass(frozen=True)
class RowStream:
    """Names of all columns of a table in file order, and its rows with the wanted ones, to be read once."""

    column_names: list[str]
    parts: Iterator[Rows]


def stream_tsv(path: Path, columns: Collection[str]) -> RowStream:
    """Open a tsv for reading a few rows at a time.

    Args:
        path: the file.
        columns: names of the columns to read; those that the table lacks are missing in its rows.

    Raises:
        UnreadableFileError: with the reason; also while the rows are read.
    """
    names = header_of(path)
    wanted = [name for name in dict.fromkeys(names) if name in columns]
    return RowStream(names, _parts(path, names, wanted))


def _parts(path: Path, names: list[str], wanted: list[str]) -> Iterator[Rows]:
    options = tsv_options(names)
    if is_utf_16(path):
        raise UnreadableFileError("encoded as UTF-16: save it as UTF-8")
    # An empty list would mean every column.
    options["convert_options"].include_columns = wanted or names
    try:
        with path.open("rb") as handle, pyarrow.csv.open_csv(_WholeLines(handle), **options) as reader:
            for batch in reader:
                # Row by row: a cell is held twice, by Arrow and as text, for one row alone.
                for row in range(batch.num_rows):
                    yield batch.slice(row, 1).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise UnreadableFileError(f"not readable as tsv: {error}") from error


class _WholeLines(io.RawIOBase):
    """A file that is read in blocks of whole lines, with quotes closed as far as they are balanced."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def read(self, size: int = -1) -> bytes:
        """The next block; `size` is not kept to, since a block is as long as its lines."""
        block = [self._handle.read(_PIECE_BYTES), self._handle.readline()]
        length, quotes = sum(map(len, block)), sum(part.count(b'"') for part in block)
        # A quoted cell may go on in the next line. A stray quote must not pull in the whole file.
        while quotes % 2 and length < BLOCK_BYTES and (line := self._handle.readline()):
            block.append(line)
            length, quotes = length + len(line), quotes + line.count(b'"')
        return b"".join(block)

    def readable(self) -> bool:
        """Yes."""
        return True

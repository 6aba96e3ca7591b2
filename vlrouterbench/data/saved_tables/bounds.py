"""What a table would take, known before a native reader is let at it.

Decisions
- Arrow's and calamine's readers end the whole process where memory or the stack runs out. What they would take is
  bounded here from the bytes of the file, by counting, in a small part of the time that reading takes.
- A bound that is passed cheaply is enough. One that is not is counted exactly before a file is refused.
"""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import pyarrow.parquet as pq

from vlrouterbench.core import limits
from vlrouterbench.core.errors import VLRouterBenchError

_CHUNK_BYTES = 2**20
_DEPTH_BYTES = 2**16
_CELL_NAME = re.compile(rb"""\sr\s*=\s*["']\s*([A-Z]{1,7})([0-9]{1,9})""")
_INDEX = re.compile(rb"v>\s*([0-9]{1,9})\s*</")
_LONGEST_TAG = 64


class BoundsError(VLRouterBenchError):
    """A table beyond a limit; the message is a clause that says what was found."""


def check_parquet(metadata: pq.FileMetaData) -> None:
    """Refuse a parquet file that is short as it lies there and too large as a table.

    Raises:
        BoundsError: it has too many rows, columns, or values.
    """
    rows, columns = metadata.num_rows, metadata.num_columns
    check_columns(columns)
    if rows > limits.TABLE_ROWS or rows * columns > limits.TABLE_VALUES:
        raise BoundsError(
            f"it has {rows:,} rows of {columns:,} columns, where {limits.TABLE_ROWS:,} rows and "
            f"{limits.TABLE_VALUES:,} values are the most"
        )


def check_columns(count: int) -> None:
    """Refuse a table of too many columns.

    Raises:
        BoundsError: it has more than the limit.
    """
    if count > limits.TABLE_COLUMNS:
        raise BoundsError(f"it has more than {limits.TABLE_COLUMNS:,} columns")


def check_depth(opened: Callable[[], BinaryIO]) -> None:
    """Refuse JSON, one row in a line, whose lists and objects are nested too deeply for a reader that recurses.

    Args:
        opened: opens the file anew.

    Raises:
        BoundsError: a row is nested deeper than the limit.
    """
    with opened() as handle:
        if not _may_be_deep(handle):
            return
    with opened() as handle:
        for number, line in enumerate(handle, start=1):
            if line.count(b"{") + line.count(b"[") > limits.JSON_DEPTH and _depth(line) > limits.JSON_DEPTH:
                raise BoundsError(
                    f"line {number:,} has more than {limits.JSON_DEPTH} lists or objects within each other"
                )


def _may_be_deep(handle: BinaryIO) -> bool:
    """Whether brackets alone leave it open: those in texts are counted, too."""
    before = 0
    while block := handle.read(_DEPTH_BYTES):
        if before + block.count(b"{") + block.count(b"[") > 2 * limits.JSON_DEPTH:
            longest = max(part.count(b"{") + part.count(b"[") for part in block.split(b"\n"))
            if before + longest > limits.JSON_DEPTH:
                return True
        last = block.rfind(b"\n")
        tail = block[last + 1 :]
        before = (before if last < 0 else 0) + tail.count(b"{") + tail.count(b"[")
    return False


def _depth(line: bytes) -> int:
    """How deeply a line is nested, texts left out; JSON_DEPTH + 1 at most matters."""
    depth = deepest = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', line, re.DOTALL):
        sign = found.group()
        depth += sign in (b"[", b"{")
        depth -= sign in (b"]", b"}")
        deepest = max(deepest, depth)
        if deepest > limits.JSON_DEPTH:
            break
    return deepest


class WorkbookScan:
    """What an xlsx file would take, from the bytes of its members, which are read anyway to verify them."""

    def __init__(self) -> None:
        self._tags = 0
        self._longest = 0
        self._far: set[str] = set()
        self._sheets: list[str] = []
        self._shared: list[str] = []
        self._current = ""
        self._run = 0
        self._tail = b""
        self._has_rows = False

    def see(self, name: str, chunk: bytes) -> None:
        """Count a chunk of a member; the chunks of a member come in order.

        Raises:
            BoundsError: a cell is too long.
        """
        if name != self._current:
            self._current, self._run, self._tail, self._has_rows = name, 0, b"", False
            (self._shared if b"<sst" in chunk or b":sst" in chunk else self._sheets).append(name)
        if len(chunk) >= limits.CELL_BYTES and b"<" not in chunk:
            raise BoundsError(f"a cell has more than {limits.CELL_BYTES:,} bytes")
        if name in self._shared:
            parts = chunk.split(b"si>")
            parts_bytes = [len(part) for part in parts]
            parts_bytes[0] += self._run
            self._longest, self._run = max(self._longest, *parts_bytes), parts_bytes[-1]
        else:
            read = self._tail + chunk
            if not self._has_rows and b"<row" not in read and b":row" not in read:
                self._tail = chunk[-_LONGEST_TAG:]
                return
            self._has_rows = True
            content = np.frombuffer(read, np.uint8)
            self._tags += int(np.count_nonzero(content == ord("<")))
            self._tail = chunk[-_LONGEST_TAG:]
            if name not in self._far and _has_far_cells(content):
                self._far.add(name)

    def check(self, archive: zipfile.ZipFile) -> None:
        """Refuse the file where it would take too much.

        Raises:
            BoundsError: a sheet spans too many cells, or its texts are too long together.
        """
        for name in self._far:
            rows, columns = _span(archive, name)
            check_columns(columns)
            if rows * columns > limits.WORKBOOK_CELLS:
                raise BoundsError(
                    f"a sheet spans {rows:,} rows by {columns:,} columns, where {limits.WORKBOOK_CELLS:,} cells are "
                    "the most"
                )
        # A cell with a value is four tags at least, two that open and two that close.
        if self._tags // 4 * self._longest > limits.WORKBOOK_TEXT_BYTES:
            size = self._text_bytes(archive)
            if size > limits.WORKBOOK_TEXT_BYTES:
                raise BoundsError(
                    f"its cells hold {size:,} bytes of shared texts, where {limits.WORKBOOK_TEXT_BYTES:,} are the most"
                )

    def _text_bytes(self, archive: zipfile.ZipFile) -> int:
        """Bytes of all cells that may refer to a shared text."""
        lengths = [len(part) for name in self._shared for part in archive.read(name).split(b"</si>")]
        return sum(
            lengths[int(index)]
            for name in self._sheets
            for chunk in _chunks(archive, name)
            for index in _INDEX.findall(chunk)
            if int(index) < len(lengths)
        )


@functools.cache
def _kinds_of_signs() -> tuple[np.ndarray, ...]:
    """Blanks, quotation marks, digits and capitals, each (256,) bool."""
    kinds = (b"\t\n\r ", b"\"'", b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return tuple(np.isin(np.arange(256), list(signs)) for signs in kinds)


def _has_far_cells(content: np.ndarray) -> bool:
    """Whether cells may stand beyond column Z or row 99,999, or are named in an unusual spelling.

    Whole arrays at once: a search for texts as short as these takes several times as long.

    Args:
        content: (num_bytes,) uint8 of a sheet.
    """
    blanks, quotes, digits, capitals = _kinds_of_signs()
    equal = np.flatnonzero(content == ord("="))
    equal = equal[(equal > 2) & (equal < len(content) - 8)]
    before, after = content[equal - 1], content[equal + 1]
    usual = equal[(before == ord("r")) & (after == ord('"'))]
    letter, second = content[usual + 2], content[usual + 3]
    if (capitals[letter] & capitals[second]).any():
        return True
    tall = usual[digits[second] & digits[content[usual + 7]]]
    if digits[content[tall[:, None] + np.arange(3, 8)]].all(axis=1).any():
        return True
    odd = equal[((before == ord("r")) & (after != ord('"'))) | (blanks[before] & (blanks | quotes)[after])]
    return bool((quotes[content[odd + 1]] | (blanks[content[odd + 1]] & (quotes | blanks)[content[odd + 2]])).any())


def verified(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """The members' bytes, in chunks; every member's checksum is verified once its last chunk was taken.

    Raises:
        BoundsError: the file unpacks to too much, or would take too much as a table; after the last chunk.
        zipfile.BadZipFile: a checksum does not match.
    """
    if sum(member.file_size for member in archive.infolist()) > limits.WORKBOOK_BYTES:
        raise BoundsError(f"it unpacks to more than {limits.WORKBOOK_BYTES:,} bytes")
    scan = WorkbookScan()
    for name in archive.namelist():
        try:
            with archive.open(name) as member:
                while chunk := member.read(_CHUNK_BYTES):
                    scan.see(name, chunk)
                    yield name, chunk
        except zipfile.BadZipFile as error:
            raise zipfile.BadZipFile(f"the checksum of its member {name} does not match") from error
    scan.check(archive)


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member in chunks that overlap by the length of a tag's beginning."""
    tail = b""
    with archive.open(name) as member:
        while chunk := member.read(_CHUNK_BYTES):
            yield tail + chunk
            tail = chunk[-_LONGEST_TAG:]


def _span(archive: zipfile.ZipFile, name: str) -> tuple[int, int]:
    """The largest row and column that a cell of a member stands in."""
    rows = columns = 1
    for chunk in _chunks(archive, name):
        for letters, digits in _CELL_NAME.findall(chunk):
            rows, column = max(rows, int(digits)), 0
            for letter in letters:
                column = 26 * column + letter - ord("A") + 1
            columns = max(columns, column)
    return rows, columns

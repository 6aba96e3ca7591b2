"""An xlsx file read through once, before its reader is: every checksum, what it would take, and what it shows.

Decisions
- The fast reader verifies no checksum and ends the whole process where memory runs out, so the bytes of all members are
  looked at first, a piece at a time.
- A bound that is passed cheaply is enough. One that is not is counted exactly before a file is refused.
- Texts are shared by cells in the member that calamine looks for them in, by the end of its name, and in any other that
  shows no rows and has the tag: only there is every cell looked through for it.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from vlrouterbench.core import limits
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_columns
from vlrouterbench.data.saved_tables.sheet_cells import LONGEST_TAG, cells_of

_CHUNK_BYTES = 2**20
_CELL_NAME = re.compile(rb"""\sr\s*=\s*["']\s*([A-Z]{1,7})([0-9]{1,9})""")
_INDEX = re.compile(rb"v>\s*([0-9]{1,9})\s*</")
_SHARED_TEXTS = "sharedstrings.xml"
_PADDING = b" " * 2 * LONGEST_TAG


class WorkbookScan:
    """What an xlsx file would take, and what its sheets show."""

    def __init__(self) -> None:
        self._tags = 0
        self._longest = 0
        self._far: set[str] = set()
        self._sheets: list[str] = []
        self._shared: list[str] = []
        self._are_texts: dict[str, set[bool]] = {}
        self._current, self._run, self._tail = "", 0, b""
        self._is_shared = self._has_rows = False

    def are_texts(self, sheet: str) -> set[bool]:
        """Of the cells of column A below the first row, whether they are texts; both where there are both.

        Args:
            sheet: name of its member.
        """
        return self._are_texts.get(sheet, set())

    def see(self, name: str, chunk: bytes) -> None:
        """Count a chunk of a member; the chunks of a member come in order.

        Raises:
            BoundsError: a cell is too long.
        """
        if name != self._current:
            self._begin(name)
            is_shared = name.lower().endswith(_SHARED_TEXTS) or (
                not _has_rows(chunk) and (b"<sst" in chunk or b":sst" in chunk)
            )
            (self._shared if is_shared else self._sheets).append(name)
            self._is_shared = is_shared
        if len(chunk) >= limits.CELL_BYTES and b"<" not in chunk:
            raise BoundsError(f"a cell has more than {limits.CELL_BYTES:,} bytes")
        if self._is_shared:
            parts = [len(part) for part in chunk.split(b"si>")]
            parts[0] += self._run
            self._longest, self._run = max(self._longest, *parts), parts[-1]
            return
        piece = self._tail + chunk if self._tail else chunk
        self._has_rows = self._has_rows or _has_rows(piece)
        self._tail = chunk[-LONGEST_TAG:]
        if self._has_rows:
            self._look(piece)

    def end(self) -> None:
        """Look at the last bytes of a member, once all of its chunks were seen."""
        if self._has_rows:
            self._look(self._tail + _PADDING)

    def _begin(self, name: str) -> None:
        self._current, self._run, self._tail = name, 0, b""
        self._is_shared = self._has_rows = False

    def _look(self, piece: bytes) -> None:
        cells = cells_of(piece)
        self._tags += cells.num_tags
        self._are_texts.setdefault(self._current, set()).update(cells.are_texts)
        if cells.may_be_far:
            self._far.add(self._current)

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


def _has_rows(content: bytes) -> bool:
    return b"<row" in content or b":row" in content


def verified(archive: zipfile.ZipFile) -> WorkbookScan:
    """What its members show, once every member's checksum was verified.

    Raises:
        BoundsError: the file unpacks to too much, or would take too much as a table.
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
                scan.end()
        except zipfile.BadZipFile as error:
            raise zipfile.BadZipFile(f"the checksum of its member {name} does not match") from error
    scan.check(archive)
    return scan


def _chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member in chunks that overlap by the length of a tag's beginning."""
    tail = b""
    with archive.open(name) as member:
        while chunk := member.read(_CHUNK_BYTES):
            yield tail + chunk
            tail = chunk[-LONGEST_TAG:]


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

"""One log file -> a table of text cells.

Decisions
- Every cell is text, empty cells are null: what a column's type is must not depend on its first rows, and the answer
  "None" is an answer. Rules that need VLMEvalKit's own reading apply it themselves.
- A cell of white space alone is empty in xlsx: the format keeps such text only where its writer said so, and openpyxl
  does not. A formula is never computed: its cell is what was stored with it, empty where nothing was.
- The fast xlsx reader does not verify checksums, so each member of the archive is verified first: a flipped bit must
  not become another cell.
- A file that cannot be read raises `UnreadableFileError`; the caller names it and goes on.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.data.saved_tables.bounds import BoundsError
from vlrouterbench.data.saved_tables.workbook_scan import verified
from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.file_kinds import (
    INDEX,
    UnreadableFileError,
    decoded,
    delimiter_of,
    ends_a_line,
    header_of,
    is_utf_16,
    kind_of,
)

_CHUNK_BYTES = 2**20
BLOCK_BYTES = 2**27
"""Longest row of a tsv, in bytes; a table is read in blocks of this size."""


Remark = tuple[Reason, str]
"""What is odd about a file that can be read all the same."""
_FIRST_SHEET = "xl/worksheets/sheet1.xml"
_LONGEST_CELL_TAG = 64
_FLOAT = re.compile(r"\d+\.0+")


def read_text_table(path: Path, remarks: list[Remark] | None = None) -> pa.Table:
    """Read xlsx, tsv, csv, json or jsonl as a table of strings, columns in file order.

    Args:
        path: the file.
        remarks: takes what is odd about a file that can be read: further sheets, an index of several types.

    Raises:
        UnreadableFileError: with the reason.
    """
    remarks = [] if remarks is None else remarks
    readers = {
        ".xlsx": _read_xlsx,
        ".tsv": _read_delimited,
        ".csv": _read_delimited,
        ".json": _read_json,
        ".jsonl": _read_json,
    }
    kind = kind_of(path)
    if kind != path.suffix.lower():
        remarks.append((Reason.CONFLICT, f"its name says {path.suffix}, its content is {kind[1:]}: read as that"))
    table = readers[kind](path, kind, remarks)
    if table.num_columns == 0:
        raise UnreadableFileError("no columns")
    return table


def _read_xlsx(path: Path, kind: str, remarks: list[Remark]) -> pa.Table:
    import fastexcel

    try:
        with zipfile.ZipFile(path) as archive:
            types = _types_of_first_column(archive)
        # By its bytes where the name is not an xlsx file's: the reader goes by the name.
        book = fastexcel.read_excel(path if path.suffix == kind else path.read_bytes())
        sheet = book.load_sheet(0, dtypes="string", whitespace_as_null=True)
        table = pa.Table.from_batches([sheet.to_arrow()])
    # RuntimeError: a member that claims to be encrypted; ValueError: a member's name that is no text.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableFileError(f"truncated or not an xlsx file: {error}") from error
    except fastexcel.FastExcelError as error:
        raise UnreadableFileError(f"not readable as xlsx: {str(error).splitlines()[0]}") from error
    if len(book.sheet_names) > 1:
        further = ", ".join(book.sheet_names[1:])
        remarks.append((Reason.NOT_A_LOG, f"its first sheet alone was read, as VLMEvalKit does, and not: {further}"))
    if INDEX in table.column_names and _is_mixed(path, table, types):
        remarks.append(_mixed_index("cells of text among cells of numbers"))
    return table


def _types_of_first_column(archive: zipfile.ZipFile) -> set[bool]:
    """Verify every member's checksum; returns whether cells of the first column, below its header, are text."""
    try:
        return verified(archive).are_texts(_FIRST_SHEET)
    except BoundsError as error:
        raise UnreadableFileError(str(error)) from error
    except zipfile.BadZipFile as error:
        raise UnreadableFileError(f"damaged: {error}") from error


def _is_mixed(path: Path, table: pa.Table, types_of_first: set[bool]) -> bool:
    """Whether an index of numbers is in cells of text and in cells of numbers."""
    position = table.column_names.index(INDEX)
    if (position == 0 and len(types_of_first) < 2) or not all(map(_is_number, _filled(table))):
        return False
    return position == 0 or len(_cell_types(path, _column_letters(position))) > 1


def _cell_types(path: Path, letters: str) -> set[bool]:
    """Whether cells of a column of the first sheet, below its header, are text."""
    with zipfile.ZipFile(path) as archive:
        return _types_in(archive, _FIRST_SHEET, _cells_of(letters)) if _FIRST_SHEET in archive.namelist() else set()


def _types_in(archive: zipfile.ZipFile, name: str, cells: re.Pattern[bytes]) -> set[bool]:
    types: set[bool] = set()
    tail = b""
    with archive.open(name) as member:
        while chunk := member.read(_CHUNK_BYTES):
            content = tail + chunk
            types.update(kind not in (b"", b"n") for row, kind in cells.findall(content) if row != b"1")
            tail = content[-_LONGEST_CELL_TAG:]
    return types


def _cells_of(letters: str) -> re.Pattern[bytes]:
    return re.compile(rf'<c r="{letters}(\d+)"(?: s="\d+")?(?: t="(\w+)")?'.encode())


def _column_letters(position: int) -> str:
    """The name that a spreadsheet gives to a column: A, B, ..., Z, AA, ..."""
    letters = ""
    position += 1
    while position:
        position, digit = divmod(position - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def _filled(table: pa.Table) -> list[str]:
    return [text for text in table[INDEX].to_pylist() if text is not None and text.strip()]


def _is_number(text: str) -> bool:
    return text.strip().isdecimal() or _FLOAT.fullmatch(text.strip()) is not None


def _mixed_index(detail: str) -> Remark:
    return Reason.CONFLICT, f"its index has several types ({detail}): 12, '12' and 12.0 were read as one"


class TsvOptions(TypedDict):
    """Options of Arrow's readers of text tables."""

    read_options: pyarrow.csv.ReadOptions
    parse_options: pyarrow.csv.ParseOptions
    convert_options: pyarrow.csv.ConvertOptions


def tsv_options(column_names: Sequence[str], delimiter: str = "\t") -> TsvOptions:
    """How Arrow reads a tsv with these columns: every cell is text, an empty one null."""
    return {
        # On several threads an error does not say its row, and the report would depend on the machine's cores.
        "read_options": pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in column_names}, null_values=[""], strings_can_be_null=True
        ),
    }


def _read_delimited(path: Path, kind: str, remarks: list[Remark]) -> pa.Table:
    try:
        # A file of UTF-16 is small: a spreadsheet saved it.
        source = io.BytesIO(decoded(path.read_bytes()).encode()) if is_utf_16(path) else path
        delimiter = delimiter_of(path, kind)
        table = pyarrow.csv.read_csv(source, **tsv_options(header_of(path, delimiter), delimiter))
    except (UnicodeDecodeError, pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(f"not readable as {kind[1:]}: {error}") from error
    if not ends_a_line(path):
        remarks.append((Reason.CONFLICT, "its last line has no end: where it was cut off, that row may be another"))
    if INDEX in table.column_names:
        texts = _filled(table)
        if len({_FLOAT.fullmatch(text) is None for text in texts}) > 1 and all(map(_is_number, texts)):
            remarks.append(_mixed_index("12.0 among 12"))
    return table


def _read_json(path: Path, kind: str, remarks: list[Remark]) -> pa.Table:
    try:
        text = decoded(path.read_bytes())
        is_lines = kind == ".jsonl"
        content = [json.loads(line) for line in text.split("\n") if line.strip()] if is_lines else json.loads(text)
    except (ValueError, RecursionError, OSError) as error:
        raise UnreadableFileError(f"not readable as json: {error}") from error
    if not (isinstance(content, list) and all(isinstance(row, dict) for row in content)):
        raise UnreadableFileError("expected a list of records")
    names = list(dict.fromkeys(name for row in content for name in row))
    indices = {(type(row.get(INDEX)), index) for row in content if (index := _as_text(row.get(INDEX))) is not None}
    types = {kind_of_index for kind_of_index, _ in indices}
    if len(types) > 1 and all(_is_number(index) for _, index in indices):
        remarks.append(_mixed_index(", ".join(sorted(each.__name__ for each in types))))
    return pa.table({name: pa.array([_as_text(row.get(name)) for row in content], pa.string()) for name in names})


def _as_text(value: Any) -> str | None:
    if value is None or value == "" or value != value:  # NaN, as pandas writes a missing value
        return None
    text = value if isinstance(value, str) else str(value)
    # JSON can hold half of a surrogate pair (an emoji cut in two), which no table can.
    return text.encode("utf-8", "replace").decode("utf-8")

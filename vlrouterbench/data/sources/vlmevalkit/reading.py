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

import csv
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.core.errors import SourceError

MAX_SHEET_BYTES = 2**31
"""Largest unpacked size of an xlsx file: over it, the file is refused as a zip bomb."""
BLOCK_BYTES = 2**27
"""Longest row of a tsv, in bytes; a table is read in blocks of this size."""


class UnreadableFileError(SourceError):
    """A log file that is truncated, corrupt, or not what its name says."""


def read_text_table(path: Path) -> pa.Table:
    """Read xlsx, tsv or json as a table of strings, columns in file order.

    Raises:
        UnreadableFileError: with the reason.
    """
    readers = {".xlsx": _read_xlsx, ".tsv": _read_tsv, ".json": _read_json}
    table = readers[path.suffix.lower()](path)
    if table.num_columns == 0:
        raise UnreadableFileError("no columns")
    return table


def _read_xlsx(path: Path) -> pa.Table:
    import fastexcel

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_SHEET_BYTES:
                raise UnreadableFileError(f"unpacks to more than {MAX_SHEET_BYTES:,} bytes")
            damaged = archive.testzip()
        if damaged:
            raise UnreadableFileError(f"damaged: the checksum of its member {damaged} does not match")
        sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string", whitespace_as_null=True)
        return pa.Table.from_batches([sheet.to_arrow()])
    # RuntimeError: a member that claims to be encrypted; ValueError: a member's name that is no text.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UnreadableFileError(f"truncated or not an xlsx file: {error}") from error
    except fastexcel.FastExcelError as error:
        raise UnreadableFileError(f"not readable as xlsx: {str(error).splitlines()[0]}") from error


def tsv_column_names(path: Path) -> list[str]:
    """The cells of a tsv's first row.

    Raises:
        UnreadableFileError: with the reason.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            return next(csv.reader(handle, delimiter="\t"), [])
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UnreadableFileError(f"not readable as tsv: {error}") from error


class TsvOptions(TypedDict):
    """Options of Arrow's readers of text tables."""

    read_options: pyarrow.csv.ReadOptions
    parse_options: pyarrow.csv.ParseOptions
    convert_options: pyarrow.csv.ConvertOptions


def tsv_options(column_names: Sequence[str]) -> TsvOptions:
    """How Arrow reads a tsv with these columns: every cell is text, an empty one null."""
    return {
        # On several threads an error does not say its row, and the report would depend on the machine's cores.
        "read_options": pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        "parse_options": pyarrow.csv.ParseOptions(delimiter="\t", newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in column_names}, null_values=[""], strings_can_be_null=True
        ),
    }


def _read_tsv(path: Path) -> pa.Table:
    options = tsv_options(tsv_column_names(path))
    try:
        return pyarrow.csv.read_csv(path, **options)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(f"not readable as tsv: {error}") from error


def _read_json(path: Path) -> pa.Table:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise UnreadableFileError(f"not readable as json: {error}") from error
    if not (isinstance(content, list) and all(isinstance(row, dict) for row in content)):
        raise UnreadableFileError("expected a list of records")
    names = list(dict.fromkeys(name for row in content for name in row))
    return pa.table({name: pa.array([_as_text(row.get(name)) for row in content], pa.string()) for name in names})


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value)
    # JSON can hold half of a surrogate pair (an emoji cut in two), which no table can.
    return text.encode("utf-8", "replace").decode("utf-8")

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
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_columns, verified
from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.columns import CORRECT, EVAL_MATCH, HIT, VERIFIER_MATCH

BLOCK_BYTES = 2**27
"""Longest row of a tsv, in bytes; a table is read in blocks of this size."""


Remark = tuple[Reason, str]
"""What is odd about a file that can be read all the same."""
_INDEX = "index"
_FIRST_SHEET = "xl/worksheets/sheet1.xml"
_FIRST_COLUMN = re.compile(rb'<c r="A(\d+)"(?: s="\d+")?(?: t="(\w+)")?')
_LONGEST_CELL_TAG = 64
_FLOAT = re.compile(r"\d+\.0+")
_BEGINNING_BYTES = 2**20
_OF_SAMPLES = frozenset(("prediction", "is_correct", HIT, CORRECT, VERIFIER_MATCH, EVAL_MATCH))


class UnreadableFileError(SourceError):
    """A log file that is truncated, corrupt, or not what its name says."""


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
    table = readers[path.suffix.lower()](path, remarks)
    if table.num_columns == 0:
        raise UnreadableFileError("no columns")
    return table


def _read_xlsx(path: Path, remarks: list[Remark]) -> pa.Table:
    import fastexcel

    try:
        with zipfile.ZipFile(path) as archive:
            types = _verified(archive)
        book = fastexcel.read_excel(path)
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
    if len(types) > 1 and table.column_names[:1] == [_INDEX] and all(map(_is_number, table[_INDEX].to_pylist())):
        remarks.append(_mixed_index("cells of text among cells of numbers"))
    return table


def _verified(archive: zipfile.ZipFile) -> set[bool]:
    """Verify every member's checksum; returns whether cells of the first column, below its header, are text."""
    types: set[bool] = set()
    tail = b""
    try:
        for name, chunk in verified(archive):
            if name == _FIRST_SHEET:
                content = tail + chunk
                cells = _FIRST_COLUMN.findall(content)
                types.update(kind not in (b"", b"n") for row, kind in cells if row != b"1")
                tail = content[-_LONGEST_CELL_TAG:]
    except BoundsError as error:
        raise UnreadableFileError(str(error)) from error
    except zipfile.BadZipFile as error:
        raise UnreadableFileError(f"damaged: {error}") from error
    return types


def _is_number(text: str | None) -> bool:
    return text is not None and (text.isdecimal() or _FLOAT.fullmatch(text) is not None)


def _mixed_index(detail: str) -> Remark:
    return Reason.CONFLICT, f"its index has several types ({detail}): 12, '12' and 12.0 were read as one"


def has_rows_of_samples(path: Path) -> bool:
    """Whether a csv, json or jsonl file begins with a row of a sample: with an index, and a text or a mark of it."""
    try:
        names = set(_record_names(path) if path.suffix.lower() in (".json", ".jsonl") else tsv_column_names(path))
    except UnreadableFileError:
        return False
    return _INDEX in names and not names.isdisjoint(_OF_SAMPLES)


def is_one_record(path: Path) -> bool:
    """Whether a json file begins as one record, not as a list of them."""
    with path.open("rb") as handle:
        return handle.read(_BEGINNING_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def _record_names(path: Path) -> list[str]:
    """Names in the first record of a json list or of a jsonl file; none where it begins with no record."""
    try:
        with path.open(encoding="utf-8-sig") as handle:
            record, _ = json.JSONDecoder().raw_decode(handle.read(_BEGINNING_BYTES).lstrip("[ \t\r\n"))
    except (ValueError, RecursionError, OSError):
        return []
    return list(record) if isinstance(record, dict) else []


def tsv_column_names(path: Path) -> list[str]:
    """The cells of the first row of a tsv or csv file.

    Raises:
        UnreadableFileError: with the reason.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            names = next(csv.reader(handle, delimiter=_delimiter(path)), [])
        check_columns(len(names))
        return names
    except BoundsError as error:
        raise UnreadableFileError(str(error)) from error
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UnreadableFileError(f"not readable as {path.suffix[1:]}: {error}") from error


def _delimiter(path: Path) -> str:
    return "," if path.suffix.lower() == ".csv" else "\t"


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


def _read_delimited(path: Path, remarks: list[Remark]) -> pa.Table:
    options = tsv_options(tsv_column_names(path), _delimiter(path))
    try:
        table = pyarrow.csv.read_csv(path, **options)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(f"not readable as {path.suffix[1:]}: {error}") from error
    if _INDEX in table.column_names:
        texts = [text for text in table[_INDEX].to_pylist() if text is not None]
        if len({_FLOAT.fullmatch(text) is None for text in texts}) > 1 and all(map(_is_number, texts)):
            remarks.append(_mixed_index("12.0 among 12"))
    return table


def _read_json(path: Path, remarks: list[Remark]) -> pa.Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_lines = path.suffix.lower() == ".jsonl"
        content = [json.loads(line) for line in text.split("\n") if line.strip()] if is_lines else json.loads(text)
    except (ValueError, RecursionError, OSError) as error:
        raise UnreadableFileError(f"not readable as json: {error}") from error
    if not (isinstance(content, list) and all(isinstance(row, dict) for row in content)):
        raise UnreadableFileError("expected a list of records")
    names = list(dict.fromkeys(name for row in content for name in row))
    types = {type(row.get(_INDEX)) for row in content}
    if len(types) > 1 and all(_is_number(_as_text(row.get(_INDEX))) for row in content):
        remarks.append(_mixed_index(", ".join(sorted(each.__name__ for each in types))))
    return pa.table({name: pa.array([_as_text(row.get(name)) for row in content], pa.string()) for name in names})


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value)
    # JSON can hold half of a surrogate pair (an emoji cut in two), which no table can.
    return text.encode("utf-8", "replace").decode("utf-8")

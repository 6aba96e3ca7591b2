"""A table in an xlsx file: the sheet that has its columns.

Decisions
- The fast reader does not verify checksums, so the archive is verified first: a flipped bit must not be another cell.
- A file that is called xlsx and is text is said to be that: web pages and csv files are often saved under that name.
- A column without a name in the first row is left out where it is empty, and refused where it holds something.
- Of several sheets the one with the most of the known columns is read; where two have as many, neither is guessed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa

from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.workbook_scan import verified

if TYPE_CHECKING:
    from fastexcel import ColumnInfo, DTypeMap, ExcelReader

WORKBOOK = b"PK\x03\x04"
"""What an xlsx file, a zip archive, begins with."""
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_AGAIN = "Open it in a spreadsheet and save it again, or fetch it again."


def read_workbook(content: bytes, form: TableForm) -> pa.Table:
    """The table of an xlsx file; empty cells are null.

    Raises:
        TableError: it cannot be read, is too large, or two of its sheets may be the table.
    """
    import fastexcel

    if not content.startswith(WORKBOOK):
        raise TableError(_no_workbook(content))
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            form.check_size(sum(member.file_size for member in archive.infolist()))
            try:
                verified(archive)
            except zipfile.BadZipFile as error:
                raise TableError(f" is damaged: {_said(error)}. {_AGAIN}") from error
        book = fastexcel.read_excel(content)
        types: DTypeMap = dict.fromkeys((*form.texts, *form.images), "string")
        sheet = book.load_sheet(_sheet_of(book, form.known), dtypes=types, schema_sample_rows=None)
        return _named(pa.Table.from_batches([sheet.to_arrow()]), sheet.selected_columns)
    # RuntimeError: a member that claims to be encrypted; ValueError: a member's name that is no text.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise TableError(f" is not readable as xlsx: {_said(error)}. {_AGAIN}") from error
    except fastexcel.FastExcelError as error:
        raise TableError(f" is not readable as xlsx: {_said(error)}. {_AGAIN}") from error


def _said(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _no_workbook(content: bytes) -> str:
    """What a file is that is no zip archive."""
    start = content[:512].lstrip().lower()
    if not content:
        return f" is not readable as xlsx: it is empty. {_AGAIN}"
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return " is not readable as xlsx: it is a web page or XML. Open it in a spreadsheet, and save it as xlsx."
    if content.startswith(_OLD_EXCEL):
        return " is not readable as xlsx: it is an xls file, or has a password. Save it as xlsx without one."
    if b"\0" not in content[:512]:
        return " is not readable as xlsx: it is text. Name it .csv, .tsv or .json by what it is, or save it as xlsx."
    return f" is not readable as xlsx: it is no zip archive. {_AGAIN}"


def _named(table: pa.Table, columns: Sequence[ColumnInfo]) -> pa.Table:
    """A table without the columns that have no name in the first row, which must be empty."""
    nameless = [place for place, column in enumerate(columns) if column.column_name_from == "generated"]
    filled = [place for place in nameless if table[place].null_count < table.num_rows]
    if filled:
        raise TableError(
            f": expected a name in the first row of every column, found none in column {filled[0] + 1}, which is not "
            "empty. Name it, or delete it."
        )
    return table.select([place for place in range(table.num_columns) if place not in nameless])


def _sheet_of(book: ExcelReader, known: Collection[str]) -> str:
    """Name of the sheet with the most of the known columns."""
    if len(book.sheet_names) == 1:
        return book.sheet_names[0]
    found = {
        name: len({column.name for column in book.load_sheet(name, n_rows=0).available_columns()} & set(known))
        for name in book.sheet_names
    }
    best = [name for name, count in found.items() if count == max(found.values())]
    if len(best) > 1 and found[best[0]] > 0:
        raise TableError(f": expected one sheet with the columns, found {', '.join(best)}. Keep one.")
    return best[0]

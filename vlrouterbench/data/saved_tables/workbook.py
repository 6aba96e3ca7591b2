"""A table in an xlsx file: the sheet that has its columns.

Decisions
- The fast reader does not verify checksums, so the archive is verified first: a flipped bit must not be another cell.
- Of several sheets the one with the most of the known columns is read; where two have as many, neither is guessed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa

from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.workbook_scan import verified

if TYPE_CHECKING:
    from fastexcel import DTypeMap, ExcelReader

WORKBOOK = b"PK\x03\x04"
"""What an xlsx file, a zip archive, begins with."""


def read_workbook(content: bytes, form: TableForm) -> pa.Table:
    """The table of an xlsx file; empty cells are null.

    Raises:
        TableError: it cannot be read, is too large, or two of its sheets may be the table.
    """
    import fastexcel

    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            form.check_size(sum(member.file_size for member in archive.infolist()))
            try:
                verified(archive)
            except zipfile.BadZipFile as error:
                raise TableError(f" is damaged: {error}.") from error
        book = fastexcel.read_excel(content)
        types: DTypeMap = dict.fromkeys((*form.texts, *form.images), "string")
        sheet = book.load_sheet(_sheet_of(book, form.known), dtypes=types, schema_sample_rows=None)
        return pa.Table.from_batches([sheet.to_arrow()])
    # RuntimeError: a member that claims to be encrypted; ValueError: a member's name that is no text.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise TableError(f" is not readable as xlsx: {' '.join(str(error).split())}") from error
    except fastexcel.FastExcelError as error:
        raise TableError(f" is not readable as xlsx: {str(error).splitlines()[0]}") from error


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

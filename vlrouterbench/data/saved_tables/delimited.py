"""A table as text with a character between columns: comma, semicolon or tab.

Decisions
- The character is the one that makes most of the header's columns known ones. A first line `sep=;`, which Excel writes
  and hides, says which it is.
- Where it is no comma, columns of numbers may have a decimal comma, as spreadsheets write it in much of Europe.
- Ids and texts stay text: "007" and "None" are what they are.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection

import pyarrow as pa
import pyarrow.csv

from vlrouterbench.data.saved_tables.bounds import check_columns
from vlrouterbench.data.saved_tables.decoding import TextSource
from vlrouterbench.data.saved_tables.form import TableError, TableForm

SEPARATORS = ",;\t"
BLOCK_BYTES = (2**20, 2**30)
"""Longest row that is read, tried in turn: the second is for tables that hold images."""
TOO_LONG = (
    f" is not readable: a row has more than {BLOCK_BYTES[-1]:,} bytes. Save images as files, or the table as parquet."
)
EMPTY = "Empty CSV file"
"""What Arrow says of a table without a header."""
_STATED = re.compile('"?sep=([,;\t])"?', re.IGNORECASE)


def read_delimited(source: TextSource, form: TableForm, likely: str) -> pa.Table:
    """A csv or tsv file.

    Args:
        source: its text.
        form: what is known of it.
        likely: the separator where none makes more columns known.

    Raises:
        TableError: it is no text, or in an encoding that is not known.
        pyarrow.ArrowInvalid: its rows cannot be read.
    """
    try:
        return _read(source, form, likely)
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        if not of_other_encoding(error):
            raise
        return _read(source.as_chinese(), form, likely)


def of_other_encoding(error: UnicodeDecodeError | pa.ArrowInvalid) -> bool:
    """Whether a table could not be read because it is not in UTF-8."""
    return isinstance(error, UnicodeDecodeError) or "UTF8" in str(error)


def in_larger_blocks(error: pa.ArrowInvalid, size: int) -> bool:
    """Whether a reader that failed so may be tried with larger blocks than `size`."""
    return "straddling" in str(error) and size < BLOCK_BYTES[-1]


def layout_of(source: TextSource, form: TableForm, likely: str) -> tuple[str, int]:
    """The separator of a table, and how many lines stand before its header; errors as for `read_delimited`."""
    # Not at once: the limit of what is looked at may cut a character.
    lines = codecs.getincrementaldecoder("utf-8-sig")().decode(source.start()).split("\n", 2)
    stated = _STATED.fullmatch(lines[0].rstrip("\r"))
    if stated and not any(lines[1:]):
        raise pa.ArrowInvalid(EMPTY)
    head = lines[1] if stated else lines[0]
    if "\0" in head:
        raise TableError(" is not readable: expected text, found bytes that are none. Save it as CSV in UTF-8.")
    separator = stated.group(1) if stated else _separator(head.rstrip("\r"), form.known, likely)
    check_columns(head.count(separator) + 1)
    return separator, 1 if stated else 0


def _read(source: TextSource, form: TableForm, likely: str) -> pa.Table:
    separator, skipped = layout_of(source, form, likely)
    parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    table = _parsed(source, form, parse, skipped, ".")
    left = [field.name for field in table.schema if field.name not in form.texts and pa.types.is_string(field.type)]
    if separator == "," or not left or len(set(table.column_names)) < table.num_columns:
        return table
    with_commas = _parsed(source, form, parse, skipped, ",")
    for name in left:
        if pa.types.is_floating(with_commas[name].type):
            table = table.set_column(table.column_names.index(name), name, with_commas[name])
    return table


def _separator(head: str, known: Collection[str], likely: str) -> str:
    def num_known(separator: str) -> int:
        try:
            return len(set(next(csv.reader([head], delimiter=separator), [])) & set(known))
        except csv.Error:  # a cell longer than the library reads
            return 0

    return max(dict.fromkeys(likely + SEPARATORS), key=num_known)


def _parsed(
    source: TextSource, form: TableForm, parse: pyarrow.csv.ParseOptions, skipped: int, decimal: str
) -> pa.Table:
    convert = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in (*form.texts, *form.images)},
        strings_can_be_null=False,
        decimal_point=decimal,
    )
    for size in BLOCK_BYTES:
        try:
            read = pyarrow.csv.ReadOptions(block_size=size, skip_rows=skipped)
            return pyarrow.csv.read_csv(source.opened(), read, parse, convert)
        except pa.ArrowInvalid as error:
            if not in_larger_blocks(error, size):
                raise
    raise TableError(TOO_LONG)

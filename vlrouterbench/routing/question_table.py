"""A table of questions -> rows, checked one by one.

Decisions
- Columns: `question`; optionally `sample_id`, `hint`, `options`, and `images` or `image` (else `image_path`, as `build`
  reads it); with `num_images`, as a benchmark has it, `images` holds those beside `image`.
  Other columns are ignored.
- Files and cells are read by what reads those of own tables and of `route`: a sample is decided alike everywhere.
- An error in the file as a whole stops everything; an error in a row concerns that row only.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.data.saved_tables.form import ENDINGS_IN_WORDS, TableError, TableForm
from vlrouterbench.data.saved_tables.json_rows import MixedKindsError
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.routers.encoders.sample_input import (
    IMAGE_FIELDS,
    NUM_IMAGES,
    image_cell,
    is_missing,
    one_line,
    read_options,
    read_text,
)
from vlrouterbench.routing.limits import LIMITS, UNLIMITED, Limits, QuestionError, checked_file, checked_text

TEXTS = ("sample_id", "question", "hint", "options")
RawRow = Mapping[str, object]
"""A row of a table, not yet checked: name of a column -> cell."""


@dataclass(frozen=True)
class Question:
    """A row whose texts were checked.

    Attributes:
        sample_id: the row's number where the row states none, "row N" where another row is called so.
        question: empty where there is an image only.
        image: the cell that names or holds the images, None where there is none.
        hint: extra instruction or context.
        options: answer options.
    """

    sample_id: str
    question: str
    image: Any
    hint: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class QuestionRows:
    """A table of questions as it was read.

    Attributes:
        columns: every column that it has.
        table: the columns that are known; None where cells of JSON are of several kinds.
        mixed: rows of such JSON.
    """

    columns: list[str]
    table: pa.Table | None
    mixed: list[RawRow] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.mixed) if self.table is None else self.table.num_rows

    def rows(self) -> list[RawRow]:
        """The rows, each with the columns that are known."""
        return self.mixed if self.table is None else self.table.to_pylist()


def question_form(limits: Limits) -> TableForm:
    """What is known of a table of questions before it is read."""
    most_bytes = None if limits is UNLIMITED else limits.unpacked_bytes
    return TableForm(TEXTS, (NUM_IMAGES,), IMAGE_FIELDS, most_bytes=most_bytes, most_rows=limits.table_rows)


def read_questions(path: Path | str, limits: Limits = LIMITS) -> list[RawRow]:
    """The rows of a table, not yet checked.

    Raises:
        QuestionError: the file is too large or not readable, or has no `question` column or no row.
    """
    table = read_question_table(path, limits)
    check_question_column(table.columns)
    if not len(table):
        raise QuestionError("The table has columns and no row: expected a question in each row, found none.")
    if len(table) > limits.table_rows:
        raise QuestionError(f"The table has {len(table):,} rows; 1 to {limits.table_rows:,} are accepted.")
    return table.rows()


def check_question_column(columns: Sequence[str]) -> None:
    """Raise QuestionError where none of a table's columns is `question`."""
    if "question" not in columns:
        found = ", ".join(one_line(name, 40) for name in columns[:12])
        raise QuestionError(f"The table needs a column question; found: {found or 'none'}.")


def read_question_table(path: Path | str, limits: Limits = LIMITS) -> QuestionRows:
    """A table as it stands; QuestionError where the file is too large or not readable."""
    checked, form = checked_file(path, "table", limits.table_bytes), question_form(limits)
    try:
        table = read_saved_table(checked, form)
    except MixedKindsError as error:
        mixed = _rows_of(error)
        return QuestionRows(list(dict.fromkeys(name for row in mixed for name in row)), None, mixed)
    except TableError as error:
        raise not_a_table(error) from error
    return QuestionRows(table.column_names, table.select([name for name in table.column_names if name in form.known]))


def _rows_of(mixed: MixedKindsError) -> list[RawRow]:
    """Rows of JSON whose cells are of several kinds: each is checked by itself."""
    try:
        return list(mixed.rows())
    except TableError as error:
        raise not_a_table(error) from error


def not_a_table(error: TableError) -> QuestionError:
    """The same for the person who sent the table."""
    return QuestionError(f"The table{error} Tables are read from {ENDINGS_IN_WORDS} files.")


def given_ids(rows: Sequence[RawRow], limits: Limits = LIMITS) -> frozenset[str]:
    """The ids that rows state: a row without one is not called so."""
    cells = (row.get("sample_id") for row in rows)
    return frozenset(str(cell).strip()[: limits.id_chars] for cell in cells if not is_missing(cell))


def _free_id(number: int, taken: Container[str]) -> str:
    name = str(number)
    while name in taken:
        name = f"row {name}"
    return name


def checked_question(
    row: RawRow, number: int, limits: Limits = LIMITS, taken: Container[str] = frozenset()
) -> Question:
    """A row as a question that a router accepts.

    Args:
        row: as `read_questions` returns it.
        number: the row's number, from 1 on.
        limits: see Limits.
        taken: ids of other rows (`given_ids`), which a row without an id does not get.

    Raises:
        QuestionError: the row has neither question nor image, or a text is too long.
        RouterInputError: a cell is no text, or no list of options.
    """
    question = checked_text(read_text(row.get("question"), "question"), "question", limits)
    image = image_cell(row)
    image = None if isinstance(image, str) and image.isspace() else image
    if not question.strip() and image is None:
        raise QuestionError("neither a question nor an image.")
    cell = row.get("options")
    if isinstance(cell, str) and len(cell) > limits.options * (limits.text_chars + 1):
        raise QuestionError(f"The options have {len(cell):,} characters, which is not accepted.")
    options = read_options(cell)
    if len(options) > limits.options:
        raise QuestionError(f"{len(options)} options; at most {limits.options} are accepted.")
    return Question(
        sample_id=read_text(row.get("sample_id"), "sample_id").strip()[: limits.id_chars] or _free_id(number, taken),
        question=question,
        image=image,
        hint=checked_text(read_text(row.get("hint"), "hint"), "hint", limits),
        options=tuple(checked_text(option, "option", limits) for option in options),
    )

"""What was asked: the questions, options, hints and images of a dataset, from its TSV or from the log rows.

Decisions
- Ids are `<dataset>/<index>`; an index that a spreadsheet turned into "12.0" is "12" again.
- An image cell of at most 64 characters is the index of the row that holds the picture.
- A sample with several pictures keeps the first, since a row has one image; the others are named in the report.
- MMBench asks each question several times with rotated options (index + 1,000,000 each time): the main row is the
  sample.
"""

from __future__ import annotations

import ast
import base64
import binascii
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from vlrouterbench.data.source import ImageReference

CIRCULAR_STEP = 1_000_000
MAX_INDEX_REFERENCE = 64
Rows = list[dict[str, str | None]]
"""Table rows: column name -> cell text, None for an empty cell."""
_FLOAT_INDEX = re.compile(r"(\d+)\.0+$")


@dataclass
class Question:
    """One sample as it was asked."""

    index: str
    question: str
    options: list[str]
    hint: str
    image_cell: str | None


@dataclass
class QuestionSet:
    """The questions of a dataset by index, in file order, and whether images came with them."""

    questions: dict[str, Question] = field(default_factory=dict)
    has_images: bool = False

    def add(self, rows: Rows, *, circular: bool) -> None:
        """Add rows whose index is not there yet."""
        for row in rows:
            index = normalize_index(row.get("index"))
            if index is None or index in self.questions or (circular and not is_main_row(index)):
                continue
            self.questions[index] = Question(
                index, row.get("question") or "", _options(row), row.get("hint") or "", row.get("image")
            )

    def image_of(self, index: str) -> tuple[ImageReference, str | None, int]:
        """(bytes or None, problem or None, number of further pictures) of a question."""
        cell = self.questions[index].image_cell
        for _ in range(2):
            if cell is not None and len(cell) <= MAX_INDEX_REFERENCE:
                holder = self.questions.get(normalize_index(cell) or "")
                cell = holder.image_cell if holder else None
        if not cell:
            return None, "no image in the table", 0
        pictures = [cell]
        if cell.startswith("["):
            listed = _listed(cell)
            if listed is None:
                return None, "the image cell is not a readable list", 0
            pictures = listed
        if not pictures:
            return None, "no image in the table", 0
        try:
            return base64.b64decode(pictures[0], validate=True), None, len(pictures) - 1
        except (binascii.Error, ValueError) as error:
            return None, f"not valid base64: {error}", 0


def normalize_index(value: str | None) -> str | None:
    """An index as text: "12.0" is "12"; None where there is none."""
    if value is None or not value.strip():
        return None
    match = _FLOAT_INDEX.match(value.strip())
    return match.group(1) if match else value.strip()


def is_main_row(index: str) -> bool:
    """Whether an index of a circular dataset is its question's main row."""
    return not index.isdecimal() or len(index.lstrip("0")) < len(str(CIRCULAR_STEP))


def rows_of(table: pa.Table) -> Rows:
    """Table rows as dicts."""
    return table.to_pylist()


def _options(row: Mapping[str, str | None]) -> list[str]:
    lettered = [row[letter] for letter in string.ascii_uppercase if row.get(letter) is not None]
    if lettered:
        return [str(option) for option in lettered]
    choices = row.get("choices")
    return (_listed(choices) or []) if choices and choices.startswith("[") else []


def _listed(text: str) -> list[str] | None:
    """The items of a Python list as text, None where it cannot be read."""
    try:
        return [str(item) for item in ast.literal_eval(text)]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None

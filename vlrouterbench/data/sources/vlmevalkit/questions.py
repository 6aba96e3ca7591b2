"""What was asked: the questions, options, hints and images of a dataset, from its TSV or from the log rows.

Decisions
- Ids are `<dataset>/<index>`; an index that a spreadsheet turned into "12.0" is "12" again.
- An image cell of at most 64 characters is the index of the row that holds the picture.
- A picture is decoded and put aside when its row is added: the text of a table of pictures is never held as a whole.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from vlrouterbench.data.sources.source_logs import ImageReference

CIRCULAR_STEP = 1_000_000
MAX_INDEX_REFERENCE = 64
QUESTION_COLUMNS = frozenset(("index", "question", "hint", "choices", "image", *string.ascii_uppercase))
"""All that a question is made of."""
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
    image: str | Picture | None


@dataclass(frozen=True)
class Picture:
    """The first picture of an image cell, or why there is none to be had; `further` counts the others."""

    reference: ImageReference
    problem: str | None = None
    further: int = 0


@dataclass
class QuestionSet:
    """The questions of a dataset by index, in file order.

    Attributes:
        keep: puts the bytes of a picture aside, and gives what stands for them.
        has_images: whether images came with the questions; else image cells are not looked at.
        questions: what was added.
    """

    keep: Callable[[bytes], ImageReference]
    has_images: bool = True
    questions: dict[str, Question] = field(default_factory=dict)

    def add(self, rows: Rows, *, circular: bool) -> None:
        """Add rows whose index is not there yet."""
        for row in rows:
            index = normalize_index(row.get("index"))
            if index is None or index in self.questions or (circular and not is_main_row(index)):
                continue
            image = row.get("image") if self.has_images else None
            if image is not None and len(image) > MAX_INDEX_REFERENCE:
                image = self._picture(image)
            self.questions[index] = Question(
                index, row.get("question") or "", _options(row), row.get("hint") or "", image
            )

    def image_of(self, index: str) -> Picture:
        """The picture of a question, which may stand in another row."""
        image = self.questions[index].image
        for _ in range(2):
            if isinstance(image, str):
                holder = self.questions.get(normalize_index(image) or "")
                image = holder.image if holder else None
        return image if isinstance(image, Picture) else self._picture(image)

    def _picture(self, cell: str | None) -> Picture:
        pictures: list[str] | None = [cell] if cell else []
        if cell and cell.startswith("["):
            pictures = _listed(cell)
        if pictures is None:
            return Picture(None, "the image cell is not a readable list")
        if not pictures:
            return Picture(None, "no image in the table")
        try:
            content = base64.b64decode(pictures[0], validate=True)
        except (binascii.Error, ValueError) as error:
            return Picture(None, f"not valid base64: {error}")
        return Picture(self.keep(content), further=len(pictures) - 1)


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

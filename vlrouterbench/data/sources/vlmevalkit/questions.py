"""The questions, options, hints and images of a dataset, from its TSV or from the log rows.

Decisions
- Ids are `<dataset>/<index>`; an index that a spreadsheet turned into "12.0" is "12" again.
- An image cell of at most 64 characters is the index of the row that holds the image.
- An image is decoded and put aside when its row is added: the text of a table of images is never held as a whole.
- A sample with several images keeps the first, since a row has one image; the others are named in the report.
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
    """One sample as the candidates were asked it."""

    index: str
    question: str
    options: list[str]
    hint: str
    image: str | CellImage | None


@dataclass(frozen=True)
class CellImage:
    """The first image of a table's cell, or the problem why it cannot be used; `further` counts the others."""

    reference: ImageReference
    problem: str | None = None
    further: int = 0


@dataclass
class QuestionSet:
    """The questions of a dataset by index, in file order.

    Attributes:
        keep: puts the bytes of an image aside, and returns a reference to them.
        has_images: whether images came with the questions; else image cells are not looked at.
        by_index: index -> question.
    """

    keep: Callable[[bytes], ImageReference]
    has_images: bool = True
    by_index: dict[str, Question] = field(default_factory=dict)

    def add(self, rows: Rows, *, circular: bool) -> None:
        """Add rows whose index is not there yet."""
        for row in rows:
            index = normalize_index(row.get("index"))
            if index is None or index in self.by_index or (circular and not is_main_row(index)):
                continue
            cell = row.get("image") if self.has_images else None
            is_content = cell is not None and len(cell) > MAX_INDEX_REFERENCE
            image = self._decoded(cell) if is_content else cell
            self.by_index[index] = Question(
                index, row.get("question") or "", _options(row), row.get("hint") or "", image
            )

    def asked_indices(self) -> frozenset[str]:
        """Indices of the questions so far that are asked: where images came, VLMEvalKit drops those without."""
        return frozenset(i for i, question in self.by_index.items() if question.image or not self.has_images)

    def image_of(self, index: str) -> CellImage:
        """The image of a question, which may stand in another row."""
        image = self.by_index[index].image
        for _ in range(2):
            if isinstance(image, str):
                holder = self.by_index.get(normalize_index(image) or "")
                image = holder.image if holder else None
        return image if isinstance(image, CellImage) else self._decoded(image)

    def _decoded(self, cell: str | None) -> CellImage:
        contents: list[str] | None = [cell] if cell else []
        if cell and cell.startswith("["):
            contents = _listed(cell)
        if contents is None:
            return CellImage(None, "the image cell is not a readable list")
        if not contents:
            return CellImage(None, "no image in the table")
        try:
            content = base64.b64decode(contents[0], validate=True)
        except (binascii.Error, ValueError) as error:
            return CellImage(None, f"not valid base64: {error}")
        return CellImage(self.keep(content), further=len(contents) - 1)


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

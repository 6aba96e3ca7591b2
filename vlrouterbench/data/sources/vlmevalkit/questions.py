"""The questions, options, hints and images of a dataset, from its TSV or from the log rows.

Decisions
- Ids are `<dataset>/<index>`; an index that a spreadsheet turned into "12.0" is "12" again.
- An image cell of at most 64 characters is the index of the row that holds the image; where no row has that index and
  it ends like the name of an image file, it is a path. A row without an image cell may name files in `image_path`.
- Base64 may stand in lines, behind the head of a data URL, in the alphabet for URLs, and without its padding.
- An image is decoded and put aside when its row is added: the text of a table of images is never held as a whole.
- A sample with several images keeps the first, since a row has one image; the others are named in the report.
- MMBench asks each question several times with rotated options (index + 1,000,000 each time): the main row is the
  sample.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from vlrouterbench.data.sources.image_paths import ImagePathError, listed, listed_paths, looks_like_image_file
from vlrouterbench.data.sources.source_logs import ImageReference

CIRCULAR_STEP = 1_000_000
MAX_INDEX_REFERENCE = 64
IMAGE_COLUMNS = frozenset(("image", "image_path"))
QUESTION_COLUMNS = IMAGE_COLUMNS | frozenset(("index", "question", "hint", "choices", *string.ascii_uppercase))
"""All that a question is made of."""
Rows = list[dict[str, str | None]]
"""Table rows: column name -> cell text, None for an empty cell."""
_OF_URLS = str.maketrans("-_", "+/")
_NO_INDEX = ("", "nan", "NaN")
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
    """The images that a row names, or the problem why one of them cannot be had.

    Attributes:
        reference: the first that can be had.
        problem: why one cannot be used.
        further: the others that can be had.
        is_named: whether the row names any image.
    """

    reference: ImageReference
    problem: str | None = None
    further: tuple[ImageReference, ...] = ()
    is_named: bool = True


@dataclass
class QuestionSet:
    """The questions of a dataset by index, in file order.

    Attributes:
        keep: puts the bytes of an image aside, and returns a reference to them.
        find: the file that a path names; raises ImagePathError where it cannot be read.
        has_images: whether images came with the questions; else image cells are not looked at.
        are_images_lost: whether images came, in a table that cannot be read.
        by_index: index -> question.
        in_table: index -> text of the question in the table of questions; None where the table has two for it.
    """

    keep: Callable[[bytes], ImageReference]
    find: Callable[[str], Path]
    has_images: bool = True
    are_images_lost: bool = False
    by_index: dict[str, Question] = field(default_factory=dict)
    in_table: dict[str, str | None] = field(default_factory=dict)
    _digests: dict[str, int] = field(default_factory=dict)

    def add_table(self, rows: Rows, *, circular: bool) -> None:
        """Add rows of the table of questions."""
        for row in rows:
            index = normalize_index(row.get("index"))
            if index is None:
                continue
            digest = hash(tuple((name, cell) for name, cell in row.items() if name != "index"))
            if self._digests.setdefault(index, digest) != digest:
                self.in_table[index] = None
            else:
                self.in_table.setdefault(index, row.get("question") or "")
        self.add(rows, circular=circular)

    def indices_with_two_rows(self) -> list[str]:
        """Indices that stand twice in the table, with different questions, options or images."""
        return [index for index, text in self.in_table.items() if text is None]

    def add(self, rows: Rows, *, circular: bool) -> None:
        """Add rows whose index is not there yet."""
        for row in rows:
            index = normalize_index(row.get("index"))
            if index is None or index in self.by_index or (circular and not is_main_row(index)):
                continue
            image = self._image_named_by(row) if self.has_images else None
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
                if holder is None and looks_like_image_file(image):
                    image = self._found([image])
                    break
                image = holder.image if holder else CellImage(None, f'no row "{image}", whose image this one shows')
        if isinstance(image, str):
            return CellImage(None, f'rows that name one another ("{image}"), and none holds an image')
        return image or CellImage(None, "no image in the table", is_named=False)

    def _image_named_by(self, row: Mapping[str, str | None]) -> str | CellImage | None:
        """What a row says of its image: an index, an image, or nothing."""
        cell = (row.get("image") or "").strip()
        if cell and not cell.startswith("[") and len(cell) <= MAX_INDEX_REFERENCE:
            return cell
        if not cell:
            cell = (row.get("image_path") or "").strip()
            if not cell:
                return None
            paths = listed_paths(cell) if cell.startswith("[") else [cell]
            return self._found(paths) if paths is not None else CellImage(None, "the list of paths is not readable")
        is_list = cell.startswith("[")
        contents = (listed(cell) or listed_paths(cell)) if is_list else [cell]
        if contents is None:
            return CellImage(None, "the image cell is not a readable list")
        if any(looks_like_image_file(content) for content in contents):
            return self._found((listed_paths(cell) or contents) if is_list else contents)
        return self._decoded(contents)

    def _decoded(self, contents: list[str]) -> CellImage | None:
        def kept(content: str) -> ImageReference:
            try:
                return self.keep(_base64_bytes(content))
            except (binascii.Error, ValueError) as error:
                raise ImagePathError(f"not valid base64: {error}") from error

        return _all_of(contents, kept)

    def _found(self, paths: list[str]) -> CellImage | None:
        return _all_of(paths, self.find)


def _all_of(named: list[str], find: Callable[[str], ImageReference]) -> CellImage | None:
    """All images that a row names; None where it names none. One that cannot be had is the problem of the row."""
    found: list[ImageReference] = []
    problem = None
    for name in named:
        try:
            found.append(find(name))
        except ImagePathError as error:
            problem = problem or str(error)
    return CellImage(found[0] if found else None, problem, tuple(found[1:])) if named else None


@lru_cache(maxsize=2**16)
def normalize_index(value: str | None) -> str | None:
    """An index as text: "12.0" is "12"; None where there is none, which pandas writes as "nan"."""
    text = "" if value is None else value.strip()
    if text in _NO_INDEX:
        return None
    match = _FLOAT_INDEX.match(text)
    return match.group(1) if match else text


def indices_of(rows: Rows) -> set[str]:
    """The indices that rows have, normalised."""
    return {index for row in rows if (index := normalize_index(row.get("index"))) is not None}


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
    return (listed(choices) or []) if choices and choices.startswith("[") else []


def _base64_bytes(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        # In lines, as Python writes bytes, in the alphabet for URLs, or without the padding at its end.
        plain = "".join(text.split()).removeprefix("b'").removesuffix("'").translate(_OF_URLS).rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)

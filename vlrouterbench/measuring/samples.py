"""Samples to ask about: an own table, or a benchmark folder with a table of answers -> one table with its images.

Decisions
- All samples become one form, in the folder of tables that is to be written: what is asked later is what stands there.
- An image is kept once, named by the digest of its bytes, so that a rerun copies nothing and a name says the content.
- Everything is checked before anybody is asked: images that cannot be opened, gold answers that the grading cannot use.
- A benchmark folder holds no answers: they come from a table of their own, joined by sample_id.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from vlrouterbench.core.errors import SourceError, shown
from vlrouterbench.core.files import make_folder
from vlrouterbench.measuring.grading.kinds import CHOICE, EXACT, Gold, Grading, GradingError, check_gold, parse_grading
from vlrouterbench.measuring.prompts import Question

IMAGES = "images"
SAMPLES_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("question", pa.string()),
        ("options", pa.list_(pa.string())),
        ("hint", pa.string()),
        ("answer", pa.string()),
        ("grading", pa.string()),
        ("category", pa.string()),
        ("dataset", pa.string()),
        ("task_group", pa.string()),
        ("group_id", pa.string()),
        ("split", pa.string()),
        ("images", pa.list_(pa.string())),
    ]
)
"""Columns of `samples.parquet`; `answer` is a text, or the JSON list of several, `images` are paths in the folder."""
_ALWAYS = ("sample_id", "question", "options", "hint", "answer", "images")
_PROBLEMS_SHOWN = 3
Size = tuple[int, int]
"""Width and height in pixels."""
_BROKEN_IMAGE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


@dataclass(frozen=True)
class RawSample:
    """A sample as its source gives it; `images` are encoded bytes or files."""

    values: dict[str, Any]
    images: Sequence[bytes | Path]
    where: str


@dataclass(frozen=True)
class SampleTable:
    """Samples in the one form.

    Attributes:
        table: rows of SAMPLES_SCHEMA.
        folder: where its images lie.
        default: grading of samples that name none; None: by choice where there are options, else exact.
        sizes: of each row's images; empty for a table that is only graded.
    """

    table: pa.Table
    folder: Path
    default: Grading | None
    sizes: Sequence[tuple[Size, ...]] = ()

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def gradings(self) -> list[Grading]:
        """The grading of each row."""
        return [self._grading(row) for row in range(len(self))]

    def value(self, name: str, row: int) -> Any:
        """A cell."""
        return self.table[name][row].as_py()

    def question(self, row: int) -> Question:
        """A row as it is asked."""
        images = tuple(self.folder / name for name in self.value("images", row) or ())
        texts = (self.value(name, row) or "" for name in ("sample_id", "question", "hint"))
        sample_id, question, hint = texts
        options = tuple(self.value("options", row) or ())
        return Question(sample_id, question, options, hint, images, self.gradings[row].kind)

    def gold(self, row: int) -> Gold:
        """What answers to a row are compared with."""
        answers = read_answers(self.value("answer", row))
        options = tuple(self.value("options", row) or ())
        return Gold(answers, options, self.value("category", row) or "", self.gradings[row].tolerance)

    def check(self) -> None:
        """Raise GradingError where gold answers cannot be used by the grading of their row."""
        problems = []
        for row in range(len(self)):
            if problem := check_gold(self.gradings[row].kind, self.gold(row)):
                problems.append(f"sample {shown(self.value('sample_id', row))}: {problem}")
        if problems:
            listed = "; ".join(problems[:_PROBLEMS_SHOWN])
            raise GradingError(
                f"expected a gold answer for each of {len(self):,} samples, found {len(problems):,} without one that "
                f"their grading can use: {listed}. Give them in a column answer (a text, or a list of texts), or give "
                "another --grading, or a column grading."
            )

    def _grading(self, row: int) -> Grading:
        stated = self.value("grading", row)
        if stated:
            return parse_grading(stated)
        if self.default is not None:
            return self.default
        return Grading(CHOICE if self.value("options", row) else EXACT)


def read_answers(cell: str | None) -> tuple[str, ...]:
    """The gold answers of a cell: a text, or a JSON list of texts."""
    if cell is None or not cell.strip():
        return ()
    if cell.lstrip().startswith("["):
        try:
            found = json.loads(cell)
        except ValueError:
            return (cell,)
        return tuple(str(item) for item in found)
    return (cell,)


def take_in(rows: Iterable[RawSample], folder: Path, default: Grading | None, *, write: bool = True) -> SampleTable:
    """Bring samples into the one form, images into the folder.

    Args:
        rows: the samples.
        folder: of the tables that are to be written.
        default: grading of samples that name none; None: by choice where there are options, else exact.
        write: whether images are copied; a dry run leaves them where they are.

    Raises:
        SourceError: an image cannot be opened, a sample stands twice, or there is none.
        GradingError: a gold answer cannot be used by its grading.
    """
    made: dict[str, list[Any]] = {name: [] for name in SAMPLES_SCHEMA.names}
    problems: list[str] = []
    sizes: list[tuple[Size, ...]] = []
    seen: dict[str, str] = {}
    if write:
        make_folder(folder / IMAGES)
    for raw in rows:
        sample_id = raw.values["sample_id"]
        if sample_id in seen:
            raise SourceError(f"{raw.where}: expected each sample_id once, found {sample_id} in {seen[sample_id]} too.")
        seen[sample_id] = raw.where
        for name in SAMPLES_SCHEMA.names[:-1]:
            made[name].append(raw.values.get(name))
        try:
            kept = [_kept(image, folder, write) for image in raw.images]
            made["images"].append([name for name, _ in kept])
            sizes.append(tuple(size for _, size in kept))
        except _BROKEN_IMAGE as error:
            problems.append(f"{raw.where}: {' '.join(str(error).split())[:200]}")
            made["images"].append([])
    if problems:
        raise SourceError(
            f"expected images that can be opened, found {len(problems):,} samples whose images cannot: "
            f"{'; '.join(problems[:_PROBLEMS_SHOWN])}. Correct them, or take their rows out."
        )
    table = pa.table(made, schema=SAMPLES_SCHEMA)
    if not table.num_rows:
        raise SourceError("expected samples to ask about, found none.")
    given = [name for name in table.column_names if name in _ALWAYS or table[name].null_count < table.num_rows]
    samples = SampleTable(_whole(table.select(given)), folder, default, sizes)
    samples.check()
    return samples


def _whole(table: pa.Table) -> pa.Table:
    """The table with every column of the form, those that nobody gives empty."""
    for name in SAMPLES_SCHEMA.names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, SAMPLES_SCHEMA.field(name).type))
    return table


def _kept(image: bytes | Path, folder: Path, write: bool) -> tuple[str, Size]:
    """Where an image is kept, by the digest of its bytes: a path in the folder; and its size."""
    content = image.read_bytes() if isinstance(image, Path) else image
    with Image.open(io.BytesIO(content)) as opened:
        ending = (opened.format or "bin").lower().replace("jpeg", "jpg")
        size = opened.size
        opened.verify()
    name = f"{IMAGES}/{hashlib.sha256(content).hexdigest()[:32]}.{ending}"
    path = folder / name
    if write and not (path.is_file() and path.stat().st_size == len(content)):
        # Named by its content and renamed when whole: no lock is needed, as `staged_file` takes for every file.
        beside = path.with_name(f".{path.name}.partial")
        beside.write_bytes(content)
        beside.replace(path)
    return name, size


def iter_questions(samples: SampleTable) -> Iterator[Question]:
    """All rows as they are asked."""
    return (samples.question(row) for row in range(len(samples)))

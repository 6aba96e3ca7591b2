"""What reading a tree of logs gathers: outcomes, samples, images, and everything that was left out.

Decisions
- A file that cannot be read is named and skipped here, in one place, so that no reader can forget to.
- A dataset's table of questions and images counts as a whole or not at all: one that is damaged near its end gives no
  question and no image.
- Datasets are read apart from one another, each by a reader of its own, and joined in their order: what is written does
  not depend on how many processes read. Rows travel between processes as Arrow tables, which are small and quick to
  send.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pyarrow as pa

from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.sources.image_paths import find_image_file, image_bases
from vlrouterbench.data.sources.source_logs import (
    Agreement,
    ImageReference,
    LeftOut,
    Reason,
)
from vlrouterbench.data.sources.vlmevalkit.columns import COLUMNS
from vlrouterbench.data.sources.vlmevalkit.file_kinds import INDEX, UnreadableFileError
from vlrouterbench.data.sources.vlmevalkit.layout import LogTree
from vlrouterbench.data.sources.vlmevalkit.questions import IMAGE_COLUMNS, QUESTION_COLUMNS, QuestionSet
from vlrouterbench.data.sources.vlmevalkit.reading import Remark, read_text_table
from vlrouterbench.data.sources.vlmevalkit.streaming import stream_tsv

_PLAIN_COLUMNS = frozenset((INDEX, "prediction", "question", "answer", "is_correct", *COLUMNS))


@dataclass
class LogReader:
    """What has been gathered so far.

    `is_matching`: whether predictions without evaluation are labelled by exact matching; `companion`: a folder beside
    the source that tables of images lie in.
    """

    source: Path
    pool: CandidatePool
    tree: LogTree
    image_folder: Path
    left_out: list[LeftOut] = field(default_factory=list)
    images: list[ImageReference] = field(default_factory=list)
    image_files: list[str] = field(default_factory=list)
    missing_images: set[str] = field(default_factory=set)
    unread_images: set[str] = field(default_factory=set)
    further: dict[str, Sequence[ImageReference]] = field(default_factory=dict)
    pairs_read: int = 0
    read_files: set[Path] = field(default_factory=set)
    protocol: Protocol = Protocol.REFERENCE
    is_matching: bool = False
    companion: Path | None = None
    label_agreement: dict[str, dict[str, Agreement]] = field(default_factory=dict)
    label_rules: Counter[tuple[str, str]] = field(default_factory=Counter)

    def absorb(self, other: LogReader) -> None:
        """Add what another reader gathered."""
        self.left_out += other.left_out
        self.images += other.images
        self.image_files += other.image_files
        self.missing_images |= other.missing_images
        self.unread_images |= other.unread_images
        self.further |= other.further
        self.pairs_read += other.pairs_read
        self.read_files |= other.read_files
        self.label_agreement.update(other.label_agreement)
        self.label_rules.update(other.label_rules)

    def leave_out(self, path: Path, reason: Reason, detail: str, **where: str | None) -> None:
        """Name something that is not in the benchmark."""
        self.left_out.append(LeftOut(self.where(path), reason, detail, **where))

    def where(self, path: Path) -> str:
        """A file as messages name it: relative to the source, or to the folder beside it."""
        inside = next((root for root in (self.source, self.companion) if root and path.is_relative_to(root)), None)
        return path.name if inside is None else path.relative_to(inside).as_posix()

    def table(self, path: Path, candidate: str | None = None) -> pa.Table | None:
        """A readable file as a table; an unreadable one is named and gives None."""
        with self.reading(path, candidate):
            remarks: list[Remark] = []
            table = read_text_table(path, remarks)
            if table.num_rows == 0:
                raise UnreadableFileError("a header and no rows")
            names = _plain_names(table.column_names)
            if names != table.column_names:
                odd = [name for name, plain in zip(table.column_names, names, strict=True) if name != plain]
                remarks.append((Reason.CONFLICT, f"columns read in lower case, without spaces: {', '.join(odd)}"))
            for reason, detail in remarks:
                self.leave_out(path, reason, detail, candidate=candidate)
            return table.rename_columns(names)
        return None

    def questions(self, dataset: str, store: ImageStore, *, circular: bool) -> QuestionSet:
        """The questions of a dataset's TSV, with its images kept in `store`; none, and no images, without a TSV."""
        path = self.tree.image_tables.get(dataset)
        find = partial(self._find_image, dataset)
        names_images = False
        if path is not None:
            with self.reading(path):
                stream = stream_tsv(path, QUESTION_COLUMNS)
                names_images = not IMAGE_COLUMNS.isdisjoint(stream.column_names)
                if INDEX not in stream.column_names:
                    raise UnreadableFileError(f"no column {INDEX}: its questions and images belong to no sample")
                questions = QuestionSet(store.add, find, has_images=names_images)
                for rows in stream.parts:
                    questions.add_table(rows, circular=circular)
                if twice := questions.indices_with_two_rows():
                    shown = ", ".join(twice[:3]) + (", ..." if len(twice) > 3 else "")
                    detail = f"{len(twice)} indices stand twice with different rows (index {shown}): the first is kept"
                    self.leave_out(path, Reason.CONFLICT, detail)
                return questions
        return QuestionSet(store.add, find, has_images=False, are_images_lost=names_images)

    def _find_image(self, dataset: str, name: str) -> Path:
        """The file in the source that a dataset's table names."""
        folder = self.tree.image_tables[dataset].parent
        root = self.source if folder.is_relative_to(self.source) or self.companion is None else self.companion
        return find_image_file(name, root=root, bases=image_bases(folder, dataset, root))

    @contextmanager
    def reading(self, path: Path, candidate: str | None = None) -> Iterator[None]:
        """A block that reads a file; where it cannot be read, the file is named and the block ends."""
        self.read_files.add(path)
        try:
            yield
        except UnreadableFileError as error:
            self.leave_out(path, Reason.UNREADABLE, str(error), candidate=candidate)

    def rules_by_dataset(self) -> dict[str, dict[str, int]]:
        """Dataset -> rule -> number of candidates labelled by it, for the build report."""
        rules: dict[str, dict[str, int]] = {}
        for (dataset, rule), count in sorted(self.label_rules.items()):
            rules.setdefault(dataset, {})[rule] = count
        return rules


def _plain_names(names: list[str]) -> list[str]:
    """Names of columns as VLMEvalKit writes them, where no other column has that name."""
    plain = [name.strip().lower() for name in names]
    return [
        easy if easy in _PLAIN_COLUMNS and easy not in names and plain.count(easy) == 1 else name
        for name, easy in zip(names, plain, strict=True)
    ]

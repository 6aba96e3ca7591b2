"""Images that a source does not hold, from a folder or a table that lies elsewhere (`--images`).

Decisions
- In a folder an image is found by the path that the source names, else as `<dataset>/<id>` or `<id>` with the ending of
  an image. A path leads nowhere outside the folder.
- A table (or a folder of parquet files) needs a column of ids: `sample_id`, or `doc_id`, `index` or `id`, which count
  within a `dataset` or `task` where there is such a column. The position of a row is never taken for its id:
  evaluations leave rows out, and the wrong picture would stand beside the question.
- What stands in a table is put aside, a batch at a time: it need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.header import columns_of
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.sources.image_paths import IMAGE_SUFFIXES
from vlrouterbench.data.sources.inside import OutsideError, file_inside
from vlrouterbench.data.sources.source_logs import ImageReference
from vlrouterbench.routers.encoders.sample_input import (
    IMAGE_FIELDS,
    NUM_IMAGES,
    RouterInputError,
    image_cell,
    images_of,
    one_line,
)

KEYS = ("sample_id", "doc_id", "index", "id")
WITHIN = ("dataset", "task")
ROWS_PER_BATCH = 64
Keep = Callable[[bytes], ImageReference]


class CompanionImages:
    """Images by the path that a source names, or by sample.

    Args:
        path: a folder of images, a table, or a folder of parquet tables.
        keep: puts encoded bytes aside.

    Raises:
        SourceError: a table cannot be read, or has no column of ids or of images.
    """

    def __init__(self, path: Path, keep: Keep) -> None:
        self.path = path
        self._root = (path if path.is_dir() else path.parent).resolve()
        self._keep = keep
        self._by_key: dict[tuple[str, str], list[ImageReference]] = {}
        tables = [path] if path.is_file() else sorted(p for p in path.rglob("*.parquet") if p.is_file())
        for table in tables:
            self._add_table(table)
        self._is_folder = not tables

    def of(self, dataset: str, sample_id: str, key: str, named: Sequence[str] = ()) -> list[ImageReference]:
        """The images of a sample; [] where there is none.

        Args:
            dataset: the sample's dataset.
            sample_id: its id.
            key: its id within the dataset.
            named: paths that the source names.
        """
        if not self._is_folder:
            keys = (("", sample_id), (dataset, key), ("", key))
            return next((self._by_key[k] for k in keys if k in self._by_key), [])
        if named:
            found = [self._file(name) for name in named]
            return [file for file in found if file is not None] if all(found) else []
        stems = (f"{dataset}/{key}", key, sample_id)
        files = (self._file(f"{stem}{ending}") for stem in stems for ending in sorted(IMAGE_SUFFIXES))
        first = next((file for file in files if file is not None), None)
        return [] if first is None else [first]

    def _file(self, name: str) -> Path | None:
        try:
            return file_inside(self._root, name.replace("\\", "/"))
        except (OutsideError, ValueError):
            return None

    def _add_table(self, path: Path) -> None:
        columns = columns_of(path)
        key = next((name for name in KEYS if name in columns), None)
        images = [name for name in IMAGE_FIELDS if name in columns]
        if columns and (key is None or not images):
            raise SourceError(
                f"--images {path}: expected a column of ids ({', '.join(KEYS)}) and one of images "
                f"({', '.join(IMAGE_FIELDS)}), found {one_line(', '.join(columns))}."
            )
        for rows in _batches(path):
            if key is None:
                key = next((name for name in KEYS if name in rows.column_names), None)
                images = [name for name in IMAGE_FIELDS if name in rows.column_names]
                if key is None or not images:
                    raise SourceError(f"--images {path}: expected a column of ids and one of images, found neither.")
            within = next((name for name in WITHIN if name in rows.column_names and key != "sample_id"), None)
            counts = [name for name in (NUM_IMAGES,) if name in rows.column_names]
            for row in rows.select([key, *([within] if within else []), *images, *counts]).to_pylist():
                cell = image_cell(row)
                of = str(row[within]) if within else ""
                self._by_key[of, str(row[key])] = self._read(cell, path, str(row[key]))

    def _read(self, cell: object, path: Path, key: str) -> list[ImageReference]:
        try:
            found = images_of(cell)
        except RouterInputError as error:
            raise SourceError(f"--images {path}, {key}: {error}") from error
        read: list[ImageReference] = []
        for image in found:
            if isinstance(image, bytes):
                read.append(self._keep(image))
            elif isinstance(image, str) and (file := self._file(image)) is not None:
                read.append(file)
        return read


def _batches(path: Path) -> Iterator[pa.Table]:
    if ending_of(path) == ".parquet":
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_PER_BATCH):
                yield pa.Table.from_batches([batch])
        return
    try:
        yield read_saved_table(path, TableForm((*KEYS, *WITHIN), (), IMAGE_FIELDS))
    except TableError as error:
        raise SourceError(f"--images {path}{error}") from error

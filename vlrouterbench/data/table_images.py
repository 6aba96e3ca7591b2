"""The sample shards of a benchmark folder, and the images in them, read a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vlrouterbench.core.constants import SPLITS
from vlrouterbench.data.schema import FURTHER

IMAGES_PER_BATCH = 64


def data_files(folder: Path) -> list[Path]:
    """The sample shards of a folder in table order: by split, then by name."""
    return [path for split in SPLITS for path in sorted((folder / "data").glob(f"{split}-*.parquet"))]


def images_of_rows(folder: Path, rows: np.ndarray) -> Iterator[bytes | None]:
    """Encoded image of some rows of a folder, None where there is none.

    Args:
        folder: the benchmark folder.
        rows: (num_rows,) indices in the whole folder, ascending.
    """
    start = 0
    for path in data_files(folder):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                first, last = np.searchsorted(rows, (start, start + size))
                wanted = set((rows[first:last] - start).tolist())
                start += size
                if wanted:
                    yield from _images(file, group, wanted)


def further_images_of_rows(folder: Path, rows: np.ndarray) -> dict[int, list[bytes]]:
    """Place of a row -> its encoded images beside the first, of those that have several; arguments as above."""
    start, found = 0, dict[int, list[bytes]]()
    for path in data_files(folder):
        with pq.ParquetFile(path) as file:
            if FURTHER not in file.schema_arrow.names:
                start += file.metadata.num_rows
                continue
            for batch in file.iter_batches(batch_size=IMAGES_PER_BATCH, columns=[FURTHER]):
                column = batch.column(0)
                several = np.flatnonzero(pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False))
                for place in several.tolist():
                    at = int(np.searchsorted(rows, start + place))
                    if at < len(rows) and rows[at] == start + place:
                        found[at] = [image["bytes"] for image in column[place].as_py()]
                start += batch.num_rows
    return found


def _images(file: pq.ParquetFile, group: int, wanted: set[int]) -> Iterator[bytes | None]:
    """Encoded images of some rows of a row group, by their index in it; groups without any are never read."""
    start = 0
    for batch in file.iter_batches(batch_size=IMAGES_PER_BATCH, row_groups=[group], columns=["image"]):
        for row, image in enumerate(batch.column(0).field("bytes"), start=start):
            if row in wanted:
                yield image.as_py()
        start += batch.num_rows

"""The images that a table of samples names or holds, in the first of its columns of images that is not empty.

Decisions
- A cell is what the reader of a sample takes: a path, encoded bytes, {bytes, path} as datasets saves it, a data URL, or
  a list of these, all of which are kept. A row of a benchmark, whose `images` are those beside `image`, is read so.
- A path must stay inside the folder: a table from elsewhere must not read the user's other files. It is read as it
  stands, else with slashes in the place of backslashes.
- Images that stand in the table are put aside: memory holds one of them at a time, beside the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.inside import OutsideError, file_inside
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason
from vlrouterbench.routers.encoders.sample_input import (
    IMAGE_FIELDS,
    NUM_IMAGES,
    RouterInputError,
    image_cell,
    images_of,
    one_line,
    path_forms,
)

VIDEO = "video"
Keep = Callable[[bytes], ImageReference]
"""Puts encoded bytes aside."""


@dataclass
class TableImages:
    """Per row its first image and the path as written; further images, missing ones and what was left out by sample."""

    references: list[ImageReference] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)
    further: dict[str, list[ImageReference]] = field(default_factory=dict)

    def add(self, reference: ImageReference, file: str) -> None:
        """Add a row's image, None where it has none."""
        self.references.append(reference)
        self.files.append(file)

    def add_missing(self, file: str, sample_id: str, why: str) -> None:
        """Add a row whose image cannot be had."""
        self.add(None, file)
        self.missing.add(sample_id)
        self.left_out.append(LeftOut(file, Reason.IMAGE, why, sample_id=sample_id))


def read_images(folder: Path, samples: pa.Table, path: Path, keep: Keep) -> TableImages:
    """The images of a table of samples, as references.

    Args:
        folder: the source.
        samples: the table as it was read.
        path: its file.
        keep: puts aside what stands in the table itself.

    Raises:
        SourceError: a cell is no image and no path, or its path leads outside the folder.
    """
    images, root = TableImages(), folder.resolve()
    if VIDEO in samples.column_names and not {*IMAGE_FIELDS} & {*samples.column_names}:
        raise SourceError(
            f'{path}: expected samples with images or text alone, found a video set (column "{VIDEO}"): videos are not '
            "read. Give images of their frames in a column images, or drop the column."
        )
    columns = {name: samples[name] for name in (*IMAGE_FIELDS, NUM_IMAGES) if name in samples.column_names}
    for row, sample_id in enumerate(map(str, samples["sample_id"].to_pylist())):
        cell = image_cell({name: column[row].as_py() for name, column in columns.items()})
        where = f"{path}, row {row + 1}"
        found = _found(cell, where, folder)
        if isinstance(found, str):
            images.add_missing(one_line(str(cell)), sample_id, found)
            continue
        kept = [
            (keep(image), path.name) if isinstance(image, bytes) else (_target(image, where, folder, root), image)
            for image in found
        ]
        lacking = [name for reference, name in kept if reference is None]
        kept = [pair for pair in kept if pair[0] is not None]
        if kept or not found:
            images.add(*(kept[0] if kept else (None, "")))
        elif lacking:
            images.add_missing(lacking.pop(0), sample_id, "no such file")
        for name in lacking:
            images.left_out.append(LeftOut(name, Reason.IMAGE, "no such file", sample_id=sample_id))
            images.missing.add(sample_id)
        if len(kept) > 1:
            images.further[sample_id] = [reference for reference, _ in kept[1:]]
    return images


def _found(cell: Any, where: str, folder: Path) -> list[Any] | str:
    """The images of a cell, each bytes or a path; why it has none that can be read, where it is a URL."""
    try:
        found = images_of(cell)
    except RouterInputError as error:
        if isinstance(cell, str) and (cell[:5].lower() == "data:" or "://" in cell):
            return str(error)
        raise _no_image(where, folder, str(error)) from error
    if strange := [image for image in found if not isinstance(image, str | bytes)]:
        raise _no_image(where, folder, f"found {type(strange[0]).__name__}.")
    return found


def _target(image: str, where: str, folder: Path, root: Path) -> Path | None:
    """The file of a path, None where there is none."""
    if "\0" in image:
        raise _no_image(where, folder, f'found "{one_line(image)}".')
    for form in path_forms(image):
        try:
            if (target := file_inside(root, form)) is not None:
                return target
        except OutsideError as error:
            raise SourceError(
                f'{where}: the image path "{one_line(image)}" leaves the folder {folder}. Give a path inside it.'
            ) from error
    return None


def _no_image(where: str, folder: Path, problem: str) -> SourceError:
    return SourceError(f'{where}: expected a path relative to {folder} in "image", or an image: {problem}')

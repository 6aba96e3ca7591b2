"""The images that a table of samples names: the column `image`, or `image_path` where that is empty.

Decisions
- An image path must stay inside the folder: a table from elsewhere must not read the user's other files.
- Of a list of paths the first image is kept, since a row has one; the others are named.
- A path with backslashes is read as it stands, else with slashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.image_paths import listed
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason

IMAGE_COLUMNS = ("image", "image_path")
MAX_PATH_LENGTH = 255
"""Longest image path, in characters: what common file systems allow for one name."""


@dataclass
class TableImages:
    """Per row its image and the path as written; the ids of samples whose image is missing; what was left out."""

    references: list[ImageReference] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)


def read_images(folder: Path, samples: pa.Table, path: Path) -> TableImages:
    """The images of a table of samples, as references.

    Args:
        folder: the source.
        samples: the table as it was read.
        path: its file.

    Raises:
        SourceError: a cell is no path, or its path leads outside the folder.
    """
    root = folder.resolve()
    images = TableImages()
    columns = [samples[name].to_pylist() for name in IMAGE_COLUMNS if name in samples.column_names]
    for row, sample_id in enumerate(map(str, samples["sample_id"].to_pylist())):
        paths = _paths(next((column[row] for column in columns if column[row]), None))
        images.files.append(str(paths[0]) if paths else "")
        if not paths:
            images.references.append(None)
            continue
        target = _target(paths[0], root, f"{path}, row {row + 1}", folder)
        images.references.append(target)
        if target is None:
            images.missing.add(sample_id)
            images.left_out.append(LeftOut(str(paths[0]), Reason.IMAGE, "no such file", sample_id=sample_id))
        if len(paths) > 1:
            detail = f"a row holds one image: the first of {len(paths)} is kept"
            images.left_out.append(LeftOut(path.name, Reason.FURTHER_IMAGES, detail, sample_id=sample_id))
    return images


def _paths(cell: Any) -> list[Any]:
    """What a cell names; one thing where it is no list."""
    if isinstance(cell, str) and cell.strip().startswith("["):
        items = listed(cell.strip())
        cell = cell if items is None else items
    if not isinstance(cell, list):
        return [cell] if cell else []
    return [item for item in cell if item]


def _target(value: Any, root: Path, where: str, folder: Path) -> Path | None:
    """The file of a path, None where there is none."""
    # Encoded bytes in the table would be taken for a very long name.
    if not isinstance(value, str) or "\0" in value or len(value) > MAX_PATH_LENGTH:
        raise SourceError(f'{where}: expected a path relative to {folder} in "image", found {str(value)[:40]!r}.')
    for form in dict.fromkeys((value, value.replace("\\", "/"))):
        target = (root / form).resolve()
        if not target.is_relative_to(root):
            raise SourceError(f'{where}: the image path "{value}" leaves the folder {folder}. Give a path inside it.')
        if target.is_file():
            return target
    return None

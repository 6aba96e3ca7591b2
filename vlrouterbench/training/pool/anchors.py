"""Anchor samples for a new candidate: a table to be filled in, and its images in a folder beside it.

Decisions
- The router chooses them; their order is the router's, so that the first half of the file is not the easy half.
- Images are the benchmark's own bytes, not encoded again: a new candidate sees what the others saw.
- The table is moved to its path last: where it exists, its images exist too.
- A file that exists is not overwritten: it may hold outcomes that somebody paid for.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.files import staged_file, staged_folder
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.pool.new_candidates import OUTCOMES
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter

COLUMNS = ("sample_id", "question", "options", "hint", "image", *OUTCOMES)
"""Of the file; the last three are empty, for the new candidate's outcomes."""


@dataclass(frozen=True)
class AnchorSheet:
    """What was written.

    Attributes:
        path: the table.
        images: the folder of images, None where no sample has one.
        num_samples, num_images: rows, and images.
        num_unreadable: rows whose image the benchmark could not read; they are written without it.
    """

    path: Path
    images: Path | None
    num_samples: int
    num_images: int
    num_unreadable: int


def write_anchors(router: OpenPoolRouter, table: RoutingTable, count: int, path: Path) -> AnchorSheet:
    """Write anchor samples as csv, with images in `<path without .csv>-images/`.

    Args:
        router: chooses the samples.
        table: the benchmark that it was trained on, all splits.
        count: number of samples.
        path: of the csv.

    Raises:
        RouterError: the file exists, or the router does not remember that many samples.
    """
    if path.exists():
        raise RouterError(
            f"expected nothing at {path}, found a file that may hold outcomes. Move it, or give another --out."
        )
    try:
        rows = np.array(router.anchor_set(count))
    except ValueError as error:
        raise RouterError(f"--count: {error}") from error
    train = table.split("train")
    images = _images(train, rows)
    folder = path.with_name(f"{path.stem}-images")
    names = {row: f"{number:04d}.{_extension(images[row])}" for number, row in enumerate(rows, 1) if row in images}
    samples = train.take(rows).samples.to_pylist()
    with staged_file(path) as staging:
        with staging.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, restval="")
            writer.writeheader()
            for row, sample in zip(rows, samples, strict=True):
                writer.writerow(_cells(sample, f"{folder.name}/{names[row]}" if row in names else ""))
        if names:
            with staged_folder(folder) as image_folder:
                for row, name in names.items():
                    (image_folder / name).write_bytes(images[row])
    unreadable = sum(not sample["image_ok"] for sample in samples)
    return AnchorSheet(path, folder if names else None, len(samples), len(names), unreadable)


def _cells(sample: Mapping[str, Any], image: str) -> dict[str, str]:
    options = json.dumps(sample["options"], ensure_ascii=False) if sample["options"] else ""
    return {name: sample[name] or "" for name in ("sample_id", "question", "hint")} | {
        "options": options,
        "image": image,
    }


def _images(train: RoutingTable, rows: np.ndarray) -> dict[int, bytes]:
    """Row of the train split -> encoded image, where there is one."""
    ordered = np.sort(rows)
    images = zip(ordered.tolist(), train.take(ordered).iter_images(), strict=True)
    return {row: image for row, image in images if image is not None}


def _extension(image: bytes) -> str:
    """The file extension that an image's content calls for."""
    with Image.open(io.BytesIO(image)) as opened:
        return (opened.format or "png").lower().replace("jpeg", "jpg")

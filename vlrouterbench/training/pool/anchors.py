"""The samples that a new candidate is asked: a table to be filled in, and its pictures in a folder beside it.

Decisions
- The router chooses them; their order is the router's, so that the first half of the file is not the easy half.
- Pictures are the benchmark's own bytes, not encoded again: a new candidate sees what the others saw.
- The table is put in its place last: where it stands, its pictures stand too.
- A file that exists is not written over: it may hold outcomes that somebody paid for.
"""

from __future__ import annotations

import csv
import io
import json
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
        images: the folder of pictures, None where no sample has one.
        num_samples, num_images: rows, and pictures.
        num_unreadable: rows whose picture the benchmark could not read; they stand without it.
    """

    path: Path
    images: Path | None
    num_samples: int
    num_images: int
    num_unreadable: int


def write_anchors(router: OpenPoolRouter, table: RoutingTable, count: int, path: Path) -> AnchorSheet:
    """Write anchor samples as csv, with pictures in `<path without .csv>-images/`.

    Args:
        router: chooses the samples.
        table: the benchmark that it was trained on, all splits.
        count: number of samples.
        path: of the csv.

    Raises:
        RouterError: the file exists, or the router does not remember as many samples.
    """
    if path.exists():
        raise RouterError(
            f"expected nothing at {path}, found a file that may hold outcomes. Move it, or give another --out."
        )
    try:
        places = np.array(router.anchor_set(count))
    except ValueError as error:
        raise RouterError(f"--count: {error}") from error
    train = table.split("train")
    pictures = _pictures(train, places)
    folder = path.with_name(f"{path.stem}-images")
    names = {place: f"{number:04d}.{_kind(pictures[place])}" for number, place in enumerate(places, 1)}
    named = {place: names[place] for place in names if pictures[place] is not None}
    samples = train.take(places).samples.to_pylist()
    with staged_file(path) as staging:
        with staging.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, COLUMNS, restval="")
            writer.writeheader()
            for place, sample in zip(places, samples, strict=True):
                writer.writerow(_row(sample, f"{folder.name}/{named[place]}" if place in named else ""))
        if named:
            with staged_folder(folder) as images:
                for place, name in named.items():
                    (images / name).write_bytes(pictures[place])
    unreadable = sum(not sample["image_ok"] for sample in samples)
    return AnchorSheet(path, folder if named else None, len(samples), len(named), unreadable)


def _row(sample: dict[str, Any], image: str) -> dict[str, str]:
    options = json.dumps(sample["options"], ensure_ascii=False) if sample["options"] else ""
    return {name: sample[name] or "" for name in ("sample_id", "question", "hint")} | {
        "options": options,
        "image": image,
    }


def _pictures(train: RoutingTable, places: np.ndarray) -> dict[int, bytes | None]:
    """Place in the train split -> encoded bytes, None where there is no picture."""
    ordered = np.sort(places)
    return dict(zip(ordered.tolist(), train.take(ordered).iter_images(), strict=True))


def _kind(picture: bytes | None) -> str:
    """The extension that a picture's content asks for."""
    if picture is None:
        return ""
    with Image.open(io.BytesIO(picture)) as opened:
        return (opened.format or "png").lower().replace("jpeg", "jpg")

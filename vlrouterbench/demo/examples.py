"""A few samples of the test split to try the Route tab with: one click gives an image and a question.

Decisions
- One per dataset, and more of each where there are few, spread over the benchmark, so that they look different; the
  same ones at every start. Those with an image where there are any; else questions alone.
- Their images are written into the app's folder, from which the page's image field may read.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vlrouterbench.core.files import make_folder
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped
from vlrouterbench.evaluation.examples import data_address
from vlrouterbench.routers.encoders.sample_input import read_image

COUNT, BATCH_COUNT = 5, 8
_LONGEST_QUESTION = 300
_THUMBNAIL_PIXELS, _BUTTON_WORDS = 96, 60


@dataclass(frozen=True)
class Example:
    """A sample to try.

    Attributes:
        question: its question.
        image: its image as a file, None without one.
        thumbnail: its image in small, as a data address inside the page; "" without one.
    """

    question: str
    image: Path | None
    thumbnail: str


def example_samples(table: RoutingTable, folder: Path, count: int = COUNT) -> list[Example]:
    """Up to `count` samples with short questions, of every dataset first; with images where the benchmark has any.

    Args:
        table: the scored samples.
        folder: folder for their images.
        count: the most samples.
    """
    make_folder(folder)
    questions, datasets = table.column("question"), table.column("dataset")
    usable = np.char.str_len(np.array(questions)) <= _LONGEST_QUESTION
    with_image = usable & np.array(table.column("image_ok"), dtype=bool)
    usable = with_image if with_image.any() else usable
    firsts: dict[str, int] = {}
    for index in np.flatnonzero(usable):
        firsts.setdefault(datasets[index], int(index))
    indices = _spread(np.array(sorted(firsts.values()), dtype=int), count)
    if len(indices) < count:
        indices = np.union1d(indices, _spread(np.setdiff1d(np.flatnonzero(usable), indices), count - len(indices)))
    examples = []
    for number, (index, content) in enumerate(zip(indices, table.take(indices).iter_images(), strict=True)):
        path = folder / f"{number}.jpg"
        image = read_image(content)
        if image is None:
            examples.append(Example(questions[index], None, ""))
            continue
        image.convert("RGB").save(path, "JPEG", quality=90)
        examples.append(Example(questions[index], path, data_address(content, pixels=_THUMBNAIL_PIXELS)))
    return examples


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """So many of the rows, spread evenly; all of them where there are fewer."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]


def sample_files(table: RoutingTable, folder: Path, count: int = BATCH_COUNT) -> tuple[Path, Path]:
    """Write a table of questions and a zip of their images, to try the Batch tab with, and return their paths.

    Arguments as for `example_samples`; without a readable image a question stands alone.
    """
    make_folder(folder)
    questions, archive = folder / "questions.csv", folder / "images.zip"
    rows = np.linspace(0, len(table) - 1, min(count, len(table))).round().astype(int)
    part = table.take(rows)
    with questions.open("w", encoding="utf-8", newline="") as file, zipfile.ZipFile(archive, "w") as images:
        writer = csv.writer(file)
        writer.writerow(("sample_id", "question", "options", "image"))
        columns = (part.column("question"), part.column("options"), part.iter_images())
        for number, (question, options, content) in enumerate(zip(*columns, strict=True)):
            image, name = read_image(content), ""
            if image is not None:
                name, written = f"{number}.png", io.BytesIO()
                image.convert("RGB").save(written, "PNG")
                # A fixed date: the same files at every start.
                images.writestr(zipfile.ZipInfo(name), written.getvalue())
            writer.writerow((f"sample-{number}", question, json.dumps(list(options)) if options else "", name))
    return questions, archive


def buttons_html(examples: Sequence[Example]) -> str:
    """A button for each example, with its image in small or its question's first words."""
    buttons = "".join(
        f'<button type="button" class="vrb-example" data-index="{index}" title="{escaped(example.question)}" '
        f'aria-label="Example {index + 1}: {escaped(example.question[:120])}">{_inside(example)}</button>'
        for index, example in enumerate(examples)
    )
    return f'<div class="vrb-examples" role="group" aria-label="Examples">{buttons}</div>' if buttons else ""


def _inside(example: Example) -> str:
    if example.thumbnail:
        return f'<img src="{example.thumbnail}" alt="">'
    return f"<span>{escaped(example.question[:_BUTTON_WORDS])}</span>"

"""A few samples of the test split to try the Route tab with: one click gives an image and a question.

Decisions
- One per dataset, and more of each where there are few, spread over the benchmark, so that they look different; the
  same ones at every start. Those with an image where there are any; else questions alone.
- Samples that are a question and one image at most come first, where there are enough of them: Route has no field for
  options, and without them it would decide on another sample than Explore shows.
- Their images are written into the app's folder, from which the page's image field may read: as the benchmark has them,
  since an image that is compressed again has other features, and may be decided otherwise.
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
from PIL import Image

from vlrouterbench.core.files import make_folder
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped, middle_cut
from vlrouterbench.evaluation.examples import data_address
from vlrouterbench.features.inputs import image_counts
from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routers.encoders.sample_input import read_image
from vlrouterbench.routing.limits import FORMATS, LIMITS

COUNT, BATCH_COUNT = 5, 8
_LONGEST_QUESTION = 300
_THUMBNAIL_PIXELS, _BUTTON_WORDS = 96, 36


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
    whole = usable & _fits_route(table)
    usable = whole if whole.sum() >= count else usable
    firsts: dict[str, int] = {}
    for index in np.flatnonzero(usable):
        firsts.setdefault(datasets[index], int(index))
    indices = _spread(np.array(sorted(firsts.values()), dtype=int), count)
    if len(indices) < count:
        indices = np.union1d(indices, _spread(np.setdiff1d(np.flatnonzero(usable), indices), count - len(indices)))
    examples = []
    for number, (index, content) in enumerate(zip(indices, table.take(indices).iter_images(), strict=True)):
        image = read_image(content)
        if image is None or content is None:
            examples.append(Example(questions[index], None, ""))
            continue
        suffix, written = _as_sent(image, content)
        path = folder / f"{number}.{suffix}"
        path.write_bytes(written)
        examples.append(Example(questions[index], path, data_address(content, pixels=_THUMBNAIL_PIXELS)))
    return examples


def _fits_route(table: RoutingTable) -> np.ndarray:
    """(num_samples,) bool: which samples are a question and one image at most."""
    more = np.array(image_counts(table) or [1] * len(table)) > 1
    beside = [
        bool(options) or bool(hint) for options, hint in zip(*map(table.column, ("options", "hint")), strict=True)
    ]
    return ~(more | np.array(beside, dtype=bool))


def _as_sent(image: Image.Image, content: bytes) -> tuple[str, bytes]:
    """Name's ending and bytes of an image as a visitor may send it: its own, else as routers see it, as PNG."""
    if image.format in FORMATS and len(content) <= LIMITS.image_bytes:
        return image.format.lower(), content
    written = io.BytesIO()
    as_rgb(image).save(written, "PNG")
    return "png", written.getvalue()


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
        writer.writerow(("sample_id", "question", "options", "image", "hint"))
        columns = (*map(part.column, ("question", "hint", "options")), part.iter_images())
        for number, (question, hint, options, content) in enumerate(zip(*columns, strict=True)):
            image, name = read_image(content), ""
            if image is not None and content is not None:
                suffix, written = _as_sent(image, content)
                name = f"{number}.{suffix}"
                # A fixed date: the same files at every start.
                images.writestr(zipfile.ZipInfo(name), written)
            writer.writerow((f"sample-{number}", question, json.dumps(list(options)) if options else "", name, hint))
    return questions, archive


def buttons_html(examples: Sequence[Example]) -> str:
    """A button for each example, with its image in small or its question's first and last words."""
    buttons = "".join(
        f'<button type="button" class="vrb-example" data-index="{index}" title="{escaped(example.question)}" '
        f'aria-label="Example {index + 1}: {escaped(middle_cut(example.question, 120))}">{_inside(example)}</button>'
        for index, example in enumerate(examples)
    )
    return f'<div class="vrb-examples" role="group" aria-label="Examples">{buttons}</div>' if buttons else ""


def _inside(example: Example) -> str:
    if example.thumbnail:
        return f'<img src="{example.thumbnail}" alt="">'
    return f"<span>{escaped(middle_cut(example.question, _BUTTON_WORDS))}</span>"

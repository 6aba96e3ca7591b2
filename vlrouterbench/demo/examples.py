"""A few samples of the test split to try the Route tab with: one click gives a picture and a question.

Decisions
- One per dataset, spread over the benchmark, so that they look different; the same ones at every start.
- Their pictures are written into the app's folder, where the page's picture field can take them from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vlrouterbench.core.files import make_folder
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.demo.html import escaped
from vlrouterbench.evaluation.examples import data_address
from vlrouterbench.routers.encoders.sample_input import read_image

COUNT = 5
_LONGEST_QUESTION = 300
_THUMBNAIL_PIXELS = 96


@dataclass(frozen=True)
class TryOut:
    """A sample to try: its question, its picture as a file, and in small inside the page."""

    question: str
    picture: Path
    thumbnail: str


def try_outs(table: RoutingTable, folder: Path, count: int = COUNT) -> list[TryOut]:
    """Up to `count` samples with short questions and readable pictures, one per dataset.

    Args:
        table: the scored samples.
        folder: where their pictures go.
        count: most samples.
    """
    make_folder(folder)
    questions, datasets = table.column("question"), table.column("dataset")
    usable = np.array(table.column("image_ok")) & (np.char.str_len(np.array(questions)) <= _LONGEST_QUESTION)
    firsts: dict[str, int] = {}
    for place in np.flatnonzero(usable):
        firsts.setdefault(datasets[place], int(place))
    places = sorted(firsts.values())
    wanted = [places[at] for at in np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)]
    made = []
    for number, (place, content) in enumerate(zip(wanted, table.take(np.array(wanted)).iter_images(), strict=True)):
        path = folder / f"{number}.jpg"
        read_image(content).convert("RGB").save(path, "JPEG", quality=90)
        made.append(TryOut(questions[place], path, data_address(content, pixels=_THUMBNAIL_PIXELS)))
    return made


def buttons_html(examples: Sequence[TryOut]) -> str:
    """A button with a small picture for each example."""
    buttons = "".join(
        f'<button type="button" class="vrb-example" data-place="{place}" title="{escaped(example.question)}" '
        f'aria-label="Example {place + 1}: {escaped(example.question[:120])}"><img src="{example.thumbnail}" alt="">'
        "</button>"
        for place, example in enumerate(examples)
    )
    return f'<div class="vrb-examples" role="group" aria-label="Examples">{buttons}</div>' if buttons else ""

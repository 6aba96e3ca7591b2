"""The samples of a benchmark as encoders take them, and the digest of what each encoder sees of one.

Decisions
- A text is identified by question, hint and options, an image by its encoded bytes: what is the same is encoded once.
- Images are hashed as they are in the table; nothing is decoded for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from vlrouterbench.data.schema import NUM_IMAGES
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.encoders.sample_input import RouterInput, read_image


def router_inputs(table: RoutingTable, *, every_image: bool = True) -> Iterator[RouterInput]:
    """The samples of a table as a router sees them, in order; with the first of several images alone unless all."""
    further = table.further_images() if every_image else {}
    for row, (text, image) in enumerate(zip(_texts(table), table.iter_images(), strict=True)):
        images = [read for one in (image, *further.get(row, ())) if (read := read_image(one)) is not None]
        yield RouterInput.of(text.question, text.options, text.hint, images)


def text_inputs(table: RoutingTable) -> Iterator[RouterInput]:
    """The samples of a table without their images, in order."""
    yield from _texts(table)


def text_digests(table: RoutingTable) -> list[bytes]:
    """Digest of each sample's text."""
    return [
        hashlib.sha256(json.dumps([text.question, text.hint, text.options], ensure_ascii=True).encode()).digest()
        for text in _texts(table)
    ]


def image_digests(table: RoutingTable) -> list[bytes | None]:
    """Digest of each sample's encoded image, the first of several, None where there is none."""
    return [None if image is None else hashlib.sha256(image).digest() for image in table.iter_images()]


def further_digests(table: RoutingTable) -> dict[int, list[bytes]]:
    """Row -> digests of its encoded images beside the first, of those that have several."""
    return {row: [hashlib.sha256(image).digest() for image in images] for row, images in table.further_images().items()}


def num_with_more(table: RoutingTable, most: int = 1) -> int:
    """How many samples of a table have more than so many images."""
    return sum(count > most for count in image_counts(table))


def image_counts(table: RoutingTable) -> list[int]:
    """Images of each sample; nothing of a folder from before they were counted, whose samples have one at most."""
    return table.column(NUM_IMAGES) if NUM_IMAGES in table.samples.column_names else []


def _texts(table: RoutingTable) -> Iterator[RouterInput]:
    columns = [table.column(name) for name in ("question", "options", "hint")]
    for question, options, hint in zip(*columns, strict=True):
        yield RouterInput(question, tuple(options or ()), hint or "")

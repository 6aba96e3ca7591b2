"""The samples of a benchmark as encoders take them, and the digest of what each encoder sees of one.

Decisions
- A text is identified by question, hint and options, an image by its encoded bytes: what is the same is encoded once.
- Images are hashed as they are in the table; nothing is decoded for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.routers.encoders.sample_input import RouterInput, read_image


def router_inputs(table: RoutingTable) -> Iterator[RouterInput]:
    """The samples of a table as a router sees them, in order."""
    for text, image in zip(_texts(table), table.iter_images(), strict=True):
        yield RouterInput(text.question, text.options, text.hint, read_image(image))


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
    """Digest of each sample's encoded image, None where there is none."""
    return [None if image is None else hashlib.sha256(image).digest() for image in table.iter_images()]


def _texts(table: RoutingTable) -> Iterator[RouterInput]:
    columns = [table.column(name) for name in ("question", "options", "hint")]
    for question, options, hint in zip(*columns, strict=True):
        yield RouterInput(question, tuple(options or ()), hint or "")

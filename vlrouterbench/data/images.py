"""Checking the images of a source: readable or not, and which are the same picture.

Decisions
- An image is readable when it decodes whole; a truncated file is not. Nothing is replaced by a black square.
- A picture over the pixel limit counts as unreadable: a benchmark must not be a decompression bomb.
- Content is named by the digest of the encoded bytes, so identical files link their samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.data.source import ImageReference
from vlrouterbench.routers.encoding_input import RouterInputError, read_image


@dataclass(frozen=True)
class ImageCheck:
    """What reading an image showed: its content's digest, or why it cannot be used."""

    sha256: str | None
    problem: str | None


def read_image_bytes(reference: ImageReference) -> bytes | None:
    """The encoded bytes behind a reference, None for a sample without an image."""
    return reference.read_bytes() if isinstance(reference, Path) else reference


def check_image(reference: ImageReference) -> ImageCheck:
    """Read and decode one image, by the same rule that a router reads it with."""
    try:
        content = read_image_bytes(reference)
        read_image(content)
    except (OSError, RouterInputError) as error:
        return ImageCheck(None, str(error))
    return ImageCheck(None if content is None else hashlib.sha256(content).hexdigest(), None)


def check_images(references: Sequence[ImageReference], *, num_threads: int = 2) -> list[ImageCheck]:
    """Check every image; decoding releases the interpreter lock, so threads help."""
    with ThreadPoolExecutor(max_workers=max(1, num_threads)) as pool:
        return list(pool.map(check_image, references))

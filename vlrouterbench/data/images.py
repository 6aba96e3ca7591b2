"""Checking the images of a source: readable or not, and which are the same image.

Decisions
- An image is readable when it decodes whole; a truncated file is not. Nothing is replaced by a black square.
- An image over the pixel limit counts as unreadable: a benchmark must not be a decompression bomb.
- A decoded image is also hashed by its pixels: what looks alike on two sides is counted later (`leaks.py`).
- Content is named by the digest of the encoded bytes, so identical files link their samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.image_store import StoredImage
from vlrouterbench.data.perceptual_hash import perceptual_hashes, pixel_key, thumbnail
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason
from vlrouterbench.routers.encoders.sample_input import RouterInputError, read_image

IMAGES_PER_TASK = 32
MAX_SHARE_LOST = 0.2
"""Largest share of the images that a source names which may be unreadable."""
REASONS_SHOWN = 3


@dataclass(frozen=True)
class ImageCheck:
    """What reading an image showed: its content's digest, or why it cannot be used.

    Attributes:
        sha256: digest of the encoded bytes, None without a usable image.
        problem: why it cannot be used.
        pixel_key: as `perceptual_hash.pixel_key`, of a usable image.
        perceptual: its perceptual hash; None for an image of one colour too.
    """

    sha256: str | None
    problem: str | None
    pixel_key: bytes | None = None
    perceptual: int | None = None


def read_image_bytes(reference: ImageReference) -> bytes | None:
    """The encoded bytes behind a reference, None for a sample without an image."""
    return reference.read_bytes() if isinstance(reference, Path | StoredImage) else reference


def check_image(reference: ImageReference) -> ImageCheck:
    """Read and decode one image, by the same rule that a router reads it with."""
    return check_batch([reference])[0]


def check_images(references: Sequence[ImageReference], *, num_threads: int = 2) -> list[ImageCheck]:
    """Check every image; decoding releases the interpreter lock, so threads help."""
    checks = [ImageCheck(None, None)] * len(references)
    batches = batches_of(references)
    with ThreadPoolExecutor(max_workers=max(1, num_threads)) as pool:
        for batch, batch_checks in zip(
            batches, pool.map(lambda batch: check_batch([references[index] for index in batch]), batches), strict=True
        ):
            for index, check in zip(batch, batch_checks, strict=True):
                checks[index] = check
    return checks


def batches_of(references: Sequence[ImageReference]) -> list[list[int]]:
    """Indices of images that are checked together."""
    # In batches: a million waiting tasks would take a gigabyte. Samples without an image need none.
    indices = [index for index, reference in enumerate(references) if reference is not None]
    return [indices[start : start + IMAGES_PER_TASK] for start in range(0, len(indices), IMAGES_PER_TASK)]


def check_batch(references: Sequence[ImageReference]) -> list[ImageCheck]:
    """Checks of some images; what looks alike is computed for all of them at once."""
    checks, thumbnails = [], {}
    for index, reference in enumerate(references):
        try:
            content = read_image_bytes(reference)
            image = read_image(content)
        except (OSError, RouterInputError) as error:
            checks.append(ImageCheck(None, str(error)))
            continue
        if content is None or image is None:
            checks.append(ImageCheck(None, None))
            continue
        thumbnails[index] = thumbnail(image)
        key = pixel_key(thumbnails[index], image.size)
        checks.append(ImageCheck(hashlib.sha256(content).hexdigest(), None, key))
    for index, value in zip(thumbnails, perceptual_hashes([*thumbnails.values()]), strict=True):
        checks[index] = replace(checks[index], perceptual=value)
    return checks


def check_images_were_read(num_lost: int, num_named: int, left_out: Sequence[LeftOut]) -> None:
    """Stop where too many images are lost for features of images to mean anything.

    Args:
        num_lost: how many images that the source names cannot be read.
        num_named: how many images it names.
        left_out: what was left out, which says why.

    Raises:
        SourceError: more than MAX_SHARE_LOST of them.
    """
    if num_lost <= MAX_SHARE_LOST * num_named:
        return
    entries = [entry for entry in left_out if entry.reason is Reason.IMAGE]
    # Those without a sample may be of datasets that name no images.
    entries.sort(key=lambda entry: entry.sample_id is None)
    reasons = [f"{entry.sample_id or entry.file}: {entry.detail}" for entry in entries[:REASONS_SHOWN]]
    raise SourceError(
        f"expected the images that the source names to be readable, found {num_lost:,} of {num_named:,} that are not "
        f"(more than {MAX_SHARE_LOST:.0%}). First: {'; '.join(reasons)}. Correct them, or build with "
        "--allow-missing-images (BuildOptions.allow_missing_images): their samples keep their rows without an image."
    )

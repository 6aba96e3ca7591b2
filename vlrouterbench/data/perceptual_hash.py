"""Two 64-bit numbers of a decoded image: equal where pixels are, and alike where images look alike.

Decisions
- Both come from one grey thumbnail of sampled pixels, and hashes are made a batch at a time: that costs little beside
  decoding.
- What looks alike is told by the signs of the thumbnail's lowest frequencies against their median (known as pHash):
  size, compression and brightness hardly change them.
- The lowest frequencies are two products with the orthonormal cosine basis (DCT-II): importing scipy for them took
  longer than hashing a thousand images. A test holds them to scipy's.
- An image of one colour has no structure to compare, so it resembles nothing. A copy that was rotated, mirrored or
  cropped has other frequencies and is not told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 32
"""Side of the thumbnail in pixels."""
SAMPLED = 4 * SIDE
"""Rows and columns of an image that are looked at."""
FREQUENCIES = 8
"""Frequencies in each direction that count: 64 bits."""
MIN_DEVIATION = 2.0
"""Standard deviation of grey levels, of 255, below which an image counts as one colour."""


def thumbnail(image: Image.Image) -> np.ndarray:
    """An image in grey, (SIDE, SIDE) uint8."""
    if min(image.size) > SAMPLED:
        image = image.resize((SAMPLED, SAMPLED), Image.Resampling.NEAREST)
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def pixel_key(small: np.ndarray, size: tuple[int, int]) -> bytes:
    """What images of the same pixels share, by thumbnail and size; others seldom do."""
    return hashlib.blake2b(small.tobytes() + repr(size).encode(), digest_size=8).digest()


def pixels_digest(image: Image.Image) -> bytes:
    """Digest of all pixels of an image, whatever file and mode they were stored in."""
    # Levels beyond 8 bits count as they are: as RGBA, two different scans could be one white page.
    pixels = image if image.mode[0] in "IF" else image.convert("RGBA")
    return hashlib.sha256(repr(image.size).encode() + pixels.tobytes()).digest()


def perceptual_hashes(small: Sequence[np.ndarray]) -> list[int | None]:
    """A 64-bit number of each thumbnail; None for an image of one colour."""
    if not small:
        return []
    grey = np.stack(small).astype(np.float64)
    lowest = lowest_frequencies(grey).reshape(len(small), -1)
    # The first frequency is the brightness.
    bits = lowest > np.median(lowest[:, 1:], axis=1, keepdims=True)
    bits[:, 0] = False
    hashes = np.packbits(bits, axis=1).view(">u8").ravel().tolist()
    flat = grey.std(axis=(1, 2)) < MIN_DEVIATION
    return [None if one_colour else value for value, one_colour in zip(hashes, flat.tolist(), strict=True)]


def lowest_frequencies(grey: np.ndarray) -> np.ndarray:
    """The lowest coefficients of the orthonormal cosine transform (DCT-II) of images (num, SIDE, SIDE) in both axes."""
    frequency, position = np.arange(FREQUENCIES)[:, None], np.arange(SIDE)[None, :]
    basis = np.cos(np.pi * (2 * position + 1) * frequency / (2 * SIDE)) * np.sqrt(2 / SIDE)
    basis[0] = np.sqrt(1 / SIDE)
    return basis @ grey @ basis.T

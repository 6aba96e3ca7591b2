"""Fusion: one feature vector from a text's and an image's, as pure functions over numpy arrays.

Decisions
- The names are the paper's (arXiv 2512.23562, its fusion ablation). Inputs are standardised parts; a part that is all
  zeros (no text, no image) stays so.
- Normalising gives both parts the same length, whatever their sizes, and that length makes the mean square of a
  feature 1: routers learn at the same rate whatever the fusion.
- An average needs parts of one size. The longer is brought to the shorter's by a fixed random projection (signs of one
  over the root of the new size, Achlioptas 2003), which keeps inner products on average; nothing is cut off. Its signs
  are a hash of their position, so the same everywhere and not stored.
"""

from __future__ import annotations

import functools

import numpy as np

CONCAT, NORMALIZE_CONCAT, AVERAGE, WEIGHTED_AVERAGE = "concat", "normalize-concat", "average", "weighted-average"
TEXT_ONLY, IMAGE_ONLY = "text-only", "image-only"
FUSIONS = (CONCAT, NORMALIZE_CONCAT, AVERAGE, WEIGHTED_AVERAGE, TEXT_ONLY, IMAGE_ONLY)
TEXT_WEIGHT = 0.7
"""The text's weight in a weighted average unless another is given: in the paper images alone were the weakest."""


def fuse(
    text: np.ndarray | None, image: np.ndarray | None, fusion: str, *, text_weight: float = TEXT_WEIGHT
) -> np.ndarray:
    """One vector of a text's and an image's.

    Args:
        text: (..., text_dim); not used by "image-only".
        image: (..., image_dim); not used by "text-only".
        fusion: one of FUSIONS.
        text_weight: of "weighted-average", in [0, 1].

    Returns:
        (..., fused_dim(fusion, text_dim, image_dim)).

    Raises:
        ValueError: no fusion of that name, or a vector that it takes in is missing.
    """
    if fusion not in FUSIONS:
        raise ValueError(f'unknown fusion "{fusion}". Known: {", ".join(FUSIONS)}.')
    if fusion == TEXT_ONLY and text is not None:
        return text
    if fusion == IMAGE_ONLY and image is not None:
        return image
    if text is None or image is None:
        raise ValueError(f'expected every vector that the fusion "{fusion}" takes in, found one missing.')
    if fusion == CONCAT:
        return concat(text, image)
    if fusion == NORMALIZE_CONCAT:
        return normalize_concat(text, image)
    return weighted_average(text, image, text_weight=0.5 if fusion == AVERAGE else text_weight)


def fused_dim(fusion: str, text_dim: int, image_dim: int) -> int:
    """Length of a fused vector; the size of a part that is not used may be 0."""
    sizes = {TEXT_ONLY: text_dim, IMAGE_ONLY: image_dim, CONCAT: text_dim + image_dim}
    sizes |= {NORMALIZE_CONCAT: text_dim + image_dim}
    return sizes.get(fusion, min(text_dim, image_dim))


def concat(text: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Both parts side by side, (..., text_dim + image_dim)."""
    return np.concatenate([text, image], axis=-1)


def normalize_concat(text: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Both parts at the same length side by side, (..., text_dim + image_dim), of mean square 1."""
    length = np.sqrt((text.shape[-1] + image.shape[-1]) / 2)
    return concat(unit_length(text) * length, unit_length(image) * length)


def weighted_average(text: np.ndarray, image: np.ndarray, *, text_weight: float) -> np.ndarray:
    """text_weight * text + (1 - text_weight) * image, (..., the smaller size)."""
    size = min(text.shape[-1], image.shape[-1])
    return text_weight * projected(text, size) + (1 - text_weight) * projected(image, size)


def projected(values: np.ndarray, size: int) -> np.ndarray:
    """Vectors (..., dim) brought to (..., size) by the fixed projection; those of that size as they are."""
    return values if values.shape[-1] == size else values @ random_signs(values.shape[-1], size)


@functools.lru_cache(maxsize=8)
def random_signs(rows: int, columns: int) -> np.ndarray:
    """The fixed projection, (rows, columns) float32: entries are one over the root of `columns`, of hashed sign."""
    position = np.arange(rows * columns, dtype=np.uint64).reshape(rows, columns)
    # The finaliser of splitmix64 (Steele et al. 2014): every bit of a position changes about half of the bits.
    mixed = (position + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    signs = np.where((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1), 1.0, -1.0)
    signs = (signs / np.sqrt(columns)).astype(np.float32)
    signs.setflags(write=False)
    return signs


def unit_length(values: np.ndarray) -> np.ndarray:
    """Vectors (..., dim) at length 1; a zero vector stays zero."""
    norm = np.sqrt((values * values).sum(axis=-1, keepdims=True))
    return values / np.where(norm > 0, norm, 1)

"""The built-in image encoder, which needs no download: size, colour, edges, layout, frequency and print of an image.

Decisions
- The whole image is used: it is scaled to fit a square and padded, never cropped, since the edges of a chart or page
  carry its axes and totals. Its true size and shape are features of their own.
- What is transparent is paper: white, not the black that hides under it. 16-bit grey is scaled, not clipped.
- A missing image gives zeros and a flag: a mask, not a black square.
- Plain numpy over two small versions of the image, in whole numbers where they do: under a millisecond each.
- JPEG's draft mode is not used: the same image given decoded and given as bytes must have the same features.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from vlrouterbench.routers.encoders.block import CLIP, IMAGE, FeatureBlock
from vlrouterbench.routers.encoders.builtin.text import BUILTIN, BUILTIN_VERSION, projection_size, require_version
from vlrouterbench.routers.encoders.sample_input import RouterInput

IMAGE_DIM = 48
"""Size of the projection, where there are samples enough to fit it on."""

CANVAS = 96
PAGE = 256
"""Longest side at which strokes of print are looked for, in pixels."""
_CELLS = 6
_PRINT_CELLS = 12
_ORIENTATIONS = 8
_LEVELS = 12
_COLOUR_BITS = 2
_NUM_COLOURS = 2 ** (3 * _COLOUR_BITS)
_RINGS = 10
_PROFILE = 12
_TURNED = 0x0112
"""EXIF tag that says how an image is turned."""
_STROKE = 51
"""Step of brightness between neighbours, of 255, that counts as the edge of a stroke."""
_COVERED = 0.1
"""Share of stroke edges from which a cell of the page counts as covered with print."""
NUM_SHAPE_FACTS = 7
NUM_IMAGE_STATISTICS = (
    NUM_SHAPE_FACTS
    + 8
    + _LEVELS
    + _NUM_COLOURS
    + _CELLS * _CELLS * 2
    + _ORIENTATIONS * 4
    + _ORIENTATIONS
    + _RINGS
    + 2 * _PROFILE
    + 9
)


class BuiltinImage(FeatureBlock):
    """An image as projected statistics and facts of its shape.

    Args:
        image_dim: size of the projection.
        further: length of what a subclass adds.
    """

    modality, name = IMAGE, BUILTIN

    def __init__(self, image_dim: int = 1, further: int = 0) -> None:
        super().__init__(image_dim + NUM_SHAPE_FACTS + further)
        self.register_buffer("statistics_mean", torch.zeros(NUM_IMAGE_STATISTICS))
        self.register_buffer("statistics_scale", torch.ones(NUM_IMAGE_STATISTICS))
        self.register_buffer("projection", torch.zeros(NUM_IMAGE_STATISTICS, image_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinImage:
        """By `image_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["image_dim"])

    def config(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        """The name, with `version` and the size of the projection."""
        size = projection_size(IMAGE_DIM, sum(map(self.present, rows)))
        return {**super().config(rows), "version": BUILTIN_VERSION, "image_dim": size}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The built-in's version."""
        return {"version": BUILTIN_VERSION}

    def read(self, inputs: Sequence[RouterInput]) -> Sequence[Any]:
        """Statistics of each image, (NUM_IMAGE_STATISTICS,) float32."""
        return [image_statistics(sample.image) for sample in inputs]

    def project(self, raw: Any) -> np.ndarray:
        """Projected statistics, then facts of the shape, (dim,)."""
        if not raw[0]:
            return np.zeros(self.state("projection").shape[1] + NUM_SHAPE_FACTS, dtype=np.float32)
        standard = np.clip((raw - self.state("statistics_mean")) / self.state("statistics_scale"), -CLIP, CLIP)
        return np.concatenate([standard @ self.state("projection"), raw[:NUM_SHAPE_FACTS]])

    def present(self, raw: Any) -> bool:
        """By the flag, which is the first of the statistics."""
        return bool(raw[0])


def image_statistics(image: Image.Image | None) -> np.ndarray:
    """Statistics of an image, (NUM_IMAGE_STATISTICS,) float32; zeros where there is none."""
    if image is None:
        return np.zeros(NUM_IMAGE_STATISTICS, dtype=np.float32)
    rgb = as_rgb(image)
    # First by a whole number, which is fast; the two versions are then scaled from what is left.
    less = rgb.reduce(factor) if (factor := max(rgb.size) // PAGE) > 1 else rgb
    small, page = np.asarray(_scaled(less, CANVAS)), less.convert("L")
    if max(page.size) > PAGE:
        page = _scaled(page, PAGE)
    gray = (small @ np.array([0.299, 0.587, 0.114], dtype=np.float32)) / np.float32(255)
    parts = [
        _shape(rgb),
        _colour(small, gray),
        _layout(gray),
        _edges(gray),
        _frequency(gray),
        _print(np.asarray(page)),
    ]
    return np.concatenate(parts).astype(np.float32)


def as_rgb(image: Image.Image) -> Image.Image:
    """The image as a viewer shows it on white paper: turned as its EXIF says. Not always a copy."""
    if image.getexif().get(_TURNED, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray(np.clip(np.asarray(image) // 257, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled(image: Image.Image, longest: int) -> Image.Image:
    """The image with its longer side at `longest` pixels, each pixel a mean."""
    scale = longest / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=1.0)


def _shape(image: Image.Image) -> np.ndarray:
    width, height = image.size
    return np.array(
        [
            1.0,
            np.log(width),
            np.log(height),
            np.log(width * height),
            np.log(width / height),
            float(width > 1.15 * height),
            float(height > 1.15 * width),
        ]
    )


def _colour(small: np.ndarray, gray: np.ndarray) -> np.ndarray:
    red, green, blue = planes = np.ascontiguousarray(small.reshape(-1, 3).T)
    saturation = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    values = planes.astype(np.float32) / np.float32(255)
    means = [*values.mean(axis=1), *values.std(axis=1), saturation.mean() / 255, float((saturation > 63).mean())]
    level = np.minimum((gray * _LEVELS).astype(np.uint8), _LEVELS - 1)
    levels = np.bincount(level.ravel(), minlength=_LEVELS) / gray.size
    high = planes >> (8 - _COLOUR_BITS)
    code = (high[0] << 2 * _COLOUR_BITS) | (high[1] << _COLOUR_BITS) | high[2]
    colours = np.sqrt(np.bincount(code, minlength=_NUM_COLOURS) / gray.size)
    return np.concatenate([means, levels, colours])


def _layout(gray: np.ndarray) -> np.ndarray:
    """Mean and spread of brightness in a grid of cells laid over the image."""
    mean, square = _cells(gray, _CELLS), _cells(gray * gray, _CELLS)
    return np.concatenate([mean.ravel(), np.sqrt(np.maximum(square - mean * mean, 0)).ravel()])


def _cells(values: np.ndarray, parts: int) -> np.ndarray:
    """Means over a grid of `parts` by `parts` cells, (parts, parts)."""
    height, width = values.shape
    return _stretches(height, parts) @ values @ _stretches(width, parts).T


@functools.lru_cache(maxsize=1024)
def _stretches(length: int, parts: int) -> np.ndarray:
    """What takes means over `parts` even stretches of an axis, (parts, length); a stretch has at least one value."""
    matrix = np.zeros((parts, length), dtype=np.float32)
    for part in range(parts):
        start = part * length // parts
        stop = max(start + 1, (part + 1) * length // parts)
        matrix[part, start:stop] = 1 / (stop - start)
    return matrix


def _edges(gray: np.ndarray) -> np.ndarray:
    """How strong edges are by direction: in the four quarters and over the whole image."""
    dy, dx = np.gradient(gray) if min(gray.shape) > 1 else (np.zeros_like(gray), np.zeros_like(gray))
    strength = np.sqrt(dx * dx + dy * dy)
    # An edge has no sign: a direction and its opposite are one. Bins start at angle 0.
    angle = np.arctan2(dy, dx) * np.float32(_ORIENTATIONS / np.pi)
    direction = np.floor(angle).astype(np.int8) % _ORIENTATIONS
    lower = np.arange(gray.shape[0]) >= gray.shape[0] // 2
    right = np.arange(gray.shape[1]) >= gray.shape[1] // 2
    quarter = 2 * lower.astype(np.int8)[:, None] + right.astype(np.int8)
    sizes = np.bincount(quarter.ravel(), minlength=4)
    bins = (quarter * _ORIENTATIONS + direction).ravel()
    strengths = np.bincount(bins, weights=strength.ravel(), minlength=4 * _ORIENTATIONS)
    means = strengths / np.maximum(1, sizes).repeat(_ORIENTATIONS)
    whole = np.bincount(direction[strength > 0.1], minlength=_ORIENTATIONS) / strength.size
    return np.concatenate([means, whole])


def _frequency(gray: np.ndarray) -> np.ndarray:
    """Share of the spectrum's energy in rings of rising frequency, and how busy rows and columns are."""
    spectrum = np.abs(np.fft.rfft2(gray - gray.mean(), s=(CANVAS, CANVAS)))
    energy = np.bincount(_rings(), weights=spectrum.ravel(), minlength=_RINGS)
    profiles = [_stretches(len(spread), _PROFILE) @ spread for spread in (gray.std(axis=1), gray.std(axis=0))]
    return np.concatenate([np.log1p(energy), *profiles])


@functools.cache
def _rings() -> np.ndarray:
    """Ring that each value of a spectrum lies in, flat."""
    radius = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS)[None, :])
    return np.minimum((radius / 0.5 * _RINGS).astype(int), _RINGS - 1).ravel()


def _neighbours(page: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Each pixel and the next one: across, then down."""
    return (page[:, 1:], page[:, :-1]), (page[1:], page[:-1])


def _print(page: np.ndarray) -> np.ndarray:
    """Signs of print on a grey page, (height, width) uint8: ink, strokes, their cover, and lines of text.

    A line of text shows as rows that alternate between empty and full.
    """
    across, down = (np.maximum(a, b) - np.minimum(a, b) > _STROKE for a, b in _neighbours(page))
    marked = np.zeros(page.shape, dtype=bool)
    marked[:, 1:] = across
    marked[1:] |= down
    strokes = marked.astype(np.float32)
    busy = strokes.mean(axis=1)
    changes = np.count_nonzero(np.diff(busy > busy.mean()))
    cells = _cells(strokes, _PRINT_CELLS)
    return np.array(
        [
            np.count_nonzero(across) / page.size,
            np.count_nonzero(down) / page.size,
            np.count_nonzero(page > 240) / page.size,
            np.count_nonzero(page < 77) / page.size,
            changes / busy.size,
            busy.max(),
            busy.mean(),
            (cells > _COVERED).mean(),
            cells.std(),
        ]
    )

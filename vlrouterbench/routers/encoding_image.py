"""Image statistics that need no download: size, colour, edges, layout and frequency of a picture.

Decisions
- The whole picture is used: it is scaled to fit a square and padded, never cropped, since the edges of a chart or page
  carry its axes and totals. Its true size and shape are features of their own.
- What is transparent is paper: white, not the black that hides under it. 16-bit grey is scaled, not clipped.
- A missing picture gives zeros and a flag: a mask, not a black square.
- Plain numpy over two small versions of the picture; about a millisecond each.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

CANVAS = 96
_CELLS = 6
_ORIENTATIONS = 8
_LEVELS = 12
_COLOUR_STEPS = 4
_RINGS = 10
_PROFILE = 12
NUM_SHAPE_FACTS = 7
NUM_IMAGE_STATISTICS = (
    NUM_SHAPE_FACTS
    + 8
    + _LEVELS
    + _COLOUR_STEPS**3
    + _CELLS * _CELLS * 2
    + _ORIENTATIONS * 4
    + _ORIENTATIONS
    + _RINGS
    + 2 * _PROFILE
    + 6
)


def image_statistics(image: Image.Image | None) -> np.ndarray:
    """Statistics of a picture, (NUM_IMAGE_STATISTICS,) float32; zeros where there is none."""
    if image is None:
        return np.zeros(NUM_IMAGE_STATISTICS, dtype=np.float32)
    rgb = as_rgb(image)
    scale = CANVAS / max(rgb.size)
    size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    small = np.asarray(rgb.resize(size, Image.Resampling.BOX, reducing_gap=2.0), dtype=np.float32) / 255
    gray = small @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    parts = [_shape(rgb), _colour(small, gray), _layout(gray), _edges(gray), _frequency(gray), _print(rgb)]
    return np.concatenate(parts).astype(np.float32)


def as_rgb(image: Image.Image) -> Image.Image:
    """The picture as a viewer shows it on white paper: turned as its EXIF says."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray(np.clip(np.asarray(image) // 257, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


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
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    saturation = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    flat = np.ascontiguousarray(small.reshape(-1, 3).T)
    means = [*flat.mean(axis=1), *flat.std(axis=1), saturation.mean(), float((saturation > 0.25).mean())]
    level = np.minimum((gray * _LEVELS).astype(int), _LEVELS - 1)
    levels = np.bincount(level.ravel(), minlength=_LEVELS) / gray.size
    steps = np.minimum((small * _COLOUR_STEPS).astype(int), _COLOUR_STEPS - 1)
    code = (steps[..., 0] * _COLOUR_STEPS + steps[..., 1]) * _COLOUR_STEPS + steps[..., 2]
    colours = np.sqrt(np.bincount(code.ravel(), minlength=_COLOUR_STEPS**3) / gray.size)
    return np.concatenate([means, levels, colours])


def _layout(gray: np.ndarray) -> np.ndarray:
    """Mean and spread of brightness in a grid of cells laid over the picture."""
    mean = _pooled(_pooled(gray, _CELLS).T, _CELLS).T
    square = _pooled(_pooled(gray * gray, _CELLS).T, _CELLS).T
    return np.concatenate([mean.ravel(), np.sqrt(np.maximum(square - mean * mean, 0)).ravel()])


def _pooled(values: np.ndarray, parts: int) -> np.ndarray:
    """Means over `parts` even stretches of the first axis; a stretch has at least one row."""
    starts = np.arange(parts) * values.shape[0] // parts
    sizes = np.maximum(1, np.diff(starts, append=values.shape[0]))
    return np.add.reduceat(values, starts, axis=0) / sizes.reshape(-1, *[1] * (values.ndim - 1))


def _edges(gray: np.ndarray) -> np.ndarray:
    """How strong edges are by direction: in the four quarters and over the whole picture."""
    dy, dx = np.gradient(gray) if min(gray.shape) > 1 else (np.zeros_like(gray), np.zeros_like(gray))
    strength = np.hypot(dx, dy)
    direction = ((np.arctan2(dy, dx) % np.pi) / np.pi * _ORIENTATIONS).astype(int) % _ORIENTATIONS
    middle_row, middle_column = gray.shape[0] // 2, gray.shape[1] // 2
    quarters = (
        np.s_[:middle_row, :middle_column],
        np.s_[:middle_row, middle_column:],
        np.s_[middle_row:, :middle_column],
        np.s_[middle_row:, middle_column:],
    )
    histograms = [
        np.bincount(direction[q].ravel(), weights=strength[q].ravel(), minlength=_ORIENTATIONS)
        / max(1, strength[q].size)
        for q in quarters
    ]
    whole = np.bincount(direction.ravel(), weights=(strength > 0.1).ravel(), minlength=_ORIENTATIONS) / strength.size
    return np.concatenate([*histograms, whole])


def _frequency(gray: np.ndarray) -> np.ndarray:
    """Share of the spectrum's energy in rings of rising frequency, and how busy rows and columns are."""
    spectrum = np.abs(np.fft.rfft2(gray - gray.mean(), s=(CANVAS, CANVAS)))
    radius = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS)[None, :])
    ring = np.minimum((radius / 0.5 * _RINGS).astype(int), _RINGS - 1)
    energy = np.bincount(ring.ravel(), weights=spectrum.ravel(), minlength=_RINGS)
    return np.concatenate([np.log1p(energy), _pooled(gray.std(axis=1), _PROFILE), _pooled(gray.std(axis=0), _PROFILE)])


def _print(image: Image.Image) -> np.ndarray:
    """Signs of print at a larger scale: ink, fine strokes, lines of text (rows that alternate between empty and
    full)."""
    gray = image.convert("L")
    gray.thumbnail((256, 256), Image.Resampling.BOX, reducing_gap=2.0)
    values = np.asarray(gray, dtype=np.float32) / 255
    across = np.abs(np.diff(values, axis=1)) if values.shape[1] > 1 else np.zeros((1, 1), np.float32)
    down = np.abs(np.diff(values, axis=0)) if values.shape[0] > 1 else np.zeros((1, 1), np.float32)
    busy = (across > 0.2).mean(axis=1)
    changes = np.abs(np.diff((busy > busy.mean()).astype(np.float32))).sum() if busy.size > 1 else 0.0
    return np.array(
        [
            (across > 0.2).mean(),
            (down > 0.2).mean(),
            (values > 0.94).mean(),
            (values < 0.3).mean(),
            changes / max(1, busy.size),
            float(busy.max(initial=0.0)),
        ]
    )

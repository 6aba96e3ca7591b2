"""Small pieces shared by all drawings: sizes, print, ink, noise, arrows, seeded picks.

Decisions
- A difficulty level decides size, contrast and noise of the print (with a little jitter), never the other way round:
  the level is uniform, and what it does is visible.
- Noise is one blend with random grey bytes: done in C, a fraction of a millisecond, and it also washes out contrast.
- A dataset's look is sometimes borrowed from another one, so that looks overlap as in real collections.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vlrouterbench.data.simulation.vocabulary import COLOURS

RGB = tuple[int, int, int]
Point = tuple[float, float]
Asked = tuple[str, str, tuple[str, ...]]
"""Question, answer, and a pool of possible answers (empty for a number)."""
T = TypeVar("T")

MIN_SIDE = 160
MAX_SIDE = 512
MIN_PRINT = 8
BORROWED_LOOK = 0.25


@dataclass(frozen=True)
class Look:
    """How a dataset's images tend to look.

    Attributes:
        long_side: smallest and largest long side in pixels.
        papers: background colours.
    """

    long_side: tuple[int, int]
    papers: tuple[RGB, ...]


WHITE: RGB = (255, 255, 255)
CREAM: RGB = (250, 243, 224)
GREY: RGB = (232, 234, 238)
BLUE: RGB = (222, 235, 250)
MINT: RGB = (224, 244, 232)
NIGHT: RGB = (34, 40, 58)
SAND: RGB = (238, 222, 190)

LOOKS: dict[str, Look] = {
    "MMBench_DEV_EN_V11": Look((220, 380), (WHITE, BLUE, CREAM)),
    "MMStar": Look((220, 420), (WHITE, GREY, MINT)),
    "MMMU_DEV_VAL": Look((260, 460), (WHITE, WHITE, GREY)),
    "RealWorldQA": Look((360, 512), (GREY, SAND, BLUE)),
    "InfoVQA_VAL": Look((380, 512), (MINT, BLUE, NIGHT, SAND)),
    "HallusionBench": Look((240, 420), (WHITE, CREAM, GREY)),
    "MathVista_MINI": Look((220, 420), (WHITE, CREAM, BLUE)),
    "MathVision_MINI": Look((200, 340), (WHITE, WHITE, CREAM)),
    "MathVerse_MINI": Look((200, 320), (WHITE,)),
    "AI2D_TEST": Look((260, 420), (WHITE, MINT, SAND)),
    "ChartQA_TEST": Look((320, 480), (WHITE, WHITE, GREY)),
    "DocVQA_VAL": Look((380, 512), (WHITE, CREAM, GREY)),
    "TextVQA_VAL": Look((320, 500), (SAND, BLUE, NIGHT)),
    "OCRBench": Look((200, 440), (WHITE, CREAM, NIGHT, SAND)),
}


@dataclass(frozen=True)
class Print:
    """How legible print is: size in pixels, contrast and noise in [0, 1]."""

    size: int
    contrast: float
    noise: float


def draw_level(rng: np.random.Generator) -> float:
    """A difficulty level, uniform on [0, 1]."""
    return round(float(rng.random()), 4)


def rung_of(level: float, num_rungs: int) -> int:
    """The step of a ladder of `num_rungs` steps on which a level lies."""
    return min(int(level * num_rungs), num_rungs - 1)


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """One of `choices`, uniformly."""
    return choices[int(rng.integers(len(choices)))]


def pick_some(rng: np.random.Generator, choices: Sequence[T], count: int) -> list[T]:
    """`count` different ones of `choices`, in random order."""
    return [choices[int(index)] for index in rng.permutation(len(choices))[:count]]


def print_for(rng: np.random.Generator, level: float) -> Print:
    """The print that makes reading as hard as `level` says."""
    size, contrast, noise = np.clip(level + rng.normal(0.0, 0.05, 3), 0.0, 1.0)
    return Print(round(24 - 14 * float(size)), 1.0 - 0.66 * float(contrast), 0.42 * float(noise))


def canvas_size(rng: np.random.Generator, dataset: str, aspect: tuple[float, float]) -> tuple[int, int]:
    """A seeded (width, height) within the dataset's habit; `aspect` bounds width / height."""
    low, high = _look_of(rng, dataset).long_side
    long_side = int(rng.integers(low, high + 1))
    ratio = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
    short_side = max(MIN_SIDE, round(long_side * min(ratio, 1 / ratio)))
    return (long_side, short_side) if ratio >= 1 else (short_side, long_side)


def new_canvas(rng: np.random.Generator, dataset: str, aspect: tuple[float, float]) -> tuple[Image.Image, RGB]:
    """An empty sheet of the dataset's look and its paper colour."""
    paper = pick(rng, _look_of(rng, dataset).papers)
    return Image.new("RGB", canvas_size(rng, dataset, aspect), paper), paper


def gradient(size: tuple[int, int], top: RGB, bottom: RGB) -> Image.Image:
    """An image that runs smoothly from `top` to `bottom`."""
    column = Image.new("RGB", (1, 2))
    column.putdata([top, bottom])
    return column.resize(size, Image.Resampling.BILINEAR)


def add_noise(rng: np.random.Generator, image: Image.Image, amount: float) -> Image.Image:
    """The image blended with grey noise; `amount` 0 leaves it as it is."""
    if amount < 0.02:
        return image
    grain = Image.frombytes("L", image.size, rng.bytes(image.width * image.height))
    return Image.blend(image, grain.convert("RGB"), amount)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """`first` moved toward `second` by `share`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def is_light(colour: RGB) -> bool:
    """Whether black ink shows better than white on this colour."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 128


def ink_on(paper: RGB, contrast: float = 1.0) -> RGB:
    """Black or white ink, thinned down to `contrast`."""
    return mix(paper, (16, 18, 24) if is_light(paper) else WHITE, contrast)


def colours_on(rng: np.random.Generator, paper: RGB, count: int) -> list[tuple[str, RGB]]:
    """Up to `count` different named colours that show on `paper`."""
    seen = [pair for pair in COLOURS if sum(abs(a - b) for a, b in zip(pair[1], paper, strict=True)) > 150]
    return pick_some(rng, seen, count)


@functools.lru_cache(maxsize=128)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's built-in font at a size in pixels, loaded once."""
    # The stubs allow for Pillow's bitmap font, which is given only where no size is asked for.
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(max(size, MIN_PRINT)))


def fitting_size(text: str, size: int, max_width: float) -> int:
    """The largest print up to `size` at which `text` is no wider than `max_width`."""
    width = font(size).getlength(text)
    if width <= max_width:
        return size
    return max(MIN_PRINT, int(size * max_width / width))


def write(
    draw: ImageDraw.ImageDraw,
    position: Point,
    text: str,
    ink: RGB,
    size: int,
    *,
    max_width: float = MAX_SIDE,
    anchor: str = "mm",
) -> None:
    """Write one line.

    Args:
        draw: the drawing.
        position: of the anchor.
        text: what to write.
        ink: colour.
        size: print size, made smaller where the text would be too wide.
        max_width: most pixels the line may take.
        anchor: Pillow's two-letter anchor, by default the middle.
    """
    draw.text(position, text, fill=ink, font=font(fitting_size(text, size, max_width)), anchor=anchor)


def wrapped(text: str, size: int, max_width: float) -> list[str]:
    """`text` broken into lines no wider than `max_width`."""
    lines, space = [""], _word_width(" ", size)
    length = -space
    for word in text.split():
        length += space + _word_width(word, size)
        if lines[-1] and length > max_width:
            lines.append(word)
            length = _word_width(word, size)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@functools.lru_cache(maxsize=16384)
def _word_width(word: str, size: int) -> float:
    return font(size).getlength(word)


def turned_word(word: str, width: int, degrees: float, stretch: float = 1.0) -> Image.Image:
    """A mask of `word`, `width` pixels wide before turning; `stretch` makes the letters taller."""
    mask = Image.new("L", (round(font(40).getlength(word)) + 8, 52), 0)
    ImageDraw.Draw(mask).text((4, 26), word, fill=255, font=font(40), anchor="lm")
    mask = mask.resize((width, max(8, round(width * stretch * mask.height / mask.width))))
    return mask.rotate(degrees, Image.Resampling.BILINEAR, expand=True)


def arrow(draw: ImageDraw.ImageDraw, start: Point, end: Point, ink: RGB, width: int = 2) -> None:
    """A line from `start` to `end` with a head at `end`."""
    draw.line((start, end), fill=ink, width=width)
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head = 4 + 2 * width
    sides = [(end[0] - head * math.cos(angle + turn), end[1] - head * math.sin(angle + turn)) for turn in (-0.45, 0.45)]
    draw.polygon((end, *sides), fill=ink)


def _look_of(rng: np.random.Generator, dataset: str) -> Look:
    """The dataset's look, now and then another one's."""
    name = pick(rng, tuple(LOOKS)) if rng.random() < BORROWED_LOOK else dataset
    return LOOKS[name]

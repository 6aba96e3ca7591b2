"""The one reader of a sample: question, hint, options and images in every form that people hold them in.

Decisions
- Question, hint and options form one text, in that order; tables, Python, pages and servers read through these
  functions, so that one sample is one decision everywhere.
- An image that cannot be read is an error here: only a benchmark may keep a sample without its image.
- A message names the kind of what was found and never repeats an image. Nothing is fetched.
- All images of a sample are read. What takes one alone says so: none is left out without a word.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from PIL import Image

RAISE, TEXT_ONLY = "error", "text-only"
"""What an image that cannot be read leads to in a request."""
MAX_PIXELS = 100_000_000
"""Largest image that is read, in pixels."""
FORMS = "a path, encoded bytes, {bytes, path}, a PIL image, an array of pixels or a data URL, or a list of these"
IMAGE_FIELDS = ("images", "image", "image_path")
"""Where a sample has its images; the first that is not empty counts, but see `image_cell`."""
NUM_IMAGES = "num_images"
"""Of a benchmark's row, whose `images` are those beside `image`."""
_CHANNELS = (1, 3, 4)
_LONGEST_PATH, _LONGEST_NAME, _SHOWN = 4096, 255, 200
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_ITEM = r"""'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.\w]++"""
_LISTS = [
    re.compile(rf"\[\s*+(?:(?:{_ITEM})(?:{gap}(?:{_ITEM}))*+\s*+(?:,\s*+)?)?\]", re.DOTALL)
    for gap in (r"\s*+,\s*+", r"\s++")
]
"""A list as Python writes it, and an array as numpy does."""
_DAMAGED: tuple[type[Exception], ...] = (OSError, ValueError, SyntaxError, TypeError, AttributeError, LookupError)
_DAMAGED += (NotImplementedError, EOFError, ArithmeticError, struct.error, zlib.error, Image.DecompressionBombError)
"""What decoders raise on a damaged image."""


class EncoderError(ValueError):
    """An encoder that a router needs is not in reach, or is another one."""


class RouterInputError(ValueError):
    """A question or image that a router cannot use."""


@dataclass(frozen=True)
class RouterInput:
    """One sample as a router sees it.

    Attributes:
        question: the question.
        options: answer options, empty for an open question.
        hint: extra instruction or context.
        image: the first image, None for a text-only sample or one whose image is missing.
        further: the images beside it, in order.
        unread: how many more were given and cannot be read, where a decision without them was allowed.
    """

    question: str
    options: Sequence[str] = ()
    hint: str = ""
    image: Image.Image | None = None
    further: Sequence[Image.Image] = ()
    unread: int = 0

    @classmethod
    def of(
        cls, question: str, options: Sequence[str], hint: str, images: Sequence[Image.Image], unread: int = 0
    ) -> RouterInput:
        """A sample with any number of images."""
        return cls(question, options, hint, images[0] if images else None, tuple(images[1:]), unread)

    @property
    def images(self) -> tuple[Image.Image, ...]:
        """All images, in order."""
        return () if self.image is None else (self.image, *self.further)

    @property
    def each(self) -> tuple[RouterInput, ...]:
        """The sample with each of its images alone; itself where it has one at most."""
        return tuple(replace(self, image=image, further=()) for image in self.images) if self.further else (self,)

    @property
    def text(self) -> str:
        """Question, hint and lettered options as one text."""
        return "\n".join(part for part in self.parts if part)

    @property
    def parts(self) -> tuple[str, ...]:
        """What `text` is made of: question, hint, then the lettered options; the first two may be empty."""
        return self.question, self.hint, *(f"({chr(65 + i)}) {option}" for i, option in enumerate(self.options))


def image_cell(sample: Mapping[str, Any]) -> Any:
    """What a sample has of images: its first field that is not empty, or all of a benchmark's row; None for nothing."""
    others = sample.get("images")
    if isinstance(others, list | tuple) and others and sample.get(NUM_IMAGES) == len(others) + 1:
        return [sample.get("image"), *others]
    return next((value for name in IMAGE_FIELDS if not is_missing(value := sample.get(name))), None)


def read_text(value: Any, name: str) -> str:
    """A text, or a number as one; empty where there is none. RouterInputError for anything else."""
    if is_missing(value):
        return ""
    if not isinstance(value, str | Real):
        raise RouterInputError(f"expected {name} as a text, found {kind_of(value)}.")
    return str(value)


def read_options(value: Any) -> tuple[str, ...]:
    """Answer options of a list, of the text of one (JSON's, Python's), or of a text with `|`; else RouterInputError."""
    if is_missing(value) or (isinstance(value, str) and value.isspace()):
        return ()
    items = value
    if isinstance(value, str):
        items = list_of(value) if value.lstrip()[0] in "[{" else None
        if items is None and "|" in value:
            items = [part.strip() for part in value.split("|") if part.strip()]
    if isinstance(items, str | bytes | Mapping | Set) or not isinstance(items, Iterable):
        found = f"a text: {one_line(value, 40)}" if isinstance(value, str) else kind_of(value)
        raise RouterInputError(f'expected a list in "options", its text ["a", "b"], or a|b with bars; found {found}')
    options = list(items)
    if any(not isinstance(option, str) and is_missing(option) for option in options):
        raise RouterInputError("expected a text for each option, found none among them.")
    return tuple(read_text(option, "each option") for option in options)


def list_of(text: str) -> Any:
    """What a text of JSON, a Python list or an array of numpy holds; None where it is none of them."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if not any(form.fullmatch(text.strip()) for form in _LISTS):
            return None
    try:
        return [ast.literal_eval(item) for item in re.findall(_ITEM, text, re.DOTALL)]
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: too deep for the parser
        return None


def is_missing(value: Any) -> bool:
    """Whether a field is empty: None, NaN as tables have it, an empty text or list."""
    if isinstance(value, str | list | tuple):
        return not value
    is_none = type(value).__name__ in ("NoneType", "NAType", "NaTType")
    return is_none or (isinstance(value, Real) and value != value)


def kind_of(value: Any) -> str:
    """What a value is, in a word or two: it may be an image, which a message does not repeat."""
    name = type(value).__name__
    return f"a {name} of {len(value)}" if isinstance(value, list | tuple) else name


def one_line(text: str, most: int = _SHOWN) -> str:
    """A text for a message of one line: not all of a long one, and nothing in it that cannot be printed."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return text if text.isprintable() else repr(text)[1:-1]


def path_forms(path: str) -> tuple[str, ...]:
    """How a path may be meant: as it stands, or with slashes and without white space around it."""
    return tuple(dict.fromkeys((path, path.strip().replace("\\", "/"))))


def images_of(value: Any) -> list[Any]:
    """The images that a value names, each a path, encoded bytes, or what holds pixels; one of FORMS or a list of them.

    Raises:
        RouterInputError: a URL, base64 without its head, or a dict that is no image.
    """
    found = [_resolved(item) for item in image_items(value)]
    return [image for image in found if not is_missing(image)]


def image_items(value: Any) -> Sequence[Any]:
    """What a value holds of images, one of FORMS each or missing: a list's items, those of its text, or itself."""
    if isinstance(value, str) and value.lstrip().startswith("[") and isinstance(items := list_of(value), list):
        return items
    return value if isinstance(value, list | tuple) else [value]


def read_image(source: Any) -> Image.Image | None:
    """An image from any of FORMS, None of None; RouterInputError for a damaged or too large one, and for several."""
    images = images_of(source)
    if len(images) > 1:
        raise RouterInputError(f"expected one image, found {len(images)}: give the one that is meant.")
    if not images:
        return None
    image = images[0]
    where = one_line(str(image)) if isinstance(image, str | os.PathLike) else f"the given {type(source).__name__}"
    try:
        return _loaded(image, where)
    except FileNotFoundError as error:
        raise RouterInputError(f"expected an image file, found nothing at {where}.") from error
    except RouterInputError:
        raise
    except _DAMAGED as error:
        raise RouterInputError(
            f"expected a readable image, found one that does not decode: {where} ({type(error).__name__}). "
            "Give a whole PNG, JPEG or WebP file."
        ) from error


def _resolved(image: Any) -> Any:
    """An image that is a path, bytes, or what holds pixels; None for a dict that holds none."""
    if isinstance(image, Mapping):
        if not {"bytes", "path"} & set(image):
            raise _no_image("a dict without bytes or path")
        image = next((part for name in ("bytes", "path") if not is_missing(part := image.get(name))), None)
    if isinstance(image, bytearray | memoryview):
        return bytes(image)
    if not isinstance(image, str):
        return image
    head, comma, body = image.partition(",")
    if head[:5].lower() == "data:":
        with suppress(ValueError):
            if comma and head.lower().endswith(";base64"):
                return base64.b64decode("".join(unquote(body).split()), validate=True)
        raise _no_image("a damaged data URL, where data:image/png;base64,... belongs")
    if url := _URL.match(image):
        raise _no_image(f"a URL ({url[1][:20]}://...), and nothing is fetched")
    if len(image) > _LONGEST_PATH or max(map(len, re.split(r"[/\\]", image))) > _LONGEST_NAME:
        raise _no_image(f"a text of {len(image):,} characters; before base64 belongs data:image/png;base64,")
    return image


def _loaded(image: Any, where: str) -> Image.Image:
    """The image, decoded whole: Pillow opens a file without reading its pixels."""
    if hasattr(image, "__array__") and not isinstance(image, Image.Image):
        image = _drawn(image)
    elif isinstance(image, str):
        image = next((form for form in path_forms(image) if Path(form).is_file()), image)
    if isinstance(image, str | os.PathLike) and Path(image).exists() and not Path(image).is_file():
        raise _no_image(f"what is no regular file: {where}")  # a pipe would keep the reader waiting
    if not isinstance(image, Image.Image):
        if not isinstance(image, bytes | str | os.PathLike) and not hasattr(image, "read"):
            raise _no_image(kind_of(image))
        image = Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    num_pixels = image.width * image.height
    if not 0 < num_pixels <= MAX_PIXELS:
        raise RouterInputError(
            f"{where}: expected an image of 1 to {MAX_PIXELS} pixels, found {image.width} x {image.height}."
        )
    image.load()
    return image


def _drawn(array: Any) -> Image.Image:
    """The image of an array (height, width[, channels]) or a tensor, whose channels may stand first."""
    is_tensor = hasattr(array, "detach")
    if is_tensor:
        array = (array.float() if array.is_floating_point() else array).detach().cpu()
    pixels = np.asarray(array)
    pixels = pixels[0] if pixels.ndim == 4 and len(pixels) == 1 else pixels
    shape = pixels.shape
    first, last = (len(shape) == 3 and shape[axis] in _CHANNELS for axis in (0, 2))
    if first and (is_tensor or not last):
        pixels = np.moveaxis(pixels, 0, 2)
    if not (first or last or len(shape) == 2) or pixels.dtype.kind not in "buif" or not pixels.size:
        raise _no_image(f"an array of {pixels.dtype} and shape {shape}")
    low, high, most = float(pixels.min()), float(pixels.max()), 1 if pixels.dtype.kind in "bf" else 255
    if not 0 <= low <= high <= most:
        raise _no_image(f"an array of {pixels.dtype} from {low:g} to {high:g}, where 0 to {most} belongs")
    pixels = np.rint(pixels * (255.0 / most)).astype(np.uint8) if most == 1 else pixels.astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(pixels.squeeze(2) if pixels.shape[2:] == (1,) else pixels))


def _no_image(found: str) -> RouterInputError:
    return RouterInputError(f"expected an image as {FORMS}; found {found}.")

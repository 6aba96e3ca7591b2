"""What a router sees of a sample: its text in one fixed form, and its image.

Decisions
- Question, hint and options form one text, in that order, in training, evaluation, `route` and every demo alike.
- An image that cannot be read is an error here: only a benchmark may keep a sample without its image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

RAISE, TEXT_ONLY = "error", "text-only"
"""What an image that cannot be read leads to in a request."""
MAX_PIXELS = 100_000_000
"""Largest image that is read, in pixels."""


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
        image: the image, None for a text-only sample or one whose image is missing.
    """

    question: str
    options: Sequence[str] = ()
    hint: str = ""
    image: Image.Image | None = None

    @property
    def text(self) -> str:
        """Question, hint and lettered options as one text."""
        return "\n".join(part for part in self.parts if part)

    @property
    def parts(self) -> tuple[str, ...]:
        """What `text` is made of: question, hint, then the lettered options; the first two may be empty."""
        return self.question, self.hint, *(f"({chr(65 + i)}) {option}" for i, option in enumerate(self.options))


def read_image(source: Image.Image | bytes | str | Path | None) -> Image.Image | None:
    """An image from a PIL image, encoded bytes or a file; None stays None.

    Raises:
        RouterInputError: it cannot be read whole, is empty, or is over the pixel limit.
    """
    if source is None:
        return None
    where = str(source) if isinstance(source, str | Path) else f"the given {type(source).__name__}"
    try:
        return _loaded(source, where)
    except FileNotFoundError as error:
        raise RouterInputError(f"expected an image file, found nothing at {where}.") from error
    except RouterInputError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RouterInputError(
            f"expected a readable image, found one that does not decode: {where} ({type(error).__name__}). "
            "Give a whole PNG, JPEG or WebP file."
        ) from error


def usable_image(source: Image.Image | bytes | str | Path | None, on_bad_image: str) -> Image.Image | None:
    """An image as `read_image` gives it; None for one that cannot be read, where that is allowed.

    Args:
        source: as for `read_image`.
        on_bad_image: RAISE or TEXT_ONLY.

    Raises:
        RouterInputError: it cannot be read and that is not allowed, or `on_bad_image` is neither.
    """
    if on_bad_image not in (RAISE, TEXT_ONLY):
        raise RouterInputError(f'expected on_bad_image "{RAISE}" or "{TEXT_ONLY}", found "{on_bad_image}".')
    try:
        return read_image(source)
    except RouterInputError:
        if on_bad_image == RAISE:
            raise
        return None


def samples_of(
    text: str | Sequence[str],
    images: Any = None,
    options: Sequence[Sequence[str]] | None = None,
    hints: Sequence[str] | None = None,
) -> list[RouterInput]:
    """Samples from what a processor is given: a text or several, with an image, options and a hint for each or none.

    Raises:
        RouterInputError: other lengths than the texts', several images of one text, or one that cannot be read.
    """
    texts = [text] if isinstance(text, str) else list(text)
    if images is not None and not isinstance(images, list | tuple):
        images = [images]
    for name, part in (("images", images), ("options", options), ("hints", hints)):
        if part is not None and len(part) != len(texts):
            raise RouterInputError(f"{name}: expected one for each of {len(texts)} texts, found {len(part)}.")
    return [
        RouterInput(
            question,
            tuple(options[index]) if options is not None else (),
            hints[index] if hints is not None else "",
            read_image(only_image(images[index])) if images is not None else None,
        )
        for index, question in enumerate(texts)
    ]


def only_image(images: Any) -> Any:
    """The image of a sample, which may be given as a list of one.

    Raises:
        RouterInputError: there are several.
    """
    if not isinstance(images, list | tuple):
        return images
    if len(images) > 1:
        raise RouterInputError(
            f"expected at most one image of a question, found {len(images)}: give the one that it is about."
        )
    return images[0] if images else None


def _loaded(source: Image.Image | bytes | str | Path, where: str) -> Image.Image:
    """The image, decoded whole: Pillow opens a file without reading its pixels."""
    image = source
    if not isinstance(image, Image.Image):
        image = Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    num_pixels = image.width * image.height
    if not 0 < num_pixels <= MAX_PIXELS:
        raise RouterInputError(
            f"{where}: expected an image of 1 to {MAX_PIXELS} pixels, found {image.width} x {image.height}."
        )
    image.load()
    return image

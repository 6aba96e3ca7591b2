"""What a router sees of a sample: its text in one fixed form, and its picture.

Decisions
- Question, hint and options stand in one text, in that order, in training, evaluation, `route` and every demo alike.
- A picture that cannot be read is an error here: only a benchmark may keep a sample without its image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MAX_PIXELS = 100_000_000
"""Largest picture that is read, in pixels."""


class RouterInputError(ValueError):
    """A question or image that a router cannot use."""


@dataclass(frozen=True)
class RouterInput:
    """One sample as a router sees it.

    Attributes:
        question: the question.
        options: answer options, empty for an open question.
        hint: extra instruction or context.
        image: the picture, None for a text-only sample or one whose image is missing.
    """

    question: str
    options: Sequence[str] = ()
    hint: str = ""
    image: Image.Image | None = None

    @property
    def text(self) -> str:
        """Question, hint and lettered options as one text."""
        parts = [self.question, self.hint, *(f"({chr(65 + i)}) {option}" for i, option in enumerate(self.options))]
        return "\n".join(part for part in parts if part)


def read_image(source: Image.Image | bytes | str | Path | None) -> Image.Image | None:
    """An image from a PIL image, encoded bytes or a file; None stays None.

    Raises:
        RouterInputError: it cannot be read whole, or is over the pixel limit.
    """
    if source is None or isinstance(source, Image.Image):
        return source
    where = "the given bytes" if isinstance(source, bytes) else str(source)
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        if image.width * image.height > MAX_PIXELS:
            raise RouterInputError(
                f"{where}: {image.width} x {image.height} pixels are over the limit of {MAX_PIXELS}."
            )
        image.load()
    except FileNotFoundError as error:
        raise RouterInputError(f"expected an image file, found nothing at {where}.") from error
    except RouterInputError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RouterInputError(
            f"expected a readable image, found one that does not decode: {where} ({type(error).__name__}). "
            "Give a whole PNG, JPEG or WebP file."
        ) from error
    return image

"""Images as data URLs: the bytes that are there, encoded anew only where an endpoint would not take them.

Decisions
- PNG, JPEG, WebP and GIF go as they are; other formats become PNG. Over the endpoint's limit an image becomes a JPEG of
  less quality, then of fewer pixels, until it is within: that is counted and said, since the candidate sees less.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from vlrouterbench.routers.encoders.sample_input import RouterInputError, read_image

_SENT_AS_THEY_ARE = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_QUALITIES = (95, 85, 75)
_SHRINK, _SMALLEST = 0.75, 16


@dataclass(frozen=True)
class SentImage:
    """An image as it is sent; `encoded_anew` says that it is not the bytes that were given."""

    url: str
    encoded_anew: bool


def data_url(content: bytes, most_bytes: int | None) -> SentImage:
    """An image as a data URL.

    Args:
        content: encoded image.
        most_bytes: bytes that the endpoint takes, None for any.

    Raises:
        RouterInputError: it cannot be read, or cannot be made small enough.
    """
    kind = _SENT_AS_THEY_ARE.get(image_format(content), "")
    if kind and (most_bytes is None or len(content) <= most_bytes):
        return SentImage(_url(kind, content), encoded_anew=False)
    image = read_image(content)
    if image is None:
        raise RouterInputError("expected an image, found none.")
    if most_bytes is None:
        return SentImage(_url("image/png", _saved(image, "PNG")), encoded_anew=True)
    return SentImage(_url("image/jpeg", _small(image, most_bytes)), encoded_anew=True)


def image_format(content: bytes) -> str:
    """The format by an image's header, "" where it is none."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return opened.format or ""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""


def _small(image: Image.Image, most_bytes: int) -> bytes:
    picture = image.convert("RGB")
    while min(picture.size) >= _SMALLEST:
        for quality in _QUALITIES:
            encoded = _saved(picture, "JPEG", quality=quality)
            if len(encoded) <= most_bytes:
                return encoded
        picture = picture.resize((round(picture.width * _SHRINK) or 1, round(picture.height * _SHRINK) or 1))
    raise RouterInputError(
        f"expected an image that can be encoded in {most_bytes:,} bytes, found one of {image.width} x {image.height} "
        "pixels that cannot."
    )


def _saved(image: Image.Image, form: str, **how: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **how)
    return buffer.getvalue()


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"

"""What strangers may send: sizes, pixels, file types, lengths; everything else is refused in plain words.

Decisions
- A picture's header is read before its pixels: a small file that unpacks to a wall of pixels costs nothing.
- Three formats of pictures, told by content and not by name: every further decoder is more code that strangers reach.
- Files are opened only after their size was looked at.
"""

from __future__ import annotations

import io
import sys
import warnings
from dataclasses import dataclass, fields
from pathlib import Path

from PIL import Image

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.routers.encoders.sample_input import RouterInputError, read_image

FORMATS = ("PNG", "JPEG", "WEBP")
MIB = 2**20


class DemoError(VLRouterBenchError):
    """Something a visitor sent that the app does not take; the text is for the visitor."""


@dataclass(frozen=True)
class Limits:
    """Most that a visitor may send.

    Attributes:
        image_bytes, image_pixels: of one picture.
        text_chars: of a question, a hint or an option.
        id_chars: of a sample's id; what is longer is cut.
        options: of one question.
        table_bytes, table_rows: of a batch's table, or of a submission.
        archive_bytes, archive_files: of a zip of pictures.
        unpacked_bytes: of all pictures in a zip, unpacked.
    """

    image_bytes: int = 10 * MIB
    image_pixels: int = 25_000_000
    text_chars: int = 4_000
    id_chars: int = 200
    options: int = 26
    table_bytes: int = 16 * MIB
    table_rows: int = 2_000
    submission_rows: int = 200_000
    archive_bytes: int = 64 * MIB
    archive_files: int = 2_000
    unpacked_bytes: int = 256 * MIB

    @property
    def upload_bytes(self) -> int:
        """Largest file that the server takes at all."""
        return max(self.image_bytes, self.table_bytes, self.archive_bytes)


LIMITS = Limits()
UNLIMITED = Limits(**{limit.name: sys.maxsize for limit in fields(Limits)})
"""For files of the machine's own user."""


def checked_text(text: str | None, what: str = "question", limits: Limits = LIMITS) -> str:
    """A text without what surrounds it.

    Raises:
        DemoError: it is too long.
    """
    text = (text or "").strip()
    if len(text) > limits.text_chars:
        raise DemoError(f"The {what} has {len(text):,} characters; at most {limits.text_chars:,} are taken.")
    return text


def checked_file(path: Path | str, what: str, most: int) -> Path:
    """A file that is not larger than `most` bytes.

    Raises:
        DemoError: it is, or it is not there.
    """
    path = Path(path)
    if not path.is_file():
        raise DemoError(f"The {what} did not arrive. Upload it again.")
    size = path.stat().st_size
    if size > most:
        raise DemoError(f"The {what} has {size / MIB:.1f} MiB; at most {most / MIB:.0f} MiB are taken.")
    return path


def picture_from_file(path: Path | str, limits: Limits = LIMITS) -> Image.Image:
    """The picture in an uploaded file; errors as for `checked_picture`."""
    return checked_picture(checked_file(path, "picture", limits.image_bytes).read_bytes(), limits=limits)


def checked_picture(content: bytes, name: str = "The picture", limits: Limits = LIMITS) -> Image.Image:
    """A picture, decoded whole.

    Args:
        content: the encoded bytes.
        name: what it is called in an error.
        limits: see Limits.

    Raises:
        DemoError: too large, too many pixels, another format, or damaged.
    """
    if len(content) > limits.image_bytes:
        raise DemoError(
            f"{name} has {len(content) / MIB:.1f} MiB; at most {limits.image_bytes / MIB:.0f} MiB are taken."
        )
    kinds = f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
    try:
        with warnings.catch_warnings():
            # Pillow's own warning on large pictures: the check below is the stricter one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DemoError(f"{name} cannot be read: it is damaged, too large or not {kinds}.") from error
    if picture.width * picture.height > limits.image_pixels:
        raise DemoError(
            f"{name} has {picture.width:,} x {picture.height:,} pixels; at most "
            f"{limits.image_pixels / 1e6:.0f} million pixels are taken. Scale it down."
        )
    try:
        return read_image(picture)
    except RouterInputError as error:
        raise DemoError(f"{name} cannot be read whole: it is damaged. Send {kinds} again.") from error

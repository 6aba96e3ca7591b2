"""Limits on what may be sent: file sizes, pixels, file types, text lengths; everything else is refused with a reason.

Decisions
- An image's header is read before its pixels: a small file that decompresses to very many pixels costs nothing.
- Three image formats, recognised by content and not by file name: every further decoder is more code that untrusted
  input can reach.
- The size of a file is checked before the file is opened.
"""

from __future__ import annotations

import io
import sys
import warnings
from dataclasses import dataclass, fields
from pathlib import Path

from PIL import Image

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.routers.base.decision import REFUSALS
from vlrouterbench.routers.encoders.sample_input import RouterInputError, read_image

FORMATS = ("PNG", "JPEG", "WEBP")
MIB = 2**20
INPUT_ERRORS = (VLRouterBenchError, *REFUSALS)
"""What somebody's input can cause; each message is written for the person who sent it."""


class QuestionError(VLRouterBenchError):
    """A question, an image or a file of them that is not accepted; the message is for the person who sent it."""


@dataclass(frozen=True)
class Limits:
    """The most that may be sent.

    Attributes:
        image_bytes: size of one encoded image.
        image_pixels: width times height of one image.
        text_chars: length of a question, a hint or an option.
        id_chars: length of a sample's id; a longer id is cut.
        options: number of answer options of one question.
        table_bytes: size of a table of questions, or of a submission to the leaderboard.
        table_rows: rows of a table of questions.
        submission_rows: rows of a submission to the leaderboard.
        archive_bytes: size of a zip archive of images.
        archive_files: number of files in a zip archive.
        unpacked_bytes: total size of the images in a zip archive, or of the columns of a parquet file, decompressed.
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
        """Size of the largest file that a server accepts."""
        return max(self.image_bytes, self.table_bytes, self.archive_bytes)


LIMITS = Limits()
UNLIMITED = Limits(**{limit.name: sys.maxsize for limit in fields(Limits)})
"""For files of the user who runs the program."""


def checked_text(text: str | None, what: str = "question", limits: Limits = LIMITS) -> str:
    """A text as it stands: every other way to ask takes it so.

    Raises:
        QuestionError: the text is too long.
    """
    text = text or ""
    if len(text) > limits.text_chars:
        raise QuestionError(f"The {what} has {len(text):,} characters; at most {limits.text_chars:,} are accepted.")
    return text


def checked_file(path: Path | str, what: str, most: int) -> Path:
    """The path of a file of at most `most` bytes.

    Raises:
        QuestionError: the file is larger, or does not exist.
    """
    path = Path(path)
    if not path.is_file():
        raise QuestionError(f"The {what} did not arrive. Upload it again.")
    size = path.stat().st_size
    if size > most:
        raise QuestionError(f"The {what} has {size / MIB:.1f} MiB; at most {most / MIB:.0f} MiB are accepted.")
    return path


def image_from_file(path: Path | str, limits: Limits = LIMITS) -> Image.Image:
    """The image in an uploaded file; errors as for `checked_image`."""
    return checked_image(checked_file(path, "image", limits.image_bytes).read_bytes(), limits=limits)


def checked_image(content: bytes, name: str = "The image", limits: Limits = LIMITS) -> Image.Image:
    """An image, decoded completely.

    Args:
        content: the encoded bytes.
        name: what the image is called in an error message.
        limits: see Limits.

    Raises:
        QuestionError: the image is too large, has too many pixels or another format, or is damaged.
    """
    if len(content) > limits.image_bytes:
        raise QuestionError(
            f"{name} has {len(content) / MIB:.1f} MiB; at most {limits.image_bytes / MIB:.0f} MiB are accepted."
        )
    kinds = f"a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file"
    try:
        with warnings.catch_warnings():
            # Pillow's own warning about large images: the check below is the stricter one.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise QuestionError(f"{name} cannot be read: it is damaged, too large or not {kinds}.") from error
    if image.width * image.height > limits.image_pixels:
        raise QuestionError(
            f"{name} has {image.width:,} x {image.height:,} pixels; at most "
            f"{limits.image_pixels / 1e6:.0f} million pixels are accepted. Scale it down."
        )
    try:
        read_image(image)
    except RouterInputError as error:
        raise QuestionError(f"{name} cannot be read completely: it is damaged. Send {kinds} again.") from error
    return image

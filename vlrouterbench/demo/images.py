"""Images in a zip archive, read one by one: nothing is unpacked to disk.

Decisions
- A file is found by its name in the archive, as a whole path or, where that is unique, by its last part. Names are
  looked up and never used as paths to write to, so a path that leaves the archive has no effect.
- Stated sizes are checked before reading, and reading stops at the limit, so that a wrong size cannot exceed it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from vlrouterbench.routers.base.decision import read_images
from vlrouterbench.routers.encoders.sample_input import images_of, one_line
from vlrouterbench.routing.limits import LIMITS, MIB, Limits, QuestionError, checked_file, checked_image


class ImageArchive:
    """The images of a batch, an ImageSource.

    Args:
        path: a zip file; None for a batch without images.
        limits: see Limits.

    Raises:
        QuestionError: the file is no zip archive, or exceeds a limit.
    """

    def __init__(self, path: Path | str | None, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._zip: zipfile.ZipFile | None = None
        self._files: dict[str, zipfile.ZipInfo] = {}
        self._left = limits.unpacked_bytes
        if path is None:
            return
        checked = checked_file(path, "archive of images", limits.archive_bytes)
        try:
            self._zip = zipfile.ZipFile(checked)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise QuestionError("The archive of images is not a readable zip file.") from error
        try:
            self._files = _by_name([info for info in self._zip.infolist() if not info.is_dir()], limits)
        except QuestionError:
            self.close()
            raise

    def images(self, cell: Any) -> tuple[list[Image.Image], int]:
        """The images that a row names, or holds, each under the limits.

        Raises:
            QuestionError, RouterInputError: there is no image of a name, or it is not accepted.
        """
        return read_images([self._image(name) for name in images_of(cell)])

    def _image(self, name: Any) -> Image.Image:
        if isinstance(name, bytes):
            return checked_image(name, "The image", self.limits)
        if not isinstance(name, str):
            raise QuestionError("The image is neither the name of a file nor an encoded image.")
        label = f'image "{one_line(name, 80)}"'
        if self._zip is None:
            raise QuestionError(f"{label}: no zip archive was given.")
        info = self._files.get(name.replace("\\", "/")) or self._files.get(PurePosixPath(name).name)
        if info is None:
            raise QuestionError(f"{label}: not in the archive.")
        most = min(self.limits.image_bytes, self._left)
        try:
            with self._zip.open(info) as file:
                content = file.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, NotImplementedError) as error:
            raise QuestionError(f"{label}: damaged in the archive, or encrypted.") from error
        if len(content) > most:
            raise QuestionError(f"{label}: larger than {most / MIB:.0f} MiB unpacked.")
        self._left -= len(content)
        return checked_image(content, f"The {label}", self.limits)

    def close(self) -> None:
        """Close the archive."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> ImageArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _by_name(files: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Files by their path, and by the last part of it where that is unique."""
    if len(files) > limits.archive_files:
        raise QuestionError(f"The archive has {len(files):,} files; at most {limits.archive_files:,} are accepted.")
    unpacked = sum(info.file_size for info in files)
    if unpacked > limits.unpacked_bytes:
        raise QuestionError(
            f"The archive unpacks to {unpacked / MIB:,.0f} MiB; at most {limits.unpacked_bytes / MIB:.0f} MiB are "
            "taken."
        )
    last = Counter(PurePosixPath(info.filename).name for info in files)
    short = {name: info for info in files if last[name := PurePosixPath(info.filename).name] == 1}
    return short | {info.filename: info for info in files}

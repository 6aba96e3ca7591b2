"""Pictures in a zip archive, read one by one: nothing of it is unpacked to disk.

Decisions
- A member is found by its name in the archive, as a whole path or, where that is unique, by its last part. Names are
  looked up and never used as places to write to, so a path that climbs out of the archive leads nowhere.
- Stated sizes are checked before reading, and reading stops at the limit: a size that lies helps nobody.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from PIL import Image

from vlrouterbench.routing.limits import LIMITS, MIB, DemoError, Limits, checked_file, checked_picture


class PictureArchive:
    """The pictures of a batch.

    Args:
        path: a zip file; None for a batch without pictures.
        limits: see Limits.

    Raises:
        DemoError: no zip archive, or one over a limit.
    """

    def __init__(self, path: Path | str | None, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._zip: zipfile.ZipFile | None = None
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._left = limits.unpacked_bytes
        if path is None:
            return
        checked = checked_file(path, "archive of pictures", limits.archive_bytes)
        try:
            self._zip = zipfile.ZipFile(checked)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DemoError("The archive of pictures is not a readable zip file.") from error
        try:
            self._members = _by_name([info for info in self._zip.infolist() if not info.is_dir()], limits)
        except DemoError:
            self.close()
            raise

    def picture(self, name: str) -> Image.Image:
        """The picture that a row names.

        Raises:
            DemoError: there is none of that name, or it is no picture that is taken.
        """
        shown = f'picture "{name[:80]}"'
        if self._zip is None:
            raise DemoError(f"{shown}: no zip archive was given.")
        info = self._members.get(name.replace("\\", "/")) or self._members.get(PurePosixPath(name).name)
        if info is None:
            raise DemoError(f"{shown}: not in the archive.")
        most = min(self.limits.image_bytes, self._left)
        try:
            with self._zip.open(info) as member:
                content = member.read(most + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, NotImplementedError) as error:
            raise DemoError(f"{shown}: damaged in the archive, or encrypted.") from error
        if len(content) > most:
            raise DemoError(f"{shown}: larger than {most / MIB:.0f} MiB unpacked.")
        self._left -= len(content)
        return checked_picture(content, f"The {shown}", self.limits)

    def close(self) -> None:
        """Close the file."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> PictureArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _by_name(members: list[zipfile.ZipInfo], limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """Members by their path, and by their last part where no other has it."""
    if len(members) > limits.archive_files:
        raise DemoError(f"The archive has {len(members):,} files; at most {limits.archive_files:,} are taken.")
    unpacked = sum(info.file_size for info in members)
    if unpacked > limits.unpacked_bytes:
        raise DemoError(
            f"The archive unpacks to {unpacked / MIB:,.0f} MiB; at most {limits.unpacked_bytes / MIB:.0f} MiB are "
            "taken."
        )
    last = Counter(PurePosixPath(info.filename).name for info in members)
    short = {name: info for info in members if last[name := PurePosixPath(info.filename).name] == 1}
    return short | {info.filename: info for info in members}

"""Unpacking an archive of logs safely, into a folder that lasts as long as it is read.

Decisions
- Files are extracted through the standard library's data filter, and less than it allows: absolute paths, `..`,
  devices and hard links are refused, since no honest archive of logs has them. Symbolic links are passed over:
  VLMEvalKit writes one per file, to a file that is in the archive anyway.
- Only files that a reader may open are written: no pickle reaches the disk.
- The folder of a process that was killed while it read is removed by the next one that unpacks.
- Limits on the number of files, the unpacked size, and the ratio to the packed size stop an archive bomb early.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vlrouterbench.core.errors import SourceError, VLRouterBenchError
from vlrouterbench.core.files import FULL, scratch_folder
from vlrouterbench.data.sources.image_paths import IMAGE_SUFFIXES

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")
WANTED_SUFFIXES = IMAGE_SUFFIXES | {".xlsx", ".tsv", ".csv", ".json", ".jsonl", ".parquet", ".yaml", ".yml"}
_PARTS = 100
"""Folders within each other: the library makes them by calling itself."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Most that an archive may hold. The ratio is unpacked to packed bytes, and applies above `free_bytes`."""

    files: int = 100_000
    unpacked_bytes: int = 200 * 2**30
    ratio: float = 200.0
    free_bytes: int = 64 * 2**20


def is_archive(source: Path) -> bool:
    """Whether a path is a file with an archive's ending."""
    return source.is_file() and source.name.lower().endswith(ARCHIVE_SUFFIXES)


@contextmanager
def unpacked(source: Path, *, limits: ArchiveLimits | None = None) -> Iterator[Path]:
    """A folder with the archive's wanted files, removed at the end.

    Raises:
        SourceError: the archive is damaged, over a limit, or holds what an archive of logs must not hold. An error of
            the block that names the folder names the archive instead.
    """
    with scratch_folder("unpacked") as target:
        try:
            with tarfile.open(source) as archive:
                _extract(archive, source, target, limits or ArchiveLimits())
        except OSError as error:
            raise SourceError(_not_unpacked(error, source, target)) from error
        except (tarfile.TarError, EOFError, zlib.error) as error:
            said = str(error).partition(":")[0] or type(error).__name__
            raise SourceError(f"{source} is damaged or not a tar archive: {said}. Fetch it again.") from error
        # The folder is gone when the message is read.
        try:
            yield target
        except VLRouterBenchError as error:
            error.args = tuple(_renamed(text, target, source) for text in error.args)
            raise
        except OSError as error:
            error.filename, error.filename2 = (_renamed(n, target, source) for n in (error.filename, error.filename2))
            raise


def _not_unpacked(error: OSError, source: Path, target: Path) -> str:
    """What is wrong where a file of an archive cannot be written, or the archive cannot be read."""
    if error.errno in FULL:
        return (
            f"expected space to unpack {source} in {target.parent.parent}, found none. Free some, or set TMPDIR to a "
            "folder on another disk."
        )
    if error.filename == str(source):
        return f"expected to read {source}, found: {error.strerror}. Check its permissions."
    if error.filename is None:
        said = (error.strerror or str(error)).partition(":")[0]
        return f"{source} is damaged or not a tar archive: {said}. Fetch it again."
    place = _renamed(str(error.filename), target, source)
    return f"{place} cannot be unpacked: {error.strerror}. Pack the archive without it."


def _renamed(text: object, target: Path, source: Path) -> object:
    return (
        text.replace(str(target.resolve()), str(source)).replace(str(target), str(source))
        if isinstance(text, str)
        else text
    )


def _extract(archive: tarfile.TarFile, source: Path, target: Path, limits: ArchiveLimits) -> None:
    # Python before 3.11.4 has no such filter; what it would refuse is refused below, too.
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    packed = source.stat().st_size
    written = count = 0
    for member in archive:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise SourceError(f'{source} holds "{member.name}", a path that leaves the archive: it is not unpacked.')
        if len(path.parts) > _PARTS:
            raise SourceError(f"{source} holds a path of more than {_PARTS} folders: it is not unpacked.")
        if member.issym() or member.isdir():
            continue
        if not member.isreg():
            raise SourceError(f'{source} holds "{member.name}", which is a link or device: it is not unpacked.')
        count, written = count + 1, written + member.size
        over_ratio = written > limits.free_bytes and written > limits.ratio * packed
        if count > limits.files or written > limits.unpacked_bytes or over_ratio:
            raise SourceError(
                f"{source} unpacks to more than {limits.files:,} files, {limits.unpacked_bytes:,} bytes or "
                f"{limits.ratio:g} times its size: it is not unpacked."
            )
        if path.suffix.lower() in WANTED_SUFFIXES:
            archive.extract(member, target, set_attrs=False)

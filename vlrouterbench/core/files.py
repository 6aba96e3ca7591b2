"""Writing files so that nothing half-written is ever seen, and naming contents by digest.

Decisions
- A folder or file is written beside its final path, flushed to the disk, and renamed at the end; a failure leaves the
  old one whole. A folder that replaces another changes places with it in one step where the system can.
- A process that was killed leaves its half beside the target; the next writer of that target removes it (`staging.py`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlrouterbench.core.disk import flush_file, flush_folder
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.staging import put_in_place, staging_path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system answers when a disk, a quota or the largest file size is full."""


def make_folder(folder: Path, option: str = "--out") -> None:
    """Make a folder and those above it.

    Args:
        folder: to be made.
        option: that names it, for the message.

    Raises:
        VLRouterBenchError: a file stands in its way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        check_no_file(folder, option)
        raise VLRouterBenchError(
            f"expected a folder to write to, found a file: {error.filename}. Give another {option}."
        ) from error


def check_no_file(folder: Path, option: str = "--out") -> None:
    """Refuse a folder in whose place, or above it, something else stands; errors as for `make_folder`."""
    for place in (folder, *folder.parents):
        if os.path.lexists(place) and not place.is_dir():
            found = "a file" if place.exists() else "a link to nothing"
            raise VLRouterBenchError(f"expected a folder to write to, found {found}: {place}. Give another {option}.")


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends without an error."""
    target = target.absolute()
    with folder_beside(target) as staging:
        yield staging
        for path in (staging, *staging.rglob("*")):
            _open_to_readers(path)
            (flush_folder if path.is_dir() else flush_file)(path)
        put_in_place(staging, target)
        flush_folder(target.parent)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A temporary folder on the disk of a folder `target`, gone when the block ends.

    The next writer of `target` removes those that killed processes left.
    """
    target = target.absolute()
    if target.is_file():  # one look: between two, another writer may have swapped its folder in
        raise VLRouterBenchError(f"expected a folder to write to, found a file: {target}. Give another --out.")
    make_folder(target.parent)
    with _full_disk_named(target), staging_path(target) as folder:
        folder.mkdir()
        yield folder


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that replaces `target` when the block ends without an error."""
    target = target.absolute()
    make_folder(target.parent)
    with _full_disk_named(target), staging_path(target) as staging:
        staging.touch()
        yield staging
        _open_to_readers(staging)
        flush_file(staging)
        staging.replace(target)
        flush_folder(target.parent)


@contextmanager
def staged_set(folder: Path, key: str, stale: Iterable[str] = ()) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` when the block ends without an error; its other files stay.

    Readers open the file `key` first. It leaves before any other file comes and comes last: who is stopped between two
    of them leaves no set of which a part is old.

    Args:
        folder: made where it is not there.
        key: name of a file that the block writes.
        stale: names of files that belong to an older set, and leave with its key.
    """
    folder = folder.absolute()
    make_folder(folder)
    with _full_disk_named(folder), staging_path(folder / key) as staging:
        staging.mkdir()
        yield staging
        written = sorted(staging.iterdir(), key=lambda path: path.name == key)
        for path in written:
            _open_to_readers(path)
            flush_file(path)
        for name in (key, *stale):
            (folder / name).unlink(missing_ok=True)
        for path in written:
            path.replace(folder / path.name)
        flush_folder(folder)


@contextmanager
def _full_disk_named(target: Path) -> Iterator[None]:
    """Say what could not be written: the libraries that write say only that there was no space."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise VLRouterBenchError(
            f"expected space to write {target}, found none: {error}. What stood there before is untouched. "
            "Check the free space, or give another --out."
        ) from error


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """A folder of temporary files, gone when the block ends; those that killed processes left are removed first.

    Args:
        name: what the folder is for; folders of one name and user are looked after together.
    """
    with staging_path(Path(tempfile.gettempdir()).absolute() / f"vlrouterbench-{name}-{_user()}") as folder:
        folder.mkdir()
        yield folder


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _open_to_readers(path: Path) -> None:
    """Let others read what was written: temporary files and safetensors' own are for their owner alone."""
    path.chmod(0o755 if path.is_dir() else 0o644)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON through a staged file. NaN and infinity are refused: JSON has neither."""
    with staged_file(path) as staging:
        staging.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def sha256_of_files(files: Iterable[Path], root: Path) -> str:
    """Digest over relative names and contents of `files` (sorted by name), so a moved folder keeps its digest."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


def without_nan(value: Any) -> Any:
    """Content for JSON, which has no NaN: None for a NaN, and for a list of nothing else."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        none = bool(value) and all(isinstance(part, float) and math.isnan(part) for part in value)
        return None if none else [without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value

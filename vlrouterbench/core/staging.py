"""A place to write beside a target, cleared by the next writer of that target when its own writer was killed.

Decisions
- One folder `.<target>.<8 letters>.partial` holds all of a write: what is being written, what it replaces (for the
  moment between two renames), and a lock.
- A writer lives as long as its lock (flock) is held: the kernel drops it at any death. A process number would be given
  again, and says nothing to another host; a lock on a shared file system is seen by every host, unless its mount keeps
  locks to one host (`local_lock` of NFS): two hosts must not write one target there.
- A place is cleared only when its lock could be taken. Where there are no locks at all, nothing is cleared.
- Making, swapping and clearing are done by one process at a time, under `.<target>.lock`, which is gone afterwards.
- A writer killed between the two renames has moved the old content aside: it is brought back. What a killed writer had
  written is never taken up, even when it was whole: a run that did not end has not happened, and its rerun starts over
  (a whole build takes seconds; the download of an archive, which takes hours, resumes in huggingface_hub).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no locks of this kind, so nothing is cleared
    fcntl = None  # type: ignore[assignment]

_SUFFIX = ".partial"
_LOCK, _NEW, _OLD, _REPLACED = "lock", "new", "old", "replaced"


@contextmanager
def staging_place(target: Path) -> Iterator[Path]:
    """A path to write a file or folder at, beside `target`, gone when the block ends unless it was put in place.

    Args:
        target: absolute path whose parent exists.
    """
    with _alone(target) as alone:
        if alone:
            _clear_dead(target)
        place = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent))
        lock = _try_lock(place / _LOCK, create=True)
    try:
        yield place / _NEW
    finally:
        if os.path.lexists(place / _OLD):
            with _alone(target):
                _bring_back(place, target)
        _remove(place)
        if lock is not None:
            os.close(lock)


def put_in_place(new: Path, target: Path) -> None:
    """Make what was written at `new` the content of `target`; a folder that stands there is replaced as a whole."""
    with _alone(target):
        if not target.is_dir():
            new.replace(target)
            return
        # A rename cannot replace a non-empty folder. Should anything stop us here, `staging_place` brings it back.
        old = new.with_name(_OLD)
        target.rename(old)
        new.rename(target)
        old.rename(new.with_name(_REPLACED))


def _bring_back(place: Path, target: Path) -> None:
    """Undo the first of the two renames where the second did not happen."""
    if os.path.lexists(place / _OLD) and not os.path.lexists(target):
        (place / _OLD).rename(target)


def _clear_dead(target: Path) -> None:
    """Remove the places of dead writers of `target`; the caller is alone."""
    pattern = re.compile(re.escape(f".{target.name}.") + "[a-z0-9_]{8}" + re.escape(_SUFFIX))
    for place in [path for path in target.parent.iterdir() if pattern.fullmatch(path.name) and path.is_dir()]:
        lock = _try_lock(place / _LOCK, create=False)
        if lock is not None:
            _bring_back(place, target)
            _remove(place)
            os.close(lock)
        else:
            # An empty one: its writer died before it had a lock, or after it had removed all else. Others stay.
            with suppress(OSError):
                place.rmdir()


def _remove(place: Path) -> None:
    """Remove a place, its lock last: as long as anything is left, the next writer can tell that it is ours."""
    with suppress(OSError):
        for path in place.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink()
        if all(path.name == _LOCK for path in place.iterdir()):
            (place / _LOCK).unlink(missing_ok=True)
            place.rmdir()


@contextmanager
def _alone(target: Path) -> Iterator[bool]:
    """Hold the lock beside `target`; False where it cannot be had, and then others may be at work too."""
    path = target.with_name(f".{target.name}.lock")
    lock = _wait_for_lock(path)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            # Whoever waits for this very file sees that it is gone, and takes another.
            path.unlink(missing_ok=True)
            os.close(lock)


def _wait_for_lock(path: Path) -> int | None:
    while True:
        lock = _lock(path, os.O_CREAT)
        if lock is None:
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        os.close(lock)


def _try_lock(path: Path, *, create: bool) -> int | None:
    """The file descriptor of a lock taken without waiting, None where it is held, is not there, or cannot be had."""
    return _lock(path, os.O_CREAT if create else 0, wait=False)


def _lock(path: Path, flags: int, *, wait: bool = True) -> int | None:
    if fcntl is None:
        return None
    try:
        # Open for writing: NFS gives an exclusive lock on no other file.
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | flags, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor

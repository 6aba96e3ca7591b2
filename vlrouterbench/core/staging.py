"""A folder to write in beside a target, cleared by the next writer of that target when its own writer was killed.

Decisions
- One folder `.<target>.<8 letters>.partial` holds all of a write: what is being written, what it replaces (where the
  system cannot exchange two folders in one step, for the moment between two renames), and a lock.
- A writer lives as long as its lock is held: the system drops it at any death. A process number would be given again,
  and says nothing to another host; a lock on a shared file system is seen by every host, unless its mount keeps locks
  to one host (`local_lock` of NFS): two hosts must not write one target there.
- Locks are `filelock`'s, which uses the system's own on Unix and on Windows. Its fallback, a file that names a process,
  is switched off for the reason above: where a file system has no locks, nothing is cleared.
- Making, swapping and clearing are done by one process at a time, under `.<target>.lock`, which is gone afterwards.
- A writer killed between the two renames has moved the old content aside: whoever writes or reads the target next
  brings it back (`bring_back_killed`). What a killed writer had written is never taken up, even when it was whole: a
  run that did not end has not happened, and its rerun starts over (a whole build takes seconds; the download of an
  archive, which takes hours, resumes in huggingface_hub).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock

from vlrouterbench.core.disk import exchange

_SUFFIX = ".partial"
_LOCK, _NEW, _OLD, _REPLACED = "lock", "new", "old", "replaced"
_LEFT = re.compile(r"\.(.+)\.(?:[a-z0-9_]{8}\.partial|lock)")
"""What a writer leaves beside its target: its folder, or the lock of the moment in which it is made or moved."""
_POLL_SECONDS = 0.01
"""How long a writer that waits for another one sleeps between two looks: the other one holds the lock for a rename."""


@contextmanager
def staging_path(target: Path) -> Iterator[Path]:
    """A path to write a file or folder at, beside `target`, gone when the block ends unless it was put in place.

    Args:
        target: absolute path whose parent exists.
    """
    with _alone(target) as alone:
        if alone:
            _clear_dead(target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent))
        lock = _lock(folder / _LOCK, wait=False)
    try:
        yield folder / _NEW
    finally:
        if os.path.lexists(folder / _OLD):
            with _alone(target):
                _bring_back(folder, target)
        _remove(folder, lock)


def put_in_place(new: Path, target: Path) -> None:
    """Make what was written at `new` the content of `target`; a folder that stands there is replaced as a whole."""
    with _alone(target):
        if not target.is_dir():
            new.replace(target)
            return
        if exchange(new, target):
            return
        # A rename cannot replace a non-empty folder. Should anything stop us here, `staging_path` brings it back.
        old = new.with_name(_OLD)
        target.rename(old)
        new.rename(target)
        old.rename(new.with_name(_REPLACED))


def bring_back_killed(target: Path) -> Path:
    """Bring back what a killed writer had moved aside, for one who is about to read `target`; gives `target`.

    Nothing is done where the target is there, where nothing was moved aside, or where its writer lives: that one is
    alone until its own rename, which is then waited for.
    """
    absolute = target.absolute()
    if os.path.lexists(absolute) or not any(os.path.lexists(folder / _OLD) for folder in _places(absolute)):
        return target
    with suppress(OSError), _alone(absolute) as alone:
        if alone:
            _clear_dead(absolute)
    return target


def clear_killed(folder: Path) -> None:
    """Remove what killed writers of any files of a folder left there; nothing of those that live."""
    for name in sorted({found[1] for path in folder.iterdir() if (found := _LEFT.fullmatch(path.name))}):
        with suppress(OSError), _alone(folder.absolute() / name) as alone:
            if alone:
                _clear_dead(folder.absolute() / name)


def _places(target: Path) -> list[Path]:
    """The folders in which writers of `target` write or wrote."""
    pattern = re.compile(re.escape(f".{target.name}.") + "[a-z0-9_]{8}" + re.escape(_SUFFIX))
    try:
        return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name) and path.is_dir()]
    except OSError:
        return []  # no such folder, or one that may not be listed


def _bring_back(folder: Path, target: Path) -> None:
    """Undo the first of the two renames where the second did not happen."""
    if os.path.lexists(folder / _OLD) and not os.path.lexists(target):
        (folder / _OLD).rename(target)


def _clear_dead(target: Path) -> None:
    """Remove the folders of dead writers of `target`; the caller is alone."""
    for folder in _places(target):
        lock = _lock(folder / _LOCK, wait=False) if os.path.lexists(folder / _LOCK) else None
        if lock is not None:
            _bring_back(folder, target)
            _remove(folder, lock)
        else:
            # An empty one: its writer died before it had a lock, or after it had removed all else. Others stay.
            with suppress(OSError):
                folder.rmdir()


def _remove(folder: Path, lock: BaseFileLock | None) -> None:
    """Remove a folder, its lock last: as long as anything is left, the next writer can tell that it is ours."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink()
        if all(path.name == _LOCK for path in folder.iterdir()):
            (folder / _LOCK).unlink(missing_ok=True)
    if lock is not None:
        lock.release()
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _alone(target: Path) -> Iterator[bool]:
    """Hold the lock beside `target`; False where it cannot be had, and then others may be at work too."""
    path = target.with_name(f".{target.name}.lock")
    lock = _lock(path, wait=True)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            # Whoever waits for this very file sees that it is gone, and takes another. (Windows lets no open file be
            # removed; there `release` removes it.)
            with suppress(OSError):
                path.unlink()
            lock.release()


def _lock(path: Path, *, wait: bool) -> BaseFileLock | None:
    """A lock that is held by the caller; None where another one holds it (without `wait`) or none can be had."""
    lock: BaseFileLock = FileLock(path, thread_local=False, fallback_to_soft=False, poll_interval=_POLL_SECONDS)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except OSError:
        return None
    return lock

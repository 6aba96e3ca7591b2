"""What is asked of the disk itself: two folders change places in one step, and what was written is there after a crash.

Decisions
- `renameat2` with RENAME_EXCHANGE is Linux's; Python has no name for it, the C library does. Where the kernel, the file
  system or a sandbox lacks it, `exchange` says so and the caller does without.
- A rename can reach the disk before the bytes of the file: after a loss of power a whole name would hold an empty file.
  So a file is flushed before its rename, and the folder that holds its name after it. On a disk of this machine's kind
  that is 3 to 10 ms a file; what is written here takes longer to compute.
- A folder cannot be flushed on every system (Windows, some network mounts): there the rename alone has to do.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_AT_CURRENT_FOLDER = -100
_EXCHANGE = 2
"""AT_FDCWD and RENAME_EXCHANGE of Linux."""
_NOT_HERE = (errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP, errno.EPERM)
"""What a kernel, a file system or a sandbox answers that does not know the exchange."""


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    """The C library's function, None where there is none."""
    if not sys.platform.startswith("linux"):
        return None
    function: Callable[..., int] | None = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return function


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change their contents in one step that no reader sees the middle of.

    Args:
        one: a path that exists, on the disk of `other`.
        other: a path that exists.

    Returns:
        Whether it was done; False where this system cannot, and then nothing has changed.

    Raises:
        OSError: one of them is not there, or may not be moved.
    """
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_AT_CURRENT_FOLDER, os.fsencode(one), _AT_CURRENT_FOLDER, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), str(one), None, str(other))


def flush_file(path: Path) -> None:
    """Wait until the bytes of a file are on the disk."""
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

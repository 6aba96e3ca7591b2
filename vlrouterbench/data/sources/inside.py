"""Whether a file lies inside a folder that somebody gave.

Decisions
- A table or a tree of logs from elsewhere must not read the user's other files: a path, or a link, that leads outside
  is not followed.
- A snapshot of huggingface_hub's cache is links into `blobs` of the same repository: they are inside, reached by a link
  and not by a path that climbs there.
"""

from __future__ import annotations

import os
from pathlib import Path

from vlrouterbench.core.errors import SourceError

SNAPSHOTS, BLOBS = "snapshots", "blobs"


def file_inside(root: Path, name: str) -> Path | None:
    """The file that a name means in a folder; None where there is none.

    Args:
        root: the folder's real path, as `resolve` gives it.
        name: a path relative to it, or an absolute one that leads inside.

    Returns:
        Its path below `root`, free of links but for a snapshot's own.

    Raises:
        OutsideError: it leads outside.
    """
    # As texts where that is possible: a table names a million files, and a path as an object takes its time.
    folder = str(root)
    written = os.path.normpath(root / name)
    try:
        target = os.path.realpath(written)
        if target == folder or target.startswith(folder.rstrip(os.sep) + os.sep):
            return path if (path := Path(target)).is_file() else None
        if is_inside(Path(written), root):
            return Path(written)
    except (OSError, ValueError, RuntimeError):  # too long, a character that no path can have, or links in a loop
        return None
    raise OutsideError(name)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path leads to somewhere inside a folder, or is a link there into the blobs of a snapshot."""
    try:
        root, target = folder.resolve(), path.resolve()
    except RuntimeError:  # links in a loop lead nowhere; Python 3.13 gives the path itself
        return True
    if target.is_relative_to(root):
        return True
    blobs = _blobs_of(root)
    return blobs is not None and path.parent.resolve().is_relative_to(root) and target.parent == blobs


def _blobs_of(root: Path) -> Path | None:
    """The contents of the repository that a folder is a snapshot of, or part of one."""
    for folder in (root, *root.parents):
        if folder.parent.name == SNAPSHOTS and (blobs := folder.parent.parent / BLOBS).is_dir():
            return blobs
    return None


def refuse_outside(path: Path, folder: Path) -> None:
    """Raise SourceError for a table that is a link to somewhere outside its folder."""
    if not is_inside(path, folder):
        raise SourceError(
            f"expected {path.name} inside {folder}, found a link that leads outside, to {path.resolve()}. Copy the "
            "file there."
        )


class OutsideError(ValueError):
    """A path that leads outside."""

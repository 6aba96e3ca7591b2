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
    written = Path(os.path.normpath(root / name))
    try:
        target = written.resolve()
        if target.is_relative_to(root):
            return target if target.is_file() else None
        if is_inside(written, root):
            return written
    except (OSError, ValueError):  # too long, or a character that no path can have
        return None
    raise OutsideError(name)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path leads to somewhere inside a folder, or is a link there into the blobs of a snapshot."""
    root, target = folder.resolve(), path.resolve()
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


class OutsideError(ValueError):
    """A path that leads outside."""

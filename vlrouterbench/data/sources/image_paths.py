"""What a table writes where an image is a file: one path or several, and which file inside the source a path means.

Decisions
- A path is read inside the source alone: a table from elsewhere must not read the user's other files. An absolute path
  is read where it leads inside.
- Paths of another machine: backslashes are slashes, and a path into VLMEvalKit's folder `images`, which moves together
  with its tables, is sought from that folder on.
- A list of paths is JSON, or Python's own form of it, as VLMEvalKit writes it; one in which Windows' backslashes stand
  plain is read as it is meant.
- Nothing is fetched: a URL is no file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

from vlrouterbench.data.sources.inside import is_inside
from vlrouterbench.routers.encoders.sample_input import list_of

IMAGE_TREE_NAME = "images"
"""The folder beside VLMEvalKit's tables that holds the images which the tables name."""
IMAGE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))

_TAIL = 64
_PLAIN_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\(?![\\'\"]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})")
"""One that escapes nothing which a list of paths holds: a quote, a backslash, a character by its number."""
_QUOTES = "\"'"


class ImagePathError(ValueError):
    """Why the file that a path names is not read."""


def listed(text: str) -> list[str] | None:
    """The items of a list as text, None where it cannot be read."""
    items = list_of(text)
    return [str(item) for item in items] if isinstance(items, list) else None


def listed_paths(text: str) -> list[str] | None:
    """The paths of a list as text, None where it cannot be read."""
    return listed(text.replace("\\\\", "/").replace("\\", "/") if _PLAIN_BACKSLASH.search(text) else text)


def looks_like_image_file(text: str) -> bool:
    """Whether a text ends as the name of an image file does; base64 has no dot."""
    # Of the end alone: the text may be a whole image.
    return PureWindowsPath(text[-_TAIL:].strip()).suffix.lower() in IMAGE_SUFFIXES


def image_bases(folder: Path, dataset: str, root: Path) -> tuple[Path, ...]:
    """Where a path of a dataset's table may start from, the likeliest first.

    Args:
        folder: the table's.
        dataset: VLMEvalKit's folder of images has one of this name in it; paths begin below either.
        root: the source's folder: the folder of tables may be VLMEvalKit's own, or lie anywhere in the source.
    """
    places = [folder, *(parent for parent in folder.parents if parent.is_relative_to(root))]
    beside = [folder, folder / IMAGE_TREE_NAME / dataset, root]
    below = [place / IMAGE_TREE_NAME / name for place in places for name in ("", dataset)]
    return tuple(dict.fromkeys([*beside, *places, *below]))


def find_image_file(name: str, *, root: Path, bases: tuple[Path, ...]) -> Path:
    """The file that a path means.

    Args:
        name: the path as written.
        root: the source's folder.
        bases: folders that a relative path may start from, the first one that holds it stands.

    Returns:
        The file's path under `root`, free of links but for a snapshot's own.

    Raises:
        ImagePathError: there is no such file, or it lies outside `root`.
    """
    inside = root.resolve()
    leads_outside = False
    if name.strip().lower().startswith(("http://", "https://")):
        raise ImagePathError(f'"{name}" is a URL: nothing is fetched, put the images inside the source')
    for path in _readings(name.strip().strip(_QUOTES).strip(), bases):
        try:
            target = path.resolve()
            if not is_inside(path, root):
                leads_outside = True
            elif target.is_file():
                # A link of a snapshot stays a link: the repository's contents lie beside the source.
                is_plain = target.is_relative_to(inside)
                return root / target.relative_to(inside) if is_plain else Path(os.path.normpath(path))
        except (OSError, ValueError, RuntimeError):  # too long, a character that no path can have, or links in a loop
            continue
    if leads_outside:
        raise ImagePathError(f'"{name}" leads outside the source: put the images inside it')
    raise ImagePathError(f'no such file: "{name}"')


def _readings(name: str, bases: tuple[Path, ...]) -> list[Path]:
    """Where a path may lead, the likeliest first."""
    forms = [name, name.replace("\\", "/")] if "\\" in name else [name]
    paths = [base / form for form in forms for base in bases]
    parts = PurePosixPath(forms[-1]).parts
    if IMAGE_TREE_NAME in parts[:-1]:
        start = len(parts) - 1 - parts[::-1].index(IMAGE_TREE_NAME, 1)
        paths += [base.joinpath(*parts[start:]) for base in bases]
    return paths

"""Where many questions lie: the files of a folder, of a pattern, of a benchmark, or of a dataset on the Hub.

Decisions
- A shard is called by its path below the folder that all of them share, so that a moved folder is the same input.
- Of a folder its own tables count, in the order of their names; a folder below it is given by a pattern.
- A table that is a link to nothing is refused: its rows would be missing, and nobody would know.
- A dataset on the Hub is fetched at one commit, which the manifest names; a pattern may stand at its end.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.hub_source import HubOrigin, fetch, is_on_hub
from vlrouterbench.data.saved_tables.form import ENDINGS, ENDINGS_IN_WORDS, ending_of

_OF_FOLDERS = tuple(ending for ending in ENDINGS if not ending.startswith((".json", ".xlsx"))) + (
    ".jsonl",
    ".jsonl.gz",
)
"""Tables that a folder is searched for: a .json or .xlsx beside them is something else more often than not."""
_PATTERN = re.compile(r"[*?\[]")


class Stamp(NamedTuple):
    """Size in bytes of a file, and when it was written, in nanoseconds."""

    size: int
    written_ns: int


@dataclass(frozen=True)
class ShardFiles:
    """The files of an input.

    Attributes:
        root: the folder that their names are relative to.
        names: of each, in order.
        origin: where on the Hub they come from, None for files of this machine.
    """

    root: Path
    names: tuple[str, ...]
    origin: HubOrigin | None = None

    def stamps(self) -> dict[str, Stamp]:
        """Name -> what tells a file that changes from one that does not, without reading it."""
        return {name: stamp_of(self.root / name) for name in self.names}


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file; OSError where it is not there."""
    found = path.stat()
    return Stamp(found.st_size, found.st_mtime_ns)


def find_shards(source: Path) -> ShardFiles:
    """The tables that an input names.

    Args:
        source: a table, a folder of tables, a pattern of paths (`*`, `?`, `[...]`, `**`), a benchmark folder, or
            `hf://datasets/OWNER/NAME[@revision][/folder][/pattern]`.

    Raises:
        SourceError: it names none, or a file that is no table.
    """
    if is_on_hub(source):
        parent, pattern = PurePosixPath(str(source)), ""
        if _PATTERN.search(parent.name) or ending_of(Path(parent.name)):
            parent, pattern = parent.parent, parent.name
        fetched = fetch(str(parent), files=pattern)
        return _found(source, fetched.folder / pattern if pattern else fetched.folder, fetched.origin)
    return _found(source, source)


def is_many(source: Path) -> bool:
    """Whether a path is no single table: a folder, a pattern, or a dataset on the Hub."""
    return is_on_hub(source) or source.is_dir() or (not source.exists() and bool(_PATTERN.search(str(source))))


def _found(source: Path, place: Path, origin: HubOrigin | None = None) -> ShardFiles:
    lost = list[Path]()
    if place.is_file():
        paths = [place]
    elif place.is_dir():
        is_benchmark = (place / REPORT_FILE).is_file()
        folder = place / "data" if is_benchmark else place
        paths = [path for path in folder.iterdir() if _is_shard(path)] if folder.is_dir() else []
        lost = [path for path in folder.iterdir() if _is_named_so(path) and not path.exists()] if paths else []
    else:
        start = Path(place.anchor)
        found = list(start.glob(str(place.relative_to(start))))
        paths, lost = [path for path in found if path.is_file()], [path for path in found if not path.exists()]
    if lost:
        raise SourceError(f"expected tables of questions, found a link to nothing: {lost[0]}. Mend or remove it.")
    if not paths:
        raise SourceError(
            f"expected tables of questions, found no file at {source}: give a table ({ENDINGS_IN_WORDS}), a folder of "
            "them, or a pattern in quotation marks, as 'questions/*.parquet'."
        )
    for path in paths:
        if ending_of(path) is None:
            raise SourceError(f"expected tables that end in {ENDINGS_IN_WORDS}, found {path}. Give a narrower pattern.")
    # Not resolved: a file from the Hub is a link to one that is named by its digest.
    absolute = [path.absolute() for path in paths]
    root = Path(os.path.commonpath([path.parent for path in absolute]))
    names = sorted(path.relative_to(root).as_posix() for path in absolute)
    return ShardFiles(root, tuple(names), origin)


def _is_shard(path: Path) -> bool:
    return path.is_file() and _is_named_so(path)


def _is_named_so(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and ending_of(path) in _OF_FOLDERS

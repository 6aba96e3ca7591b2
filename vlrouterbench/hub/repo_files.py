"""The files of a repository on the Hub: which belong to it, and the exact folder that is uploaded.

Decisions
- Everything goes through a staged folder: a dry run keeps it, a push uploads it and nothing beside it.
- Files of an unknown kind are refused, not left out silently: no pickle, no stray notes. Hidden entries stay behind.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_folder
from vlrouterbench.routers.write_code import ROUTERS, code_files, flat_name


class HubError(VLRouterBenchError):
    """A folder that cannot go to the Hub, or a Hub that does not take it."""


@dataclass(frozen=True)
class RepoLayout:
    """What a repository of one kind holds, as patterns: `required` each match a file, `optional` may.

    What is on the Hub, matches `stale` and is not in a push is deleted by it. `repo_type` is the Hub's word, and
    `space_sdk` what a Space runs on. With `code` there are also the code files that config.json leads to, and no
    others.
    """

    repo_type: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    stale: tuple[str, ...]
    space_sdk: str | None = None
    code: bool = False


def stage_files(
    folder: Path, out: Path, layout: RepoLayout, finish: Callable[[Path], None] = lambda staging: None
) -> Path:
    """Copy the files of a folder that belong to a repository, after a check that all do and none lacks.

    Args:
        folder: the folder.
        out: folder to write.
        layout: of the repository.
        finish: completes the copy, before it takes its place.

    Raises:
        HubError: a file is missing or does not belong, or the two folders lie in one another.
    """
    source, target = folder.resolve(), out.resolve()
    if source == target or source in target.parents or target in source.parents:
        raise HubError(f"expected a folder apart from {folder} to write to, found {out}. Give another --out.")
    if target.is_dir():
        repo_files(out, layout, complete=False)
    files = repo_files(folder, layout)
    with staged_folder(out) as staging:
        for name in files:
            (staging / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(folder / name, staging / name)
        finish(staging)
    return out


def repo_files(folder: Path, layout: RepoLayout, *, complete: bool = True) -> list[str]:
    """Names of the files of a folder, after a check that all belong and, where it is `complete`, that none lacks."""
    if not folder.is_dir():
        raise HubError(f"expected a folder to push, found none at {folder}.")
    paths = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    names = sorted(path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts))
    allowed = (*layout.required, *layout.optional)
    code = _carried_code(folder) if layout.code else set()
    foreign = [name for name in names if name not in code and not any(_matches(name, one) for one in allowed)]
    if foreign:
        raise HubError(
            f"expected only files of a {layout.repo_type} repository in {folder} ({', '.join(allowed)}), found "
            f"{', '.join(foreign[:5])}{' and more' if len(foreign) > 5 else ''}. Move them elsewhere; pickles (.bin, "
            ".pkl, .pt) are never pushed."
        )
    missing = [p for p in layout.required if complete and not any(_matches(name, p) for name in names)]
    if missing:
        raise HubError(f"expected {', '.join(missing)} in {folder}, found none. Write the folder again.")
    return names


def foreign_code(folder: Path) -> list[str]:
    """Names of the code files that go to the Hub with a router and are not this package's own."""
    from vlrouterbench import routers

    root = Path(routers.__file__).parent
    modules = (".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py"))
    own = {f"{flat_name(f'{ROUTERS}{module}')}.py" for module in modules}
    return sorted(_carried_code(folder) - own)


def _carried_code(folder: Path) -> set[str]:
    """Code files that a router's config.json leads to; none where it cannot be read, which loading then says."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return code_files(folder, content.get("auto_map", {}))
    except (OSError, ValueError, SyntaxError, AttributeError):
        return set()


def _matches(name: str, pattern: str) -> bool:
    """Part by part: a star does not cross a slash."""
    parts, patterns = PurePosixPath(name).parts, PurePosixPath(pattern).parts
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))

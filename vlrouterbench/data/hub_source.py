"""A source on the Hub: `hf://datasets/OWNER/NAME[@revision][/folder]`, fetched with huggingface_hub.

Decisions
- The revision is pinned before anything is fetched: what is read is one commit, which the report names.
- Only files that a reader may open are fetched: no pickle, no archive. With `--models`, folders of other models beside
  those that are named are left alone.
- Fetching is huggingface_hub's: it shows progress, resumes, verifies and caches.
- Where the Hub cannot be reached the command ends at once. A cached snapshot may hold some of the files alone, and is
  given by its folder where it is meant.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypedDict
from urllib.parse import unquote

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.data.archive import WANTED_SUFFIXES
from vlrouterbench.data.saved_tables.form import PACKED

PREFIX = "hf:/"
"""What a source on the Hub begins with; a path object makes one slash of two."""
_SOURCE = re.compile(
    r"hf:/{1,2}datasets/(?P<repo_id>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?(?:/(?P<folder>.*))?", re.ASCII
)
_WANTED = (*sorted(WANTED_SUFFIXES), *(f".{ending}" for ending in PACKED))


class HubOrigin(TypedDict):
    """Where a source was fetched: the dataset repository, its commit, and the folder in it."""

    repo_id: str
    revision: str
    folder: str


@dataclass(frozen=True)
class Fetched:
    """A source that lies on this machine: its folder, and where it comes from."""

    folder: Path
    origin: HubOrigin


def is_on_hub(source: Path | str) -> bool:
    """Whether a source is one on the Hub."""
    return str(source).startswith(PREFIX)


def fetch(source: Path | str, models: Sequence[str] = (), files: str = "") -> Fetched:
    """Fetch a source.

    Args:
        source: as the module says.
        models: those whose folders are wanted, () for all.
        files: the only files of its folder that are wanted, as a pattern; all that a reader may open where not given.

    Raises:
        SourceError: it is not written so, the Hub cannot be reached or does not give it, or the folder is not there.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    found = _SOURCE.fullmatch(str(source))
    if found is None:
        raise SourceError(f"expected hf://datasets/OWNER/NAME[@revision][/folder], found {source}.")
    repo_id, asked = found["repo_id"], unquote(found["revision"] or "main")
    folder = PurePosixPath(found["folder"] or ".").as_posix()
    if ".." in PurePosixPath(folder).parts:
        raise SourceError(f"expected a folder inside the repository, found {folder}.")
    if not hub_reachable():
        raise SourceError(
            f"the Hub cannot be reached (HF_HUB_OFFLINE, or no connection): {source} is not fetched. Fetch it where "
            f"there is one, with `hf download {repo_id} --repo-type dataset`, and give its folder as SOURCE."
        )
    try:
        info = HfApi().dataset_info(repo_id, revision=asked)
        names = [entry.rfilename for entry in info.siblings or ()]
        revision, ignored = str(info.sha), _unwanted_folders(names, models)
        _check_folder(folder, names, repo_id, revision)
        start = "" if folder == "." else f"{glob.escape(folder)}/"
        path = snapshot_download(
            repo_id,
            repo_type="dataset",
            revision=revision,
            allow_patterns=[f"{start}{files}"] if files else [f"{start}*{ending}" for ending in _WANTED],
            ignore_patterns=[f"{glob.escape(name)}/*" for name in ignored],
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        said = str(error).strip().splitlines()
        why = said[0].rstrip(".") if said else type(error).__name__
        raise SourceError(f"{source} is not fetched: {why}. Run it again: what has arrived is kept.") from error
    return Fetched(Path(path) / folder, {"repo_id": repo_id, "revision": revision, "folder": folder})


def _check_folder(folder: str, names: Sequence[str], repo_id: str, revision: str) -> None:
    if folder == "." or any(name.startswith(f"{folder}/") for name in names):
        return
    tops = sorted({name.partition("/")[0] for name in names if "/" in name})
    raise SourceError(
        f"expected a folder {folder} in {repo_id} at {revision[:12]}, found {', '.join(tops[:10]) or 'no folder'}."
    )


def _unwanted_folders(names: Sequence[str], models: Sequence[str]) -> list[str]:
    """Folders beside those of the named models: of models that are not wanted."""
    folders = {parent.as_posix() for name in names for parent in PurePosixPath(name).parents if parent.name}
    wanted = {folder for folder in folders if _model_of(folder) in models}
    beside = {PurePosixPath(folder).parent.as_posix() for folder in wanted}
    return sorted(
        folder for folder in folders if folder not in wanted and PurePosixPath(folder).parent.as_posix() in beside
    )


def _model_of(folder: str) -> str:
    """The model that a folder may be called by: lmms-eval puts the organisation before it."""
    return PurePosixPath(folder).name.rpartition("__")[2]

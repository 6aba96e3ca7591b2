"""Submissions in a dataset repository on the Hub, or in a folder of one.

Decisions
- `hf://datasets/OWNER/NAME[@REVISION][/FOLDER]` as in the Hub's own file system; a bare `OWNER/NAME` is the whole
  repository.
- Files are listed first, with their sizes, and then fetched: only the files that a leaderboard reads, and only where
  each file and all files together stay below a limit, so that no repository can fill the disk.
- Files are fetched by huggingface_hub, which resumes, verifies and caches. Without a network, cached files are used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path, PurePosixPath

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.evaluation.leaderboard.signing import SUFFIX
from vlrouterbench.evaluation.writing import DECISIONS_FILE, RESULTS_FILE

SCHEME = "hf://"
READ_FILES = (DECISIONS_FILE, DECISIONS_FILE + SUFFIX, RESULTS_FILE)
"""Names of the files that a leaderboard reads."""
MOST_FILE_BYTES, MOST_BYTES = 64 * 2**20, 2 * 2**30
"""Largest file, and most of all files: a decision of the full benchmark's test split takes about 10 bytes."""
_FORM = "hf://datasets/OWNER/NAME[@REVISION][/FOLDER]"
_ADDRESS = re.compile(r"hf://datasets/(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?(?:/(?P<folder>.+?))?/?")


class SubmissionError(VLRouterBenchError):
    """A submission that cannot be found or scored."""


@dataclass(frozen=True)
class HubFolder:
    """A folder of a dataset repository.

    Attributes:
        repo_id: `owner/name`.
        folder: in the repository, "" for all of it.
        revision: branch, tag or commit; None for main.
    """

    repo_id: str
    folder: str = ""
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubFolder | None:
        """The folder that an address names; None where the text is not an address and may be a path.

        Raises:
            SubmissionError: it begins like an address but is not a valid one.
        """
        if not text.startswith(SCHEME):
            bare = text.count("/") == 1 and not text.startswith((".", "/", "~")) and not Path(text).exists()
            return cls(text) if bare else None
        match = _ADDRESS.fullmatch(text)
        if match is None or ".." in PurePosixPath(match["folder"] or "").parts:
            raise SubmissionError(f"expected {_FORM}, found {text}. Submissions are in dataset repositories.")
        return cls(match["repo"], match["folder"] or "", match["revision"])

    @property
    def name(self) -> str:
        """Name of a submission directly in this folder: that of the last folder."""
        return PurePosixPath(self.folder or self.repo_id).name

    def fetch(self) -> Path:
        """The folder on this machine, with the files that a leaderboard reads.

        Raises:
            SubmissionError: the Hub is out of reach or does not give it, or it is too large.
        """
        from huggingface_hub import HfApi, RepoFile, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalEntryNotFoundError

        offline = not hub_reachable()
        try:
            if not offline:
                entries = HfApi().list_repo_tree(
                    self.repo_id,
                    path_in_repo=self.folder or None,
                    recursive=True,
                    revision=self.revision,
                    repo_type="dataset",
                )
                files = (entry for entry in entries if isinstance(entry, RepoFile))
                self._check({file.path: file.size for file in files if PurePosixPath(file.path).name in READ_FILES})
            root = snapshot_download(
                self.repo_id,
                repo_type="dataset",
                revision=self.revision,
                allow_patterns=self._patterns,
                local_files_only=offline,
            )
        except (LocalEntryNotFoundError, HfHubHTTPError, HTTPError, OSError, ValueError) as error:
            why = "the Hub cannot be reached" if offline else f"the Hub answered: {_first_line(error)}"
            raise SubmissionError(
                f"expected submissions at {self._location}, found no such path on this machine, and it cannot be "
                f"fetched as a dataset repository: {why}. Check the path or the name."
            ) from error
        return Path(root, self.folder)

    def _check(self, sizes: dict[str, int]) -> None:
        if not sizes:
            raise SubmissionError(
                f"expected a {DECISIONS_FILE} at {self._location}, found none. `vlrouterbench evaluate` writes it."
            )
        large = {path: size for path, size in sizes.items() if size > MOST_FILE_BYTES}
        if large or sum(sizes.values()) > MOST_BYTES:
            path, size = max(sizes.items(), key=lambda item: item[1])
            raise SubmissionError(
                f"{self._location}: expected files of at most {MOST_FILE_BYTES // 2**20} MiB each and "
                f"{MOST_BYTES // 2**20:,} MiB together, found {sum(sizes.values()) / 2**20:,.1f} MiB, the largest "
                f"{path} with {size / 2**20:,.1f} MiB. Nothing was fetched; give a folder of the "
                "repository, or fetch it yourself."
            )

    @property
    def _patterns(self) -> list[str]:
        """What is fetched: files of those names here and below; a star crosses slashes."""
        here = f"{escape(self.folder)}/" if self.folder else ""
        return [f"{here}{below}{name}" for name in READ_FILES for below in ("", "*/")]

    @property
    def _location(self) -> str:
        return "/".join(filter(None, (self.repo_id, self.folder)))


def _first_line(error: Exception) -> str:
    lines: Sequence[str] = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

"""A benchmark or router folder -> a repository on the Hub, by way of the exact folder that is uploaded.

Decisions
- Everything goes through a staged folder: a dry run keeps it, a push uploads it and nothing beside it.
- A folder is checked as its readers would (digest of the tables, loading the router) before anything leaves.
- Files of an unknown kind are refused, not left out silently: no pickle, no stray notes. Hidden entries stay behind.
- Files of an earlier push that the new one lacks are deleted with it: old shards would be read along with the new.
- A card's example names the repository that it goes to; the folder's own card is left as it is.
- Tokens are huggingface_hub's business. Where the Hub cannot be reached that is said at once, without retries.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_folder
from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.table import load_table
from vlrouterbench.routers.write_code import ROUTERS, code_files, flat_name

CARD_PLACEHOLDER = "PATH_OR_REPO_ID"
"""What a card's example loads from, until a repository is known."""


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


DATASET_LAYOUT = RepoLayout(
    repo_type="dataset",
    required=("README.md", REPORT_FILE, "candidates.parquet", "data/*.parquet", "outcomes/*.parquet"),
    optional=(),
    stale=("data/*", "outcomes/*"),
)
ROUTER_LAYOUT = RepoLayout(
    repo_type="model",
    required=("README.md", "config.json", "model.safetensors"),
    optional=("*.json", "*.safetensors"),
    stale=("*.json", "*.safetensors", "*.py"),
    code=True,
)


def stage_dataset(folder: Path | str, out: Path | str, repo_id: str | None = None) -> Path:
    """Write the folder that `push_dataset` uploads, from one that `build` wrote; an earlier one at `out` is replaced.

    Args:
        folder: the benchmark.
        out: folder to write.
        repo_id: `owner/name` that the card then names; None leaves the card as it is.

    Raises:
        BenchmarkError: not a benchmark folder, or its tables are not the ones its report was written for.
        HubError: a file is missing, or does not belong in a dataset repository.
    """
    load_table(folder, verify=True)
    return stage_files(Path(folder), Path(out), DATASET_LAYOUT, repo_id)


def stage_router(folder: Path | str, out: Path | str, repo_id: str | None = None) -> Path:
    """Write the folder that `push_router` uploads, from one that `train` wrote; an earlier one at `out` is replaced.

    Arguments as for `stage_dataset`.

    Raises:
        RouterError: the router cannot be loaded, or its code is not what was saved with it.
        UnknownNameError: its family is not known here, and its code may not be run (`trusts_code`).
        HubError: a file is missing, or does not belong in a router repository.
    """
    # Imported here: a dataset is pushed without torch.
    from vlrouterbench.routers.auto import AutoRouter, check_code

    _repo_files(Path(folder), ROUTER_LAYOUT)
    router = AutoRouter.from_pretrained(folder)
    check_code(Path(folder), router.config.to_dict())
    return stage_files(Path(folder), Path(out), ROUTER_LAYOUT, repo_id)


def push_dataset(folder: Path | str, repo_id: str, *, private: bool = False) -> str:
    """Upload a benchmark folder as a dataset repository and return its address.

    Args:
        folder: as for `stage_dataset`, whose errors apply.
        repo_id: `owner/name`; created where it does not exist.
        private: make it private; an existing public repository is refused.

    Raises:
        HubError: no such owner, no right to write, or no network.
    """
    return push_staged(partial(stage_dataset, repo_id=repo_id), folder, repo_id, private=private, layout=DATASET_LAYOUT)


def push_router(folder: Path | str, repo_id: str, *, private: bool = False, **commit: Any) -> str:
    """Upload a router folder as a model repository and return its address; arguments and errors as for `push_dataset`.

    Args:
        folder: as for `push_dataset`.
        repo_id: as for `push_dataset`.
        private: as for `push_dataset`.
        commit: `token`, `commit_message`, `commit_description`, `revision` and `create_pr`, as for `push_to_hub` of
            transformers.

    Raises:
        HubError: also where the router's encoder is a folder of this machine.
    """
    from vlrouterbench.routers.auto import AutoRouter

    try:
        AutoRouter.from_pretrained(folder).check_shareable()
    except ValueError as error:
        raise HubError(f"{folder}: {error}") from error
    stage = partial(stage_router, repo_id=repo_id)
    return push_staged(stage, folder, repo_id, private=private, layout=ROUTER_LAYOUT, commit=commit)


def check_repo_id(repo_id: str) -> None:
    """Refuse what is not `owner/name`."""
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(repo_id)
        valid = repo_id.count("/") == 1
    except HFValidationError:
        valid = False
    if not valid:
        raise HubError(
            f'expected a repository id of the form owner/name, found "{repo_id}". On the Hub every dataset and router '
            "belongs to a user or an organization: put its name and a slash in front."
        )


def stage_files(folder: Path, out: Path, layout: RepoLayout, repo_id: str | None = None) -> Path:
    """Copy the files of a folder that belong to a repository, after a check that all do and none lacks.

    Args:
        folder: the folder.
        out: folder to write.
        layout: of the repository.
        repo_id: what the card's example is to load from, where that is known.

    Raises:
        HubError: a file is missing or does not belong, or the two folders lie in one another.
    """
    source, target = folder.resolve(), out.resolve()
    if source == target or source in target.parents or target in source.parents:
        raise HubError(f"expected a folder apart from {folder} to write to, found {out}. Give another --out.")
    if target.is_dir():
        _repo_files(out, layout, complete=False)
    files = _repo_files(folder, layout)
    with staged_folder(out) as staging:
        for name in files:
            (staging / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(folder / name, staging / name)
        if repo_id is not None:
            card = staging / "README.md"
            card.write_text(card.read_text(encoding="utf-8").replace(CARD_PLACEHOLDER, repo_id), encoding="utf-8")
    return out


def _repo_files(folder: Path, layout: RepoLayout, *, complete: bool = True) -> list[str]:
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


def push_staged(
    stage: Callable[..., Path],
    folder: Path | str,
    repo_id: str,
    *,
    private: bool,
    layout: RepoLayout,
    commit: Mapping[str, Any] | None = None,
) -> str:
    """Stage a folder, upload what was staged, and return its address.

    Args:
        stage: writes what is uploaded, from (folder, out).
        folder: as for `push_dataset`, whose errors apply.
        repo_id: as for `push_dataset`.
        private: as for `push_dataset`.
        layout: of the repository.
        commit: as for `push_router`.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    check_repo_id(repo_id)
    if not hub_reachable():
        raise HubError(
            f"the Hub at {constants.ENDPOINT} cannot be reached (no network, or HF_HUB_OFFLINE is set): nothing was "
            "pushed. Try again with a network, or write the folder with `vlrouterbench push ... --dry-run`."
        )
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-push-") as temporary:
        staging = stage(folder, Path(temporary) / "repository")
        options = {"commit_message": f"Push {layout.repo_type} with vlrouterbench", **(commit or {})}
        api, kind = HfApi(token=options.pop("token", None)), layout.repo_type
        try:
            address = api.create_repo(
                repo_id, repo_type=kind, private=private or None, exist_ok=True, space_sdk=layout.space_sdk
            )
            if private and not api.repo_info(repo_id, repo_type=kind).private:
                raise HubError(f"{repo_id} exists and is public: nothing was pushed. Make it private first.")
            api.upload_folder(
                repo_id=repo_id,
                repo_type=kind,
                folder_path=staging,
                delete_patterns=list(layout.stale),
                **options,
            )
        except HfHubHTTPError as error:
            raise HubError(_refusal(error.response.status_code, repo_id, error)) from error
        except (HTTPError, OSError, ValueError) as error:
            raise HubError(f"pushing to {repo_id} failed: {_first_line(error)}. Run the push again.") from error
    return str(address)


def _refusal(status: int, repo_id: str, error: Exception) -> str:
    reasons = {
        401: "it knows no valid token of yours. Run `hf auth login`, or set HF_TOKEN, and push again",
        403: "you may not write there. Use a token with the right to write, and an owner that is you or yours",
        404: "there is no such owner or repository, or your token may not see it. Check the name",
    }
    return f"the Hub refused {repo_id} (HTTP {status}): {reasons.get(status) or _first_line(error)}."


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")

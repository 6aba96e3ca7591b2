"""A benchmark or router folder -> a repository on the Hub, by way of the exact folder that is uploaded.

Decisions
- A folder is checked as its readers would (digest of the tables, loading the router) before anything leaves.
- Files of an earlier push that the new one lacks are deleted with it: old shards would be read along with the new.
- A card's example names the repository that it goes to; the folder's own card is left as it is.
- Tokens are huggingface_hub's business. Where the Hub cannot be reached that is said at once, without retries.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.table import load_table
from vlrouterbench.hub.card_figures import DATASET_FIGURE
from vlrouterbench.hub.pushed_card import add_picture, fill_in_id, name_dataset
from vlrouterbench.hub.repo_files import HubError, RepoLayout, repo_files, stage_files
from vlrouterbench.routers.base.card import FIGURE

DATASET_LAYOUT = RepoLayout(
    repo_type="dataset",
    required=("README.md", REPORT_FILE, "candidates.parquet", "data/*.parquet", "outcomes/*.parquet"),
    optional=(DATASET_FIGURE,),
    stale=("data/*", "outcomes/*", DATASET_FIGURE),
)
ROUTER_LAYOUT = RepoLayout(
    repo_type="model",
    required=("README.md", "config.json", "model.safetensors"),
    optional=("*.json", "*.safetensors", FIGURE),
    stale=("*.json", "*.safetensors", "*.py", FIGURE),
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
    table = load_table(folder, verify=True)

    def finish(staging: Path) -> None:
        if repo_id is not None:
            add_picture(staging, table)
            fill_in_id(staging, repo_id)

    return stage_files(Path(folder), Path(out), DATASET_LAYOUT, finish)


def stage_router(
    folder: Path | str, out: Path | str, repo_id: str | None = None, *, dataset_id: str | None = None
) -> Path:
    """Write the folder that `push_router` uploads, from one that `train` wrote; an earlier one at `out` is replaced.

    Arguments as for `stage_dataset`; `dataset_id` is the benchmark's on the Hub, which the card then names.

    Raises:
        RouterError: the router cannot be loaded, or its code is not what was saved with it.
        UnknownNameError: its family is not known here, and its code may not be run (`trusts_code`).
        HubError: a file is missing, or does not belong in a router repository.
    """
    # Imported here: a dataset is pushed without torch.
    from vlrouterbench.routers.auto import AutoRouter, check_code

    repo_files(Path(folder), ROUTER_LAYOUT)
    router = AutoRouter.from_pretrained(folder)
    check_code(Path(folder), router.config.to_dict())

    def finish(staging: Path) -> None:
        if repo_id is not None:
            fill_in_id(staging, repo_id)
        if dataset_id is not None:
            name_dataset(staging, dataset_id)

    return stage_files(Path(folder), Path(out), ROUTER_LAYOUT, finish)


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


def push_router(
    folder: Path | str, repo_id: str, *, private: bool = False, dataset_id: str | None = None, **commit: Any
) -> str:
    """Upload a router folder as a model repository and return its address; arguments and errors as for `push_dataset`.

    Args:
        folder: as for `push_dataset`.
        repo_id: as for `push_dataset`.
        private: as for `push_dataset`.
        dataset_id: as for `stage_router`.
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
    stage = partial(stage_router, repo_id=repo_id, dataset_id=dataset_id)
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

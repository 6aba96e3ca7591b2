"""`vlrouterbench push`: a benchmark, a router, the metric or a Space to the Hub."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be pushed."""

    DATASET = "dataset"
    ROUTER = "router"
    METRIC = "metric"
    SPACE = "space"


def push(
    kind: Annotated[Kind, typer.Argument(help="What the folder is.")],
    folder: Annotated[
        Path, typer.Argument(help="Folder of a benchmark, router or Space; the metric's name, rank_score.")
    ],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub; created where it does not exist.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder to upload, and stop there.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder that --dry-run writes; else runs/push/OWNER--NAME.", show_default=False)
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="OWNER/NAME of the benchmark that a router was trained on, for its card.", show_default=False
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
) -> None:
    """Upload a benchmark, a router, the metric or a Space to the Hub, with the token that `hf auth login` stored."""
    from vlrouterbench.cli import console
    from vlrouterbench.hub.demo_space import push_space
    from vlrouterbench.hub.metric_space import push_metric
    from vlrouterbench.hub.push import check_repo_id, push_dataset, push_router
    from vlrouterbench.hub.repo_files import foreign_code
    from vlrouterbench.hub.wheel import why_no_wheel

    if out is not None and not dry_run:
        raise typer.BadParameter("--out belongs to --dry-run: a push keeps no folder.", param_hint="--out")
    if dataset is not None and kind is not Kind.ROUTER:
        raise typer.BadParameter(f"--dataset belongs to a router: a {kind} names none.", param_hint="--dataset")
    console.quiet_libraries()
    for one in filter(None, (repo_id, dataset)):
        check_repo_id(one)
    notes = []
    if kind is Kind.METRIC and (reason := why_no_wheel()):
        notes.append(f"without the package's wheel: {reason}")
    code = foreign_code(folder) if kind is Kind.ROUTER else []
    if code:
        notes.append(f"code of others, which runs where the router is loaded with trust_remote_code: {', '.join(code)}")
    listed, also = (f" with {', '.join(code)}", {"code": code}) if code else ("", {})
    if dry_run:
        with console.stage(f"check and stage {kind}"):
            staged = _stage(kind, folder, repo_id, out, dataset)
        if kind is Kind.METRIC:
            name = repo_id.split("/")[1]
            notes.append(f'evaluate.load("{staged if staged.name == name else staged / f"{name}.py"}") reads it')
        content = {"out": str(staged), "repo_id": repo_id, "pushed": False, **also}
        console.show(content, f"would upload {staged}", *notes)
        return
    sends: dict[Kind, Callable[..., str]] = {
        Kind.DATASET: push_dataset,
        Kind.ROUTER: partial(push_router, dataset_id=dataset),
        Kind.METRIC: push_metric,
        Kind.SPACE: push_space,
    }
    send = sends[kind]
    with console.stage(f"push {kind}{listed}"):
        address = send(folder, repo_id, private=private)
    console.show({"url": address, "repo_id": repo_id, "pushed": True, **also}, f"pushed to {address}", *notes)


def _stage(kind: Kind, folder: Path, repo_id: str, out: Path | None, dataset: str | None) -> Path:
    """Write the folder to upload."""
    from vlrouterbench.hub.demo_space import stage_space
    from vlrouterbench.hub.metric_space import stage_metric
    from vlrouterbench.hub.push import stage_dataset, stage_router

    target = out or Path("runs", "push", repo_id.replace("/", "--"))
    if kind is Kind.METRIC:
        # `evaluate.load` reads a folder that has the name of the script in it.
        return stage_metric(folder, out or target / repo_id.split("/")[1], repo_id)
    stages: dict[Kind, Callable[[Path, Path], Path]] = {
        Kind.DATASET: partial(stage_dataset, repo_id=repo_id),
        Kind.ROUTER: partial(stage_router, repo_id=repo_id, dataset_id=dataset),
        Kind.SPACE: stage_space,
    }
    return stages[kind](folder, target)

"""`vlrouterbench push`: a benchmark or a router to the Hub."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be pushed."""

    DATASET = "dataset"
    ROUTER = "router"


def push(
    kind: Annotated[Kind, typer.Argument(help="What the folder is.")],
    folder: Annotated[Path, typer.Argument(help="Benchmark or router folder.")],
    repo_id: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub; made where it does not exist.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the exact folder instead of uploading it.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder that --dry-run writes; else runs/push/OWNER--NAME.", show_default=False)
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the repository private.")] = False,
) -> None:
    """Upload a benchmark or a router to the Hub, with the token that `hf auth login` stored."""
    from vlrouterbench.cli import console
    from vlrouterbench.hub.push import check_repo_id, push_dataset, push_router, stage_dataset, stage_router

    if out is not None and not dry_run:
        raise typer.BadParameter("--out belongs to --dry-run: a push keeps no folder.", param_hint="--out")
    console.quiet_libraries()
    check_repo_id(repo_id)
    if dry_run:
        stage = stage_dataset if kind is Kind.DATASET else stage_router
        with console.stage(f"check and stage {kind}"):
            staged = stage(folder, out or Path("runs", "push", repo_id.replace("/", "--")))
        console.show({"out": str(staged), "repo_id": repo_id, "pushed": False}, f"would upload {staged}")
        return
    send = push_dataset if kind is Kind.DATASET else push_router
    with console.stage(f"push {kind}"):
        address = send(folder, repo_id, private=private)
    console.show({"url": address, "repo_id": repo_id, "pushed": True}, f"pushed to {address}")

"""`vlrouterbench run`: the whole pipeline on the embedded simulated benchmark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.cli.parameters import GoalRequest, options_of
from vlrouterbench.core.simulated import SIMULATED_DATA


@dataclass(frozen=True)
class RunRequest(GoalRequest):
    """The options of the command."""

    out: Annotated[Path, typer.Option(help="Folder for benchmark, routers and evaluation.")] = Path("runs/quickstart")
    seed: Annotated[int, typer.Option(help="Another seed draws another benchmark and other initial weights.")] = 0
    num_samples: Annotated[int, typer.Option(help="Number of samples of the simulated benchmark.")] = 3000


@options_of(RunRequest)
def run(request: RunRequest) -> None:
    """Build, encode, train, evaluate and report on the simulated benchmark."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.headline import headlines
    from vlrouterbench.quickstart import run_quickstart

    console.quiet_libraries()
    num_proc = max(1, min(os.cpu_count() or 1, 4))
    out, goal = request.out, request.goal()
    records = run_quickstart(
        out, seed=request.seed, num_samples=request.num_samples, num_proc=num_proc, stage=console.stage, goal=goal
    )
    console.show(
        {"out": str(out), "results": console.summary(records)},
        *headlines(records),
        console.results_title(records),
        console.results_table(records),
        f"{SIMULATED_DATA.capitalize()}: no number above says anything about a real model.",
        f"Report: {out}/evaluation/report.html",
        "Route a question:",
        f"  vlrouterbench route --router {out}/routers/flagship \\",
        "    --question TEXT --image FILE",
    )

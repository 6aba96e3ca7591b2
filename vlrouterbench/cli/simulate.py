"""`vlrouterbench simulate`: a simulated benchmark of any size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vlrouterbench.core.limits import LARGEST_SEED


def simulate(
    out: Annotated[Path, typer.Option(help="Benchmark folder to write.")],
    num_samples: Annotated[int, typer.Option(help="Number of samples.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Another seed draws another benchmark.")] = 0,
    difficulty: Annotated[
        str,
        typer.Option(
            help="moderate: routing pays, as on real logs where it does; published: as hard as the published table "
            "says; easy: what is visible decides which candidate succeeds."
        ),
    ] = "moderate",
) -> None:
    """Draw a simulated benchmark: images, questions, outcomes and costs. Nothing in it is measured."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.build import build_from_logs
    from vlrouterbench.data.simulation.simulate import simulate_logs
    from vlrouterbench.data.simulation.skills import DEFAULT_DIFFICULTY, named_difficulty

    difficulty = named_difficulty(difficulty)
    with console.stage(f"draw {num_samples:,} simulated samples"):
        num_proc = max(1, min(os.cpu_count() or 1, 4))
        logs = simulate_logs(num_samples=num_samples, seed=seed, num_proc=num_proc, difficulty=difficulty)
        report = build_from_logs(logs, out)
    mark = "" if difficulty == DEFAULT_DIFFICULTY else f" ({difficulty} setting)"
    console.show(report, f"{report['samples']:,} simulated samples{mark} written to {out}")

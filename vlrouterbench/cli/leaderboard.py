"""`vlrouterbench leaderboard`: submissions of decisions, scored from the benchmark alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT


def leaderboard(
    results: Annotated[
        list[str],
        typer.Argument(
            help="decisions.parquet files, folders (of folders) with them, or hf://datasets/OWNER/NAME[/FOLDER]."
        ),
    ],
    benchmark: Annotated[
        Path | None, typer.Option(help="Benchmark folder; else found by the digest in a results.json.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for leaderboard.html and leaderboard.csv.")] = Path(
        "runs", "leaderboard"
    ),
    split: Annotated[str, typer.Option(help="Split that was decided on: train, validation or test.")] = "test",
    seed: Annotated[int, typer.Option(help="Of resamples and of policies that draw.")] = 0,
) -> None:
    """Score and rank submissions; every figure is computed anew, nothing that a submission states is read."""
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.leaderboard.page import write_leaderboard
    from vlrouterbench.evaluation.leaderboard.ranking import rank_submissions
    from vlrouterbench.evaluation.leaderboard.submissions import find_benchmark, find_submissions

    console.quiet_libraries()
    submissions = find_submissions(results)
    folder = benchmark or find_benchmark(submissions)
    with console.stage(f"score {len(submissions)} submissions on {split}"):
        standings = rank_submissions(submissions, folder, split=split, seed=seed)
        page, table = write_leaderboard(standings, out)
    content = {"benchmark": str(folder), "page": str(page), "csv": str(table), "entries": standings.records}
    console.show(
        content,
        console.results_title(standings.records),
        _table(standings.records),
        f"benchmark: {folder}",
        f"page: {page}",
        f"csv: {table}",
    )


def _table(records: Sequence[dict[str, Any]]) -> Any:
    from vlrouterbench.cli import console
    from vlrouterbench.evaluation.leaderboard.page import rank_text

    table = console.plain_table("", ("router", "place", "acc. %", "$/10K", "Rank", "95 % interval", "signed"))
    for r in records:
        low, high = r["ci95"]["rank_score"]
        table.add_row(
            r["router"],
            rank_text(r),
            f"{100 * r['accuracy']:.2f}",
            f"{SAMPLES_PER_COST_UNIT * r['average_cost_usd']:.3f}",
            f"{r['rank_score']:.2f}",
            f"{low:.1f} to {high:.1f}",
            "-" if r["kind"] == "policy" else (r["signed_by"] or "no")[:8],
            style="bold" if r["kind"] == "submission" else "",
        )
    return table

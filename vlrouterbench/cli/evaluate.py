"""`vlrouterbench evaluate`: routers and policies on one split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")],
    router: Annotated[
        list[str],
        typer.Option(help="Policy name, router folder or Hub id; repeat for several."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for results.json, decisions.parquet and report.html.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    seed: Annotated[int, typer.Option(help="Of resamples and of policies that draw.")] = 0,
    machine_usd_per_hour: Annotated[
        float | None,
        typer.Option(min=0, help="Price of this machine: count each router's own time too.", show_default=False),
    ] = None,
    shuffled_labels: Annotated[
        bool, typer.Option("--shuffled-labels", help="Train each router's family on shuffled labels too, as a control.")
    ] = False,
    num_proc: Annotated[int, typer.Option(min=1, help="Processes that encode what is not stored.")] = 1,
) -> None:
    """Score routers and policies; write results, decisions and a report."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.table import load_table
    from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
    from vlrouterbench.evaluation.report import write_report

    console.quiet_libraries()
    with console.stage(f"evaluate on {split}") as progress:
        options = EvaluationOptions(
            split=split,
            seed=seed,
            machine_usd_per_hour=machine_usd_per_hour,
            shuffled_labels=shuffled_labels,
            num_proc=num_proc,
            progress=progress,
        )
        records = evaluate_routers(folder, router, out, options)
        table = load_table(folder).split(split)
        page = write_report(records, table.take(table.complete), out)
    left_out = records[0]["num_left_out"]
    note = f"{left_out:,} samples of the split were left out: not measured for every candidate."
    console.show(
        {"out": str(out), "results": console.summary(records)},
        console.results_title(records),
        console.results_table(records),
        *([note] if left_out else []),
        f"report: {page}",
    )

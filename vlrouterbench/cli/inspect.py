"""`vlrouterbench inspect`: what a benchmark folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT


def inspect(
    folder: Annotated[Path, typer.Argument(help="Benchmark folder.")],
) -> None:
    """Show counts, accuracies, costs, agreement and what was left out."""
    from vlrouterbench.cli import console
    from vlrouterbench.data.summary import summarize
    from vlrouterbench.data.table import load_table

    content = summarize(load_table(folder))
    mark = " (simulated data)" if content["simulated"] else ""
    title = f"{content['name']}{mark}: {content['samples']:,} samples"
    candidates = console.plain_table(title, ("candidate", "pairs", "accuracy %", "$/10K"))
    for row in content["per_candidate"]:
        cost = row["average_cost_usd"]
        shown = "-" if cost is None else f"{SAMPLES_PER_COST_UNIT * cost:.4f}"
        candidates.add_row(row["name"], f"{row['num_pairs']:,}", _percent(row["accuracy"]), shown)
    # One table per dataset: seventeen candidates side by side would not fit a terminal.
    datasets = [_dataset_table(part) for part in content["per_dataset"]]
    solved = content["solved_by"]
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in content["left_out"].items()) or "nothing"
    console.show(
        content,
        candidates,
        *datasets,
        f"solved by nobody {solved['none']:,}, by one {solved['one']:,}, by all {solved['all']:,}",
        f"mean pairwise agreement {_percent(content['mean_agreement'])} %",
        f"left out: {reasons}",
    )


def _dataset_table(part: dict[str, Any]) -> Any:
    from vlrouterbench.cli import console

    table = console.plain_table(f"{part['dataset']}: {part['samples']:,} samples", ("candidate", "accuracy %"))
    for name, value in part["accuracy"].items():
        if value is not None:
            table.add_row(name, _percent(value))
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3f}"

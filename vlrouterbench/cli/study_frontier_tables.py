"""The table of a study's part `frontiers` on the terminal, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType

from vlrouterbench.cli import console


def frontier_lines(content: dict[str, Any], first: str) -> Iterator[RenderableType]:
    """A table, and what its columns mean.

    Args:
        content: as `study.json` holds it under `frontiers`.
        first: the first router.
    """
    table = console.plain_table("", ("router", "AIQ", "lead, 95 %", "acc. %", "lead, 95 %", "cost", "in"))
    for row in content["rows"]:
        cells = []
        for key in ("aiq", "accuracy_at_strongest_cost"):
            low, high = (100 * end for end in row["first_minus_this"][key]["ci95"])
            cells += [f"{100 * row[key]:.2f}", "-" if row["router"] == first else f"{low:+.2f} to {high:+.2f}"]
        share = row["cost_share_at_strongest_accuracy"]
        cells += ["-" if share is None else f"{share:.2f}", f"{row['num_reached']}/{len(row['num_points'])}"]
        table.add_row(row["router"], *cells, style="bold" if row["router"] == first else "")
    yield table
    yield "AIQ: mean height of the hull over costs, %; acc.: at the strongest's cost"
    yield "cost: of the strongest's accuracy, share of its own; in: splits that reach it"
    yield f"lead: what {first} has more, paired"

"""The tables of a study on the terminal, at most 80 columns wide."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table

from vlrouterbench.cli import console
from vlrouterbench.cli.study_calibration_tables import calibration_lines
from vlrouterbench.cli.study_frontier_tables import frontier_lines
from vlrouterbench.cli.study_outside_tables import left_out_tables, new_candidate_tables
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.simulated import marked


def study_lines(content: dict[str, Any]) -> list[RenderableType]:
    """What a study found: a title, and a table per part.

    Args:
        content: as `study.json` holds it.
    """
    data = marked(content["benchmark"]["name"], simulated=content["benchmark"]["simulated"])
    lines: list[RenderableType] = [f"{data}, mean of {len(content['seeds'])} test splits"]
    if "routers" in content:
        lines.append(_routers(content["routers"], content["first"]))
    if "frontiers" in content:
        lines += frontier_lines(content["frontiers"], content["first"])
    if "calibration" in content:
        lines += calibration_lines(content["calibration"])
    if "left-out" in content:
        lines += left_out_tables(content["left-out"], content["first"])
    if "new_candidates" in content:
        lines += new_candidate_tables(content["new_candidates"])
    return lines


def _routers(rows: list[dict[str, Any]], first: str) -> Table:
    table = console.plain_table("", ("router", "acc. %", "$/10K", "Rank", f"{first} - it, 95 %"))
    for row in rows:
        gap, (low, high) = row["first_minus_this"]["rank_score"], row["first_minus_this"]["ci95"]
        cells = [f"{100 * row['accuracy']:.2f}", f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}"]
        cells.append(f"{row['rank_score']:.2f}")
        cells.append("-" if row["router"] == first else f"{gap:+.2f} ({low:+.2f} to {high:+.2f})")
        table.add_row(row["router"], *cells, style="bold" if row["router"] == first else "")
    return table

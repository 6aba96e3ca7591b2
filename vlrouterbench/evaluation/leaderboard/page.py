"""A leaderboard as CSV for machines and as a page for people, in one file that needs no network.

Decisions
- Ranks are printed as their range over paired resamples: "1 to 3" says that these samples do not determine it further.
- Names come from submitters: they are escaped on the page, and an apostrophe precedes a cell of the CSV that a
  spreadsheet would take for a formula.
"""

from __future__ import annotations

import csv
from pathlib import Path

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.core.output_text import csv_text
from vlrouterbench.evaluation.headline import REFERENCE
from vlrouterbench.evaluation.leaderboard.records import (
    SUBMISSION,
    Leaderboard,
    LeaderboardRecord,
    leaderboard_rows,
    plot_kind,
)
from vlrouterbench.evaluation.plots import frontier_entry, group_plot, trade_off
from vlrouterbench.evaluation.results import bounds_degenerate
from vlrouterbench.evaluation.view import headings
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.page import render_page

PAGE_FILE, CSV_FILE = "leaderboard.html", "leaderboard.csv"
_COLUMNS = ("router", "rank", "rank_score", "interval", "accuracy", "cost", "difference", "difference_interval")


def write_leaderboard(leaderboard: Leaderboard, out: Path) -> tuple[Path, Path]:
    """Write the page and the CSV into a folder and return their paths."""
    page, table = out / PAGE_FILE, out / CSV_FILE
    with staged_file(page) as staging:
        staging.write_text(render_leaderboard(leaderboard), encoding="utf-8")
    with staged_file(table) as staging, staging.open("w", encoding="utf-8", newline="") as handle:
        rows = [_csv_row(record) for record in leaderboard.records]
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return page, table


def render_leaderboard(leaderboard: Leaderboard) -> str:
    """The page as text; names from submissions and the benchmark are escaped."""
    records, table = leaderboard.records, leaderboard.table
    shown = trade_off([frontier_entry(record, plot_kind(record), None) for record in records], table)
    return render_page(
        "evaluation.leaderboard",
        PAGE_FILE,
        headings=[*headings(_COLUMNS), "submission", "signed by"],
        rows=list(zip(records, [row.cells(_COLUMNS) for row in leaderboard_rows(records)], strict=True)),
        first=records[0],
        report=table.report,
        num_entries=sum(record["kind"] == "submission" for record in records),
        per=SAMPLES_PER_COST_UNIT,
        headlines=[record["headline"] for record in records if record["kind"] == SUBMISSION],
        reference=REFERENCE,
        notes=leaderboard.notes,
        refused=leaderboard.refused,
        degenerate=bounds_degenerate(table),
        frontier_svg=shown.drawing().svg(),
        interactive=interactive_json(shown),
        # A heat map of one column says nothing that the ranking does not.
        group_svg=group_plot(records, table).svg() if len(records[0]["per_group"]) > 1 else "",
    )


def _csv_row(record: LeaderboardRecord) -> dict[str, object]:
    """A row with every digit of the figures."""
    best, worst = record["rank_range"] or (None, None)
    low, high = record["ci95"]["rank_score"] or (None, None)
    difference_low, difference_high = record["vs_mixture"]["ci95"] or (None, None)
    return {
        "router": csv_text(record["router"]),
        "kind": record["kind"],
        "rank": record["rank"],
        "rank_best": best,
        "rank_worst": worst,
        "accuracy": record["accuracy"],
        "average_cost_usd": record["average_cost_usd"],
        "rank_score": record["rank_score"],
        "rank_score_low": low,
        "rank_score_high": high,
        "vs_mixture": record["vs_mixture"]["rank_score"],
        "vs_mixture_low": difference_low,
        "vs_mixture_high": difference_high,
        "submission": csv_text(record["submission"]),
        "file": csv_text(record["file"]),
        "signed_by": record["signed_by"],
        "num_samples": record["num_samples"],
        "benchmark_sha256": record["benchmark"]["sha256"],
    }

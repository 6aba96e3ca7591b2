"""A leaderboard as CSV for machines and as a page for people, in one file that needs no network.

Decisions
- Ranks are printed as their range over paired resamples: "1 to 3" says that these samples cannot place it closer.
- Names come from submitters: they are escaped on the page, and a cell of the CSV that a spreadsheet would take for a
  formula has an apostrophe in front.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.evaluation.leaderboard.ranking import Standings
from vlrouterbench.evaluation.plots import frontier_plot, group_plot
from vlrouterbench.evaluation.ranking import places_text
from vlrouterbench.evaluation.results import bounds_degenerate
from vlrouterbench.plotting.page import render_page

PAGE_FILE, CSV_FILE = "leaderboard.html", "leaderboard.csv"
_COLUMNS = ("router", "kind", "rank", "rank_best", "rank_worst", "accuracy", "average_cost_usd", "rank_score")
_MORE_COLUMNS = ("rank_score_low", "rank_score_high", "vs_mixture", "vs_mixture_low", "vs_mixture_high")
_SOURCE_COLUMNS = ("submission", "file", "signed_by", "num_samples", "benchmark_sha256")


def write_leaderboard(standings: Standings, out: Path) -> tuple[Path, Path]:
    """Write the page and the CSV into a folder and return their paths."""
    page, table = out / PAGE_FILE, out / CSV_FILE
    with staged_file(page) as staging:
        staging.write_text(render_leaderboard(standings), encoding="utf-8")
    with staged_file(table) as staging, staging.open("w", encoding="utf-8", newline="") as handle:
        rows = csv.DictWriter(handle, (*_COLUMNS, *_MORE_COLUMNS, *_SOURCE_COLUMNS), lineterminator="\n")
        rows.writeheader()
        rows.writerows(_row(record) for record in standings.records)
    return page, table


def render_leaderboard(standings: Standings) -> str:
    """The page as text; names from submissions and the benchmark are escaped."""
    records = standings.records
    drawn = [
        r | {"frontier": None, "router_config": {"kind": "policy" if r["kind"] == "policy" else "router"}}
        for r in records
    ]
    return render_page(
        "evaluation.leaderboard",
        PAGE_FILE,
        records=records,
        first=records[0],
        report=standings.table.report,
        num_entries=sum(record["kind"] == "submission" for record in records),
        per=SAMPLES_PER_COST_UNIT,
        degenerate=bounds_degenerate(standings.table),
        rank_text=rank_text,
        frontier_svg=frontier_plot(drawn, standings.table).svg(),
        group_svg=group_plot(drawn, standings.table).svg(),
    )


def rank_text(record: dict[str, Any]) -> str:
    """A record's places in print: "2", "1 to 3" for a tie, "-" for a policy."""
    return "-" if record["rank_range"] is None else places_text(*record["rank_range"])


def _row(record: dict[str, Any]) -> dict[str, Any]:
    best, worst = record["rank_range"] or (None, None)
    named = {name: _cell(record[name]) for name in ("router", "submission", "file")}
    figures = {name: record[name] for name in (*_COLUMNS, *_SOURCE_COLUMNS) if name in record and name not in named}
    low, high = record["ci95"]["rank_score"]
    less, more = record["vs_mixture"]["ci95"]
    return {
        **named,
        **figures,
        "rank_best": best,
        "rank_worst": worst,
        "rank_score_low": low,
        "rank_score_high": high,
        "vs_mixture": record["vs_mixture"]["rank_score"],
        "vs_mixture_low": less,
        "vs_mixture_high": more,
        "benchmark_sha256": record["benchmark"]["sha256"],
    }


def _cell(text: str | None) -> str | None:
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text

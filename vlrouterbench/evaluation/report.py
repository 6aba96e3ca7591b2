"""`report.html`: one file that needs no network, with the table, the frontier and the datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.plots import dataset_plot, frontier_plot
from vlrouterbench.evaluation.results import bounds_degenerate
from vlrouterbench.files import staged_file
from vlrouterbench.plotting.page import render_page

REPORT_PAGE = "report.html"


def write_report(records: Sequence[dict[str, Any]], table: RoutingTable, out: Path) -> Path:
    """Write the page.

    Args:
        records: as in `results.json`.
        table: the scored samples.
        out: folder of the evaluation.
    """
    path = out / REPORT_PAGE
    with staged_file(path) as staging:
        staging.write_text(render_report(records, table), encoding="utf-8")
    return path


def render_report(records: Sequence[dict[str, Any]], table: RoutingTable) -> str:
    """The page as text; names from the data are escaped."""
    ranked = sorted(records, key=lambda record: -record["rank_score"])
    return render_page(
        "evaluation",
        REPORT_PAGE,
        records=ranked,
        first=records[0],
        report=table.report,
        pool=table.pool.candidates,
        per=SAMPLES_PER_COST_UNIT,
        degenerate=bounds_degenerate(table),
        frontier_svg=frontier_plot(records, table).svg(),
        dataset_svg=dataset_plot(ranked, table).svg(),
    )

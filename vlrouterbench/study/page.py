"""A study as a page: a section per part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.files import staged_file
from vlrouterbench.plotting.page import render_page
from vlrouterbench.study.frontier_plot import hulls_plot
from vlrouterbench.study.newcomer_plot import newcomer_plots

STUDY_PAGE = "study.html"


def write_study_page(content: dict[str, Any], table: RoutingTable, path: Path) -> None:
    """Write the page; names from the data are escaped.

    Args:
        content: as `study.json` holds it.
        table: the benchmark.
        path: file to write.
    """
    values: dict[str, Any] = {"content": content, "report": table.report, "per": SAMPLES_PER_COST_UNIT}
    if "frontiers" in content:
        drawing = hulls_plot(content["frontiers"], content["first"], simulated=table.simulated)
        values["hulls_svg"] = drawing.svg()
    if "newcomers" in content:
        values["newcomer_svgs"] = newcomer_plots(content["newcomers"], simulated=table.simulated)
    page = render_page("study", STUDY_PAGE, **values)
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")

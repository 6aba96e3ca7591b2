"""A study as a page: a section per part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.frontier_plot import hulls_plot
from vlrouterbench.evaluation.study.new_candidate_plot import new_candidate_plots
from vlrouterbench.plotting.page import render_page

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
    if "new_candidates" in content:
        values["new_candidate_svgs"] = new_candidate_plots(content["new_candidates"], simulated=table.simulated)
    page = render_page("evaluation.study", STUDY_PAGE, **values)
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")

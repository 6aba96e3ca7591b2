"""The figures of a report, in the order of the page.

Decisions
- A figure is a title, a drawing and words for who cannot see it: one more is one more entry here. The same drawings
  become files for papers.
- Calibration has figures where a router has calibrated estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.calibration_plots import reliability_plot, risk_coverage_plot
from vlrouterbench.evaluation.plots import cost_plot, dataset_plot, frontier_plot, group_plot, shares_plot
from vlrouterbench.plotting.figures import Drawing

CALIBRATION_FILES = ("reliability-*.???", "risk-coverage.???")
"""What figures of calibration are named, as patterns."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the page.

    Attributes:
        title: its heading.
        drawing: the figure.
        words: what it shows, for who cannot see it.
        note: what stands under it.
    """

    title: str
    drawing: Drawing
    words: str
    note: str = ""


def report_figures(
    ranked: Sequence[dict[str, Any]], table: RoutingTable, decisions: Mapping[str, np.ndarray]
) -> dict[str, ReportFigure]:
    """File name -> figure, in the page's order."""
    in_order = {record["router"]: decisions[record["router"]] for record in ranked}
    return {
        "frontier": ReportFigure(
            "Accuracy against cost",
            frontier_plot(ranked, table),
            "Accuracy against average cost for every router, policy and single candidate",
        ),
        "datasets": ReportFigure(
            "Rank Score by dataset", dataset_plot(ranked, table), "Rank Score of every router on every dataset"
        ),
        "groups": ReportFigure(
            "Rank Score by task group", group_plot(ranked, table), "Rank Score of every router on every task group"
        ),
        "candidates": ReportFigure(
            "Who was chosen",
            shares_plot(ranked, table),
            "Share of samples on which every router chose every candidate; the same figures stand in the table below",
        ),
        "costs": ReportFigure(
            "What single decisions cost",
            cost_plot(in_order, table),
            "Histogram of the cost of single decisions, a row of cells per router",
            "A row is a histogram: % of a router's samples whose answer costs so much.",
        ),
    } | _calibration_figures([record for record in ranked if record["calibration"]], table)


def _calibration_figures(calibrated: Sequence[dict[str, Any]], table: RoutingTable) -> dict[str, ReportFigure]:
    """Two figures of every calibrated router, and one of all."""
    if not calibrated:
        return {}
    note = "On the line an estimate means what it says; a point's area goes with the number of samples in its bin."
    figures = {}
    for record in calibrated:
        name, found = record["router"], record["calibration"]
        for kind, parts, words in (
            ("candidate", found["per_candidate"], "all samples, chosen or not"),
            ("dataset", {"all decisions": found} | found["per_dataset"], "the chosen candidate's estimate"),
        ):
            title = f"Reliability by {kind}: {name}"
            figures[f"reliability-{kind}s-{name}"] = ReportFigure(
                title,
                reliability_plot(title, parts, simulated=table.simulated),
                f"Measured against estimated accuracy of {name}, a panel per {kind}; {words}",
                f"{words[0].upper()}{words[1:]}. {note}",
            )
    figures["risk-coverage"] = ReportFigure(
        "Risk over coverage",
        risk_coverage_plot(calibrated, simulated=table.simulated),
        "Share of wrong answers among the samples with the highest estimated accuracy, over how many are kept",
        "Estimates that tell samples apart keep the curve below the grey line, the risk of all decisions.",
    )
    return figures

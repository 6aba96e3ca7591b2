"""The figures of a report, in the order of the page.

Decisions
- A figure is a title, a drawing and its alt text; a new figure is one more entry here. The same drawings become files
  for papers.
- Calibration has figures where a router has calibrated estimates, answer time where answers were timed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.answer_time_plot import answer_time_note, answer_time_plot
from vlrouterbench.evaluation.calibration_plots import reliability_plot, risk_coverage_plot
from vlrouterbench.evaluation.plots import (
    cost_plot,
    dataset_plot,
    frontier_plot,
    group_plot,
    shares_plot,
)
from vlrouterbench.evaluation.records import ReliabilityRecord, ResultRecord
from vlrouterbench.plotting.figures import Drawing

OCCASIONAL_FILES = ("reliability-*.???", "risk-coverage.???", "answer-time.???")
"""File names of the figures that not every evaluation has, as patterns."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the page.

    Attributes:
        title: its heading.
        drawing: the figure.
        alt: alt text: what it shows.
        note: text below it.
    """

    title: str
    drawing: Drawing
    alt: str
    note: str = ""


def report_figures(
    ranked: Sequence[ResultRecord], table: RoutingTable, decisions: Mapping[str, np.ndarray]
) -> dict[str, ReportFigure]:
    """File name -> figure, in the page's order."""
    in_order = {record["router"]: decisions[record["router"]] for record in ranked}
    return {
        "frontier": ReportFigure(
            "Accuracy against cost",
            frontier_plot(ranked, table),
            "Accuracy against average cost for every router, policy and single candidate",
        ),
        **_answer_time_figure(ranked, table),
        "datasets": ReportFigure(
            "Rank Score by dataset", dataset_plot(ranked, table), "Rank Score of every router on every dataset"
        ),
        "groups": ReportFigure(
            "Rank Score by task group", group_plot(ranked, table), "Rank Score of every router on every task group"
        ),
        "candidates": ReportFigure(
            "Chosen candidates",
            shares_plot(ranked, table),
            "Share of samples on which every router chose every candidate; the table below has the same figures",
        ),
        "costs": ReportFigure(
            "Cost of single decisions",
            cost_plot(in_order, table),
            "Histogram of the cost of single decisions, a row of cells per router",
            "Each row is a histogram: the percentage of a router's samples by what the chosen answer costs.",
        ),
    } | _calibration_figures(ranked, table)


def _answer_time_figure(ranked: Sequence[ResultRecord], table: RoutingTable) -> dict[str, ReportFigure]:
    """One figure, where answers were timed."""
    drawing = answer_time_plot(ranked, table)
    if drawing is None:
        return {}
    return {
        "answer-time": ReportFigure(
            "Accuracy against answer time",
            drawing,
            "Accuracy against median answer time for every router, policy and single candidate, with the frontier",
            answer_time_note(ranked),
        )
    }


def _calibration_figures(ranked: Sequence[ResultRecord], table: RoutingTable) -> dict[str, ReportFigure]:
    """Two figures for every calibrated router, and one for all of them."""
    note = (
        "On the diagonal, estimates equal outcomes; a point's area is proportional to the number of samples in its bin."
    )
    figures = {}
    for record in ranked:
        calibration, name = record["calibration"], record["router"]
        if calibration is None:
            continue
        by_dataset: dict[str, ReliabilityRecord] = {"all decisions": calibration, **calibration["per_dataset"]}
        for kind, parts, samples in (
            ("candidate", calibration["per_candidate"], "all samples, chosen or not"),
            ("dataset", by_dataset, "the chosen candidate's estimate"),
        ):
            title = f"Reliability by {kind}: {name}"
            figures[f"reliability-{kind}s-{name}"] = ReportFigure(
                title,
                reliability_plot(title, parts, simulated=table.simulated),
                f"Measured against estimated accuracy of {name}, a panel per {kind}; {samples}",
                f"{samples[0].upper()}{samples[1:]}. {note}",
            )
    if figures:
        figures["risk-coverage"] = ReportFigure(
            "Risk over coverage",
            risk_coverage_plot(ranked, simulated=table.simulated),
            "Share of wrong answers among the samples with the highest estimated accuracy, over how many are kept",
            "Estimates that separate correct from wrong answers keep the curve below the grey line, the risk of all "
            "decisions.",
        )
    return figures

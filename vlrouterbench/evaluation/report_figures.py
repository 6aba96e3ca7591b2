"""The figures of a report, in the order of the page.

Decisions
- A figure is a title, a drawing and its alt text; a new figure is one more entry here. The same drawings become files
  for papers.
- A heat map of one column says nothing that the ranking does not: of one dataset or task group there is none.
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
    group_plot,
    shares_plot,
    trade_off,
)
from vlrouterbench.evaluation.ranking import NO_CALLS
from vlrouterbench.evaluation.records import ReliabilityRecord, ResultRecord
from vlrouterbench.metrics.trade_off import values_of_calls
from vlrouterbench.plotting.figures import Drawing
from vlrouterbench.plotting.interactive import interactive_json

OCCASIONAL_FILES = ("reliability-*.???", "risk-coverage.???", "answer-time.???", "datasets.???", "groups.???")
"""File names of the figures that not every evaluation has, as patterns."""
_FEW_SAMPLES = 30
"""Below it a panel of reliability shows chance more than calibration."""


@dataclass(frozen=True)
class ReportFigure:
    """A figure of the page.

    Attributes:
        title: its heading.
        drawing: the figure.
        alt: alt text: what it shows.
        note: text below it.
        folded: why the page shows it only when asked to; empty where it does not.
        interactive: its interactive form (`plotting/interactive.py`); empty where it has none.
    """

    title: str
    drawing: Drawing
    alt: str
    note: str = ""
    folded: str = ""
    interactive: str = ""


def report_figures(
    ranked: Sequence[ResultRecord],
    table: RoutingTable,
    decisions: Mapping[str, np.ndarray],
    calls: Mapping[str, np.ndarray] = NO_CALLS,
) -> dict[str, ReportFigure]:
    """File name -> figure, in the page's order; `calls` are those before the decisions, of routers that ask twice."""
    first = trade_off(ranked, table)
    names = [record["router"] for record in ranked]
    costs = {name: values_of_calls(table.cost, decisions[name], calls.get(name)) for name in names}
    return {
        "frontier": ReportFigure(
            "Accuracy against cost",
            first.drawing(),
            "Accuracy against average cost for every router, policy and single candidate",
            interactive=interactive_json(first),
        ),
        **_answer_time_figure(ranked, table),
        **_score_figures(ranked, table),
        "candidates": ReportFigure(
            "Chosen candidates",
            shares_plot(ranked, table),
            "Share of samples on which every router chose every candidate; the table below has the same figures",
        ),
        "costs": ReportFigure(
            "Cost of single decisions",
            cost_plot(costs, simulated=table.simulated),
            "Histogram of the cost of single decisions, a row of cells per router",
            "Each row is a histogram: the percentage of a router's samples by what the chosen answer costs.",
        ),
    } | _calibration_figures(ranked, table)


def _score_figures(ranked: Sequence[ResultRecord], table: RoutingTable) -> dict[str, ReportFigure]:
    """Rank Score by dataset and by task group; of one alone the ranking says it all."""
    figures = {}
    for name, kind, parts, plot in (
        ("datasets", "dataset", ranked[0]["per_dataset"], dataset_plot),
        ("groups", "task group", ranked[0]["per_group"], group_plot),
    ):
        if len(parts) > 1:
            figures[name] = ReportFigure(
                f"Rank Score by {kind}", plot(ranked, table), f"Rank Score of every router on every {kind}"
            )
    return figures


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
                _why_folded(parts),
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


def _why_folded(parts: Mapping[str, ReliabilityRecord]) -> str:
    few = sum(part["num_samples"] < _FEW_SAMPLES for part in parts.values())
    return f"{few} of {len(parts)} panels have fewer than {_FEW_SAMPLES} samples" if few else ""

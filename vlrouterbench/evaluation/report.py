"""`report.html`: one file that needs no network, with tables, figures and examples.

Decisions
- Ranks are among what is evaluated but the oracle, which sees the answers; each with its range over paired resamples.
- Examples are those of the trained router with the best Rank Score.
- Published figures stand here beside the real benchmark only; elsewhere the page says why they do not.
- A figure is a title, a drawing and words for who cannot see it: one more is one more entry of `report_figures`. The
  same drawings become files for papers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.comparisons import compare
from vlrouterbench.evaluation.decisions import read_decisions
from vlrouterbench.evaluation.examples import DEAR, RIGHT, WRONG, Example, telling_examples
from vlrouterbench.evaluation.plots import cost_plot, dataset_plot, frontier_plot, group_plot, shares_plot
from vlrouterbench.evaluation.published import PUBLISHED_RESULTS, why_not_comparable
from vlrouterbench.evaluation.ranking import Rank, places_text, rank_routers
from vlrouterbench.evaluation.results import bounds_degenerate
from vlrouterbench.evaluation.tables import write_tables
from vlrouterbench.files import staged_file
from vlrouterbench.plotting.figures import Drawing
from vlrouterbench.plotting.page import render_page

REPORT_PAGE, FIGURES_FOLDER = "report.html", "figures"
_UNRANKED = "oracle"


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


def write_report(records: Sequence[dict[str, Any]], table: RoutingTable, out: Path) -> Path:
    """Write the page.

    Args:
        records: as in `results.json`.
        table: the scored samples.
        out: folder of the evaluation, which holds its `decisions.parquet`.
    """
    path = out / REPORT_PAGE
    page = render_report(records, table, read_decisions(out, table))
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")
    return path


def write_figures(records: Sequence[dict[str, Any]], table: RoutingTable, out: Path) -> list[Path]:
    """Write each figure of the page as SVG and PNG into `out/figures`; arguments as for `write_report`."""
    figures = report_figures(_ranked(records), table, read_decisions(out, table))
    return [path for name, figure in figures.items() for path in figure.drawing.write(out / FIGURES_FOLDER, name)]


def write_results_tables(records: Sequence[dict[str, Any]], table: RoutingTable, out: Path) -> list[Path]:
    """Write the table of results as Markdown and LaTeX; arguments as for `write_report`."""
    return write_tables(records, ranks_of_records(records, table, read_decisions(out, table)), out)


def render_report(records: Sequence[dict[str, Any]], table: RoutingTable, decisions: Mapping[str, np.ndarray]) -> str:
    """The page as text; names and questions from the data are escaped.

    Args:
        records: as in `results.json`.
        table: the scored samples.
        decisions: router -> places in the pool (num_samples,).
    """
    ranked, first = _ranked(records), records[0]
    ranks = ranks_of_records(records, table, decisions)
    best = next((r["router"] for r in ranked if r["router_config"]["kind"] == "router"), None)
    reason = why_not_comparable(table, first["split"])
    return render_page(
        "evaluation",
        REPORT_PAGE,
        records=ranked,
        first=first,
        report=table.report,
        pool=table.pool.candidates,
        per=SAMPLES_PER_COST_UNIT,
        degenerate=bounds_degenerate(table),
        comparisons=compare(ranked, ranks),
        places={name: places_text(rank.best, rank.worst) for name, rank in ranks.items()},
        figures=list(report_figures(ranked, table, decisions).values()),
        best=best,
        examples=_by_kind(telling_examples(table, decisions[best])) if best else {},
        published=() if reason else PUBLISHED_RESULTS,
        not_published=reason,
    )


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
    }


def ranks_of_records(
    records: Sequence[dict[str, Any]], table: RoutingTable, decisions: Mapping[str, np.ndarray]
) -> dict[str, Rank]:
    """Router -> rank among all but the oracle; arguments as for `render_report`."""
    names = [r["router"] for r in records if r["router_config"].get("name") != _UNRANKED]
    first = records[0]
    return rank_routers(table, {name: decisions[name] for name in names}, seed=first["seed"], beta=first["beta"])


def _ranked(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: -record["rank_score"])


def _by_kind(examples: Sequence[Example]) -> dict[str, list[Example]]:
    kinds = {kind: [example for example in examples if example.kind == kind] for kind in (RIGHT, WRONG, DEAR)}
    return {kind: chosen for kind, chosen in kinds.items() if chosen}

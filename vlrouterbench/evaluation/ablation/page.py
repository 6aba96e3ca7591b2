"""An ablation as a page with plots and as a table in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.core.files import staged_file
from vlrouterbench.core.output_text import markdown_text
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.ablation.over_splits import COLUMNS, splits_cells, splits_title
from vlrouterbench.evaluation.ablation.records import AblationRecord, ablation_rows, split_note
from vlrouterbench.evaluation.paired import ORACLE
from vlrouterbench.evaluation.tables import markdown_rows
from vlrouterbench.evaluation.view import headings, results_caption
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, shortened, svg_text, titled
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.page import render_page
from vlrouterbench.plotting.trade_off import Mark, TradeOff

ABLATION_PAGE = "ablation.html"
_COLUMNS = ("accuracy", "cost", "rank_score", "interval", "difference", "difference_interval")


def write_ablation_page(content: AblationRecord, table: RoutingTable, path: Path) -> None:
    """Write the page; names from the data are escaped.

    Args:
        content: the content of `ablation.json`.
        table: the benchmark.
        path: file to write.
    """
    settings = settings_figure(content)
    page = render_page(
        "evaluation.ablation",
        ABLATION_PAGE,
        content=content,
        report=table.report,
        headings=_headings(content),
        rows=_cells(content),
        splits=_splits_section(content),
        note=split_note(content["split"]),
        difference_svg=difference_plot(content),
        frontier_svg=settings.drawing().svg(),
        interactive=interactive_json(settings),
    )
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")


def ablation_markdown(content: AblationRecord) -> str:
    """The table in Markdown, with a line above it that says what it is about."""
    about = (
        f"{content['router']} by {content['axis']}: {results_caption(content)}, seed {content['seed']}. "
        "Differences are paired, with 95 % intervals."
    )
    if note := split_note(content["split"]):
        about = f"{about} {note}"
    head, rows = map(markdown_text, _headings(content)), [map(markdown_text, cells) for _, cells in _cells(content)]
    return f"{markdown_text(about)}\n\n{markdown_rows(list(head), rows)}{_splits_markdown(content)}"


def _splits_markdown(content: AblationRecord) -> str:
    record = content.get("over_splits")
    if record is None:
        return ""
    rows = [map(markdown_text, cells) for cells in splits_cells(record)]
    return f"\n{splits_title(record, content['split'])}.\n\n{markdown_rows([content['axis'], *COLUMNS], rows)}"


def _splits_section(content: AblationRecord) -> Mapping[str, Any] | None:
    record = content.get("over_splits")
    if record is None:
        return None
    return {
        "title": splits_title(record, content["split"]),
        "headings": [content["axis"], *COLUMNS],
        "rows": splits_cells(record),
    }


def _headings(content: AblationRecord) -> list[str]:
    base = content["base"]
    figures = headings(_COLUMNS, difference=f"versus {base}", difference_interval=f"versus {base}, 95 %")
    return [content["axis"], "Rank Score on validation", *figures]


def _cells(content: AblationRecord) -> list[tuple[str, list[str]]]:
    """Kind and cells of every row."""
    return [(row.kind, [row.name, validation, *row.cells(_COLUMNS)]) for row, validation in ablation_rows(content)]


def difference_plot(content: AblationRecord) -> str:
    """Difference of Rank Score from the base setting with 95 % intervals, a line per setting."""
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    rows = [row for row in content["rows"] if row["setting"] not in ("oracle", content["base"])][::-1]
    figure = LaidOutFigure(8.2, 1.6 + 0.42 * len(rows))
    axes = figure.add_subplot()
    middle = np.array([row["vs_base"]["rank_score"] for row in rows])
    spans = np.array([row["vs_base"]["ci95"] for row in rows]).T
    colours = [VERMILION if row["kind"] == "router" else BLUE for row in rows]
    for index, colour in enumerate(colours):
        reach = np.maximum(0, [[middle[index] - spans[0, index]], [spans[1, index] - middle[index]]])
        axes.errorbar(middle[index], index, xerr=reach, fmt="o", color=colour, elinewidth=1.2, capsize=3)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(range(len(rows)), [shortened(row["setting"]) for row in rows], parse_math=False)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"Rank Score versus {shortened(content['base'])}, 95 % intervals", parse_math=False)
    axes.grid(axis="x", alpha=0.25)
    title = titled(f"{content['router']} by {content['axis']}", simulated=content["benchmark"]["simulated"])
    axes.set_title(title, parse_math=False)
    return svg_text(figure, title)


def settings_figure(content: AblationRecord) -> TradeOff:
    """Accuracy against average cost of every setting, and of the oracle, which the frontier leaves out."""
    marks = [
        Mark(
            row["setting"],
            "router" if row["kind"] == "router" else "policy",
            row["accuracy"],
            row["average_cost_usd"],
            attainable=row["setting"] != ORACLE,
        )
        for row in content["rows"]
    ]
    title = titled(f"Accuracy against cost by {content['axis']}", simulated=content["benchmark"]["simulated"])
    return TradeOff(title, marks)

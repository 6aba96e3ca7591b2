"""An ablation as a page with plots and as a table in Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.files import staged_file
from vlrouterbench.core.simulated import marked
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.plotting.figures import (
    BLUE,
    GREY,
    VERMILION,
    label_points,
    log_cost_axis,
    shortened,
    svg_text,
    titled,
)
from vlrouterbench.plotting.page import render_page

ABLATION_PAGE = "ablation.html"


def write_ablation_page(content: dict[str, Any], table: RoutingTable, path: Path) -> None:
    """Write the page; names from the data are escaped.

    Args:
        content: as `ablation.json` holds it.
        table: the benchmark.
        path: file to write.
    """
    page = render_page(
        "evaluation.ablation",
        ABLATION_PAGE,
        content=content,
        report=table.report,
        per=SAMPLES_PER_COST_UNIT,
        difference_svg=difference_plot(content),
        frontier_svg=setting_plot(content),
    )
    with staged_file(path) as staging:
        staging.write_text(page, encoding="utf-8")


def ablation_markdown(content: dict[str, Any]) -> str:
    """The table in Markdown, with what it is about above it."""
    data = marked(content["benchmark"]["name"], simulated=content["benchmark"]["simulated"])
    lines = [
        f"{content['router']} by {content['axis']}: {data}, {content['split']} split, "
        f"{content['num_samples']:,} samples, seed {content['seed']}. Differences are paired, with 95 % intervals.",
        "",
        f"| {content['axis']} | validation | accuracy % | $/10K | Rank Score | 95 % | vs {content['base']} | 95 % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        low, high = row["ci95"]["rank_score"]
        less, more = row["vs_base"]["ci95"]
        cells = (
            row["setting"],
            f"{row['validation_rank_score']:.2f}" if "validation_rank_score" in row else "-",
            f"{100 * row['accuracy']:.2f}",
            f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}",
            f"{row['rank_score']:.2f}",
            f"{low:.1f} to {high:.1f}",
            *_difference(row, content["base"], less, more),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def difference_plot(content: dict[str, Any]) -> str:
    """Difference of Rank Score from the base setting with 95 % intervals, a line per setting."""
    from matplotlib.figure import Figure

    rows = [row for row in content["rows"] if row["setting"] not in ("oracle", content["base"])][::-1]
    figure = Figure(figsize=(8.2, 1.6 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    middle = np.array([row["vs_base"]["rank_score"] for row in rows])
    spans = np.array([row["vs_base"]["ci95"] for row in rows]).T
    colours = [VERMILION if row["kind"] == "router" else BLUE for row in rows]
    for place, colour in enumerate(colours):
        reach = np.maximum(0, [[middle[place] - spans[0, place]], [spans[1, place] - middle[place]]])
        axes.errorbar(middle[place], place, xerr=reach, fmt="o", color=colour, elinewidth=1.2, capsize=3)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(range(len(rows)), [shortened(row["setting"]) for row in rows], parse_math=False)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"Rank Score against {shortened(content['base'])}, 95 % intervals", parse_math=False)
    axes.grid(axis="x", alpha=0.25)
    title = titled(f"{content['router']} by {content['axis']}", simulated=content["benchmark"]["simulated"])
    axes.set_title(title, parse_math=False)
    return svg_text(figure, title)


def setting_plot(content: dict[str, Any]) -> str:
    """Accuracy against average cost of every setting."""
    from matplotlib.figure import Figure

    rows = [row for row in content["rows"] if row["setting"] != "oracle"]
    figure = Figure(figsize=(8.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    labels = []
    for row in rows:
        colour = VERMILION if row["kind"] == "router" else BLUE
        point = (row["average_cost_usd"] * SAMPLES_PER_COST_UNIT, row["accuracy"] * 100)
        axes.scatter(*point, color=colour, s=28)
        labels.append((shortened(row["setting"]), point, colour))
    log_cost_axis(axes, f"average cost, USD per {SAMPLES_PER_COST_UNIT:,} samples (log scale)")
    axes.set_ylabel("accuracy, %")
    title = titled(f"Accuracy against cost by {content['axis']}", simulated=content["benchmark"]["simulated"])
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.25)
    axes.margins(0.12)
    label_points(axes, labels)
    return svg_text(figure, title)


def _difference(row: dict[str, Any], base: str, less: float, more: float) -> tuple[str, str]:
    if row["setting"] == base:
        return "-", "-"
    return f"{row['vs_base']['rank_score']:+.2f}", f"{less:+.1f} to {more:+.1f}"

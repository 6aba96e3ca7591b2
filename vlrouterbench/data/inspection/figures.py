"""Figures of a benchmark: accuracy and cost, agreement, who solves what, lengths of answers, what was left out.

Decisions
- Candidates stand in the pool's order everywhere, so that one figure can be read against another.
- A logarithmic scale has no zero: a candidate without a mean cost above zero is not drawn, and the page names it. An
  answer of no tokens is counted with those of one.
- Histograms share one scale and show shares, so that candidates measured on different numbers of samples compare.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.data.summary import BenchmarkSummary, CandidateSummary
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.plotting.figures import BLUE, heat_map, shortened, svg_text, titled
from vlrouterbench.plotting.trade_off import Mark, TradeOff

_BINS = 24
_HISTOGRAMS_PER_ROW = 3
_MOST_HISTOGRAMS = 24
_MOST_BAR_LABELS = 30


def can_be_drawn(candidate: CandidateSummary) -> bool:
    """Whether a candidate is drawn in `candidates_figure`: it has an accuracy, and a mean cost above zero."""
    return candidate["accuracy"] is not None and bool(candidate["average_cost_usd"])


def candidates_figure(summary: BenchmarkSummary) -> TradeOff | None:
    """Accuracy against mean cost, a point for every candidate that can be drawn; None where there is none."""
    marks = [
        Mark(c["name"], "candidate", c["accuracy"], c["average_cost_usd"])
        for c in summary["per_candidate"]
        if can_be_drawn(c) and c["average_cost_usd"] is not None and c["accuracy"] is not None
    ]
    title = titled("Candidates: accuracy against cost", simulated=summary["simulated"])
    return TradeOff(title, marks, cost="mean cost") if marks else None


def candidates_plot(summary: BenchmarkSummary) -> str:
    """The static form of `candidates_figure` as SVG; empty where there is nothing to draw."""
    figure = candidates_figure(summary)
    return figure.drawing().svg() if figure else ""


def accuracy_plot(summary: BenchmarkSummary) -> str:
    """Accuracy of every candidate on every dataset."""
    names = [c["name"] for c in summary["per_candidate"]]
    values = [[part["accuracy"][name] for part in summary["per_dataset"]] for name in names]
    return heat_map(
        100 * np.array(values, dtype=float),
        rows=names,
        columns=[f"{shortened(part['dataset'])} ({part['samples']:,})" for part in summary["per_dataset"]],
        title=titled("Accuracy by dataset (samples)", simulated=summary["simulated"]),
        label="accuracy, %",
    )


def agreement_plot(summary: BenchmarkSummary) -> str:
    """Share of common samples on which two candidates are both right or both wrong."""
    names = list(summary["agreement"])
    values = 100 * np.array([[summary["agreement"][a][b] for b in names] for a in names], dtype=float)
    between = values[~np.eye(len(names), dtype=bool)]
    measured = between[np.isfinite(between)]
    # The scale spans what pairs reach, in tens, so that they can be told apart: with itself every candidate agrees.
    low, high = (
        (10 * np.floor(measured.min() / 10), 10 * np.ceil(measured.max() / 10)) if measured.size else (0.0, 100.0)
    )
    return heat_map(
        values,
        rows=names,
        columns=names,
        title=titled("Pairwise agreement", simulated=summary["simulated"]),
        label="agreement of a pair, %",
        bounds=(min(low, high - 10), high),
    )


def solvers_plot(summary: BenchmarkSummary) -> str:
    """How many samples 0, 1, ... all candidates get right."""
    from matplotlib.ticker import MaxNLocator

    from vlrouterbench.plotting.laid_out import LaidOutFigure

    title = titled("How many candidates solve a sample", simulated=summary["simulated"])
    counts = summary["solver_counts"]
    figure = LaidOutFigure(9.0, 3.8)
    axes = figure.add_subplot()
    bars = axes.bar(range(len(counts)), counts, color=BLUE, width=0.8)
    if len(counts) <= _MOST_BAR_LABELS:
        axes.bar_label(bars, [f"{count:,}" for count in counts], fontsize=9, padding=2)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=_MOST_BAR_LABELS, integer=True))
    axes.set_xlim(-0.7, len(counts) - 0.3)
    axes.set(xlabel="candidates that get the sample right", ylabel="samples")
    axes.margins(y=0.12)
    axes.set_title(title)
    return svg_text(figure, title)


def tokens_plot(table: RoutingTable) -> str:
    """A histogram of output tokens for every candidate, all on one logarithmic scale."""
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    part = f", the first {_MOST_HISTOGRAMS} of {len(table.pool)}" if len(table.pool) > _MOST_HISTOGRAMS else ""
    title = titled(f"Output tokens per answer{part}", simulated=table.simulated)
    tokens = np.maximum(table.matrices["output_tokens"], 1)
    bins = np.geomspace(1, tokens[np.isfinite(tokens)].max(initial=2.0), _BINS + 1)
    shown = table.pool.names[:_MOST_HISTOGRAMS]
    rows = -(-len(shown) // _HISTOGRAMS_PER_ROW)
    figure = LaidOutFigure(9.0, 0.9 + 1.15 * rows)
    grid = figure.subplots(rows, _HISTOGRAMS_PER_ROW, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name, column in zip(grid, shown, tokens.T, strict=False):
        measured = column[np.isfinite(column)]
        axes.set_title(shortened(name), fontsize=9, parse_math=False)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.tick_params(labelsize=9, labelbottom=True)
        if measured.size:
            axes.hist(measured, bins=bins, weights=np.full(measured.size, 100 / measured.size), color=BLUE)
            axes.axvline(np.median(measured), color="black", linewidth=1.2)
        else:
            axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", va="center", fontsize=9)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    figure.suptitle(title)
    figure.supxlabel("output tokens (log scale), the line at the median", fontsize=10)
    figure.supylabel("share of answers, %", fontsize=10)
    return svg_text(figure, title)


def left_out_plot(summary: BenchmarkSummary) -> str:
    """How many entries were left out, by reason."""
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    title = titled("Left out, by reason", simulated=summary["simulated"])
    reasons: Sequence[tuple[str, int]] = list(summary["left_out"].items())
    figure = LaidOutFigure(9.0, 1.2 + 0.38 * len(reasons))
    axes = figure.add_subplot()
    bars = axes.barh([reason for reason, _ in reasons], [count for _, count in reasons], color=BLUE, height=0.7)
    axes.bar_label(bars, [f"{count:,}" for _, count in reasons], fontsize=9, padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("entries")
    axes.set_title(title)
    return svg_text(figure, title)

"""Figures of calibration: reliability by candidate and by dataset, and risk over coverage.

Decisions
- A panel per candidate or dataset: seventeen curves over each other cannot be distinguished. A panel's title has its
  name, its error and its number of samples, so that no curve needs a legend.
- A point's area is proportional to the number of samples in its bin: a point far from the diagonal may be one sample.
- Curves of several routers differ by colour and by line style, and are named in a legend: a name along a curve would
  cover it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from vlrouterbench.evaluation.records import ReliabilityRecord, ResultRecord
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, Drawing, shortened, titled

_COLUMNS = 4
_LARGEST_POINT = 60.0
_MARGIN = (-0.05, 1.05)
_LINES = ("-", "--", "-.", ":")


def reliability_plot(title: str, parts: Mapping[str, ReliabilityRecord], *, simulated: bool) -> Drawing:
    """Mean outcome against mean estimate over bins, a panel per part.

    Args:
        title: of the figure, unique on its page.
        parts: name -> reliability.
        simulated: whether the data are.
    """
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    columns = min(_COLUMNS, len(parts))
    rows = math.ceil(len(parts) / columns)
    figure = LaidOutFigure(max(4.0, 2.15 * columns + 0.4), 2.35 * rows + 0.7)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for panel, (name, part) in zip(panels, parts.items(), strict=False):
        counts, estimates, outcomes = np.array(part["bins"]).T
        panel.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, zorder=1)
        panel.plot(estimates, outcomes, color=BLUE, linewidth=0.8, alpha=0.5, zorder=2)
        panel.scatter(estimates, outcomes, s=_LARGEST_POINT * counts / counts.max() + 2, color=BLUE, zorder=3)
        panel.set_title(
            f"{shortened(name, 24)}\nECE {part['ece']:.3f}, n {part['num_samples']:,}", fontsize=9, parse_math=False
        )
        panel.set(xlim=_MARGIN, ylim=_MARGIN, xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
        panel.grid(alpha=0.25)
    for panel in panels[len(parts) :]:
        panel.set_axis_off()
    figure.supxlabel("estimated accuracy", fontsize=10)
    figure.supylabel("measured accuracy", fontsize=10)
    marked = titled(title, simulated=simulated)
    figure.suptitle(marked, fontsize=11, parse_math=False)
    return Drawing(figure, marked)


def risk_coverage_plot(records: Sequence[ResultRecord], *, simulated: bool) -> Drawing:
    """Risk over coverage of every calibrated router, and its risk at full coverage.

    Args:
        records: of `results.json`; those without `calibration` are skipped.
        simulated: whether the data are.
    """
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(7.2, 4.4)
    axes = figure.add_subplot()
    curves = [(r["router"], r["calibration"]["risk_coverage"]) for r in records if r["calibration"] is not None]
    for index, (router, curve) in enumerate(curves):
        coverage, risk = 100 * np.array(curve).T
        colour, line = (VERMILION, BLUE)[index % 2], _LINES[index // 2 % len(_LINES)]
        name = shortened(router)
        axes.plot(coverage, risk, color=colour, linestyle=line, marker="o", markersize=3, label=name)
        axes.axhline(risk[-1], color=GREY, linewidth=0.8)
    axes.set(xlabel="coverage: % of samples with the highest estimates", ylabel="risk: % wrong", xlim=(0, 102))
    axes.set_ylim(bottom=0)
    title = titled("Risk over coverage", simulated=simulated)
    axes.set_title(title)
    axes.grid(alpha=0.25)
    for text in axes.legend(fontsize=9).get_texts():
        text.set_parse_math(False)
    return Drawing(figure, title)

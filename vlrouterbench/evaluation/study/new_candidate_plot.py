"""Learning curves of new candidates as a figure: Brier score against the number of anchor samples."""

from __future__ import annotations

from vlrouterbench.evaluation.study.new_candidate_curves import NewCandidateRow
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, svg_text, titled
from vlrouterbench.plotting.labels import PointLabel, label_points

BLACK = "#000000"
_WIDTH_FOR_NAMES = 4.5
"""The x axis goes on to so many times the last point."""


def new_candidate_plot(row: NewCandidateRow, *, simulated: bool) -> str:
    """The learning curves of one router as SVG.

    Args:
        row: of the part `new-candidates`.
        simulated: whether the benchmark is.
    """
    from matplotlib.ticker import NullFormatter, NullLocator

    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(8.2, 4.6)
    axes = figure.add_subplot()
    anchored = row.get("anchor_set", row["random"])
    counts = [entry["num_anchors"] for entry in anchored]
    curves = [
        ("mean of the anchor samples", GREY, "s--", [entry["constant_brier"] for entry in anchored]),
        ("joined by random anchor samples", BLUE, "^-", [entry["brier"] for entry in row["random"]]),
        ("trained on", BLACK, ":", [row["trained_on"]["brier"]] * len(counts)),
    ]
    if "anchor_set" in row:
        curves.insert(2, ("joined by the anchor set", VERMILION, "o-", [entry["brier"] for entry in row["anchor_set"]]))
    labels = []
    for name, colour, style, values in curves:
        axes.plot(counts, [100 * value for value in values], style, color=colour, markersize=5)
        labels.append(PointLabel(name, (counts[-1], 100 * values[-1]), colour))
    axes.set_xscale("log")
    # Names stand to the right of the last points, clear of the curves.
    axes.set_xlim(0.85 * counts[0], _WIDTH_FOR_NAMES * counts[-1])
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("anchor samples (log scale)")
    axes.set_ylabel("Brier score of the new candidate, %")
    title = titled(f"{row['router']}: estimates of a new candidate by its anchor samples", simulated=simulated)
    axes.set_title(title, parse_math=False)
    axes.grid(alpha=0.25)
    axes.margins(y=0.12)
    label_points(axes, labels)
    return svg_text(figure, title)

"""Figures of a report as SVG text: accuracy against cost, and Rank Score by dataset.

Decisions
- Drawn with matplotlib's object interface: no global state, no display, no fonts from elsewhere.
- Colours are the Okabe-Ito set, told apart by colour-blind readers, and every point is labelled in words. A label
  takes the first place beside its point where it covers no other.
- Names come from users: they are drawn as they are, never read as formulas.
- A simulated benchmark says so inside each figure: a figure travels without its page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vlrouterbench.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

POLICY_COLOUR, ROUTER_COLOUR, CANDIDATE_COLOUR = "#0072B2", "#D55E00", "#999999"
_MARKERS = {"policy": "s", "router": "o"}
_LABEL_PLACES = (
    (7, 5, "left"),
    (7, -12, "left"),
    (-7, 5, "right"),
    (-7, -12, "right"),
    (7, 17, "left"),
    (7, -24, "left"),
)
"""Offset in points and alignment of a label, the preferred first."""


def frontier_plot(records: Sequence[dict[str, Any]], table: RoutingTable) -> str:
    """Accuracy against average cost of every router and policy with 95 % intervals, single candidates in grey."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(8.2, 5.2), layout="constrained")
    axes = figure.add_subplot()
    labels: list[tuple[str, tuple[float, float], str]] = []
    cost, quality = table.cost.mean(axis=0) * SAMPLES_PER_COST_UNIT, table.quality.mean(axis=0) * 100
    axes.scatter(cost, quality, s=16, color=CANDIDATE_COLOUR, label="always one candidate", zorder=1)
    for kind, colour, label in (("policy", POLICY_COLOUR, "policy"), ("router", ROUTER_COLOUR, "trained router")):
        chosen = [r for r in records if r["router_config"]["kind"] == kind]
        if not chosen:
            continue
        x = np.array([r["average_cost_usd"] for r in chosen]) * SAMPLES_PER_COST_UNIT
        y = np.array([r["accuracy"] for r in chosen]) * 100
        spans = [np.array([r["ci95"][name] for r in chosen]).T for name in ("average_cost_usd", "accuracy")]
        wide, high = spans[0] * SAMPLES_PER_COST_UNIT, spans[1] * 100
        axes.errorbar(
            x,
            y,
            xerr=np.maximum(0, [x - wide[0], wide[1] - x]),
            yerr=np.maximum(0, [y - high[0], high[1] - y]),
            fmt=_MARKERS[kind],
            color=colour,
            label=label,
            elinewidth=0.8,
            zorder=2,
        )
        labels += [(r["router"], (px, py), colour) for r, px, py in zip(chosen, x, y, strict=True)]
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set(xlabel="average cost, USD per 10,000 samples (log scale)", ylabel="accuracy, %")
    axes.set_title(_title("Accuracy against cost", table))
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=9)
    _label_points(axes, labels)
    return _svg(figure)


def dataset_plot(records: Sequence[dict[str, Any]], table: RoutingTable) -> str:
    """Rank Score of every router on every dataset, as a heat map with its numbers."""
    from matplotlib.figure import Figure

    datasets = list(dict.fromkeys(name for r in records for name in r["per_dataset"]))
    values = np.array([[r["per_dataset"][name]["rank_score"] for name in datasets] for r in records])
    figure = Figure(figsize=(max(6.0, 1.8 + 0.72 * len(datasets)), 1.9 + 0.36 * len(records)), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(values, cmap="cividis", vmin=0, vmax=100, aspect="auto")
    counts = records[0]["per_dataset"]
    labels = [f"{name} ({counts[name]['num_samples']})" for name in datasets]
    axes.set_xticks(range(len(datasets)), labels, rotation=40, ha="right", fontsize=8, parse_math=False)
    axes.set_yticks(range(len(records)), [r["router"] for r in records], fontsize=9, parse_math=False)
    for row, column in np.ndindex(values.shape):
        colour = "black" if values[row, column] > 55 else "white"
        axes.text(column, row, f"{values[row, column]:.0f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_title(_title("Rank Score by dataset (samples)", table))
    figure.colorbar(shown, ax=axes, label="Rank Score", fraction=0.03)
    return _svg(figure)


def _label_points(axes: Axes, labels: Sequence[tuple[str, tuple[float, float], str]]) -> None:
    """Write (text, point, colour) beside each point, clear of other labels and points where a place is free."""
    axes.figure.draw_without_rendering()
    taken = [_around(axes.transData.transform(point)) for _, point, _ in labels]
    for own, (text, point, colour) in enumerate(labels):
        others = taken[:own] + taken[own + 1 :]
        for place, (right, up, align) in enumerate((*_LABEL_PLACES, _LABEL_PLACES[0])):
            note = axes.annotate(
                text,
                point,
                textcoords="offset points",
                xytext=(right, up),
                fontsize=9,
                color=colour,
                ha=align,
                parse_math=False,
            )
            box = note.get_window_extent()
            free = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1) and not box.count_overlaps(others)
            if free or place == len(_LABEL_PLACES):
                taken.append(box)
                break
            note.remove()


def _around(centre: np.ndarray, *, reach: float = 5.0) -> Bbox:
    """The box of a marker, in pixels."""
    from matplotlib.transforms import Bbox

    return Bbox([centre - reach, centre + reach])


def _title(text: str, table: RoutingTable) -> str:
    return f"{text}, simulated data" if table.simulated else text


def _svg(figure: Figure) -> str:
    """A figure as an SVG element whose ids are the same in every run and unlike those of other figures."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": figure.axes[0].get_title(), "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(
        r'(<svg[^>]*?) height="[^"]*"([^>]*?) width="[^"]*"',
        r"\1\2",
        re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2),
    )

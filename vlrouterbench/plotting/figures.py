"""What every figure shares: colours, heat maps, and becoming SVG text.

Decisions
- Drawn with matplotlib's object interface: no global state, no display, no fonts from elsewhere.
- Colours are the Okabe-Ito set and cividis, which colour-blind readers can tell apart; points are labelled in words and
  cells carry their numbers, so that no colour stands alone (`plotting/labels.py`).
- Names come from users: they are drawn as they are, never read as formulas.
- A simulated benchmark says so inside each figure: a figure travels without its page.
- An SVG scales with its page, but not below a width at which its letters can be read: there the page scrolls it.
- What a paper should take is a `Drawing`: it becomes SVG text for a page, or SVG and PNG files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vlrouterbench.core.files import staged_file
from vlrouterbench.core.output_text import figure_text
from vlrouterbench.core.simulated import SIMULATED_DATA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#999999"
_ON_LIGHT, _ON_DARK = "#0a0a0a", "#fefefe"
"""Letters on a cell, whose colours stay on a dark page: its style sheet turns black and white alone."""
_LIGHT_CELL = 0.47
"""Share of the colour scale above which black letters read better than white ones."""
_PIXELS_PER_POINT = 1.1
"""Smallest width of a figure on a page: letters of 9 points are 10 pixels high there."""
_LONGEST_NAME = 36
_LONGEST_TITLE = 100
_PNG_DPI = 200
_CARD_DPI = 120
"""Of a picture that a page of the Hub shows, some 1,000 pixels wide."""
_MOST_NUMBERS = 2_500
"""Cells up to which a heat map carries numbers: beyond, none could be read, and each of them costs memory."""
_LONGEST_SIDE = 20.0
"""Of a figure, in inches."""


@dataclass(frozen=True)
class Drawing:
    """A figure and its title, which tells it from the other figures of its page."""

    figure: Figure
    title: str

    def svg(self) -> str:
        """The figure as an SVG element (see `svg_text`)."""
        return svg_text(self.figure, self.title)

    def png(self) -> bytes:
        """The figure as PNG, the same in every run."""
        buffer = io.BytesIO()
        with _same_in_every_run(self.title):
            self.figure.savefig(buffer, format="png", dpi=_CARD_DPI, metadata={"Software": None})
        return buffer.getvalue()

    def write(self, folder: Path, name: str) -> list[Path]:
        """Write `name.svg` and `name.png` (200 dots per inch) into a folder and return their paths."""
        paths = [folder / f"{name}.{kind}" for kind in ("svg", "png")]
        for path in paths:
            with staged_file(path) as staging, _same_in_every_run(self.title):
                # Neither a date nor a version: the same records give the same file.
                metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
                self.figure.savefig(staging, format=path.suffix[1:], dpi=_PNG_DPI, metadata=metadata)
        return paths


def titled(text: str, *, simulated: bool) -> str:
    """A figure's title, which says what its data are."""
    title = shortened(text, _LONGEST_TITLE)
    return f"{title}, {SIMULATED_DATA}" if simulated else title


def shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name that leaves space for the figure, in one line; it stands in full in the page's tables."""
    name = figure_text(name[: 4 * longest])
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def log_cost_axis(axes: Axes, label: str) -> None:
    """A logarithmic x axis with ticks at 1, 2 and 5, in plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)


def draw_heat_map(
    values: np.ndarray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    label: str,
    bounds: tuple[float, float] = (0.0, 100.0),
) -> Drawing:
    """A heat map with its numbers; one of more than _MOST_NUMBERS cells has colours alone.

    Args:
        values: (num_rows, num_columns); NaN is an empty cell with a dash.
        rows: names, the first at the top.
        columns: names, the first at the left.
        title: of the figure, unlike any other on its page.
        label: what the colours mean.
        bounds: values at the two ends of the colour scale.
    """
    from vlrouterbench.plotting.laid_out import LaidOutFigure

    figure = LaidOutFigure(_between(6.0, 2.2 + 0.58 * len(columns)), _between(2.6, 1.9 + 0.32 * len(rows)))
    axes = figure.add_subplot()
    cells = axes.imshow(values, cmap="cividis", vmin=bounds[0], vmax=bounds[1], aspect="auto")
    axes.set_xticks(range(len(columns)), map(shortened, columns), rotation=40, ha="right", fontsize=9, parse_math=False)
    axes.set_yticks(range(len(rows)), map(shortened, rows), fontsize=9, parse_math=False)
    light = bounds[0] + _LIGHT_CELL * (bounds[1] - bounds[0])
    for row, column in np.ndindex(values.shape) if values.size <= _MOST_NUMBERS else ():
        value = values[row, column]
        measured = np.isfinite(value)
        # An empty cell has the page's colour, so that its dash turns with the page.
        colour = "black" if not measured else _ON_DARK if value <= light else _ON_LIGHT
        number = axes.text(column, row, f"{value:.0f}" if measured else "-", ha="center", va="center", fontsize=9)
        number.set(color=colour, in_layout=False)  # within the axes: measuring it changes nothing
    axes.set_title(title, parse_math=False)
    figure.colorbar(cells, ax=axes, label=label, fraction=0.03)
    return Drawing(figure, title)


def _between(least: float, inches: float) -> float:
    """A side of a figure: no longer than a page can show."""
    return min(max(least, inches), _LONGEST_SIDE)


def heat_map(values: np.ndarray, **how: Any) -> str:
    """A heat map as SVG text; arguments as for `draw_heat_map`."""
    return draw_heat_map(values, **how).svg()


def svg_text(figure: Figure, title: str) -> str:
    """A figure as an SVG element whose ids are the same in every run and unlike those of other figures.

    Args:
        figure: the drawing.
        title: what tells it from the other figures of its page.
    """
    buffer = io.StringIO()
    with _same_in_every_run(title):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    least = round(_PIXELS_PER_POINT * 72 * figure.get_figwidth())
    return re.sub(r' (width|height)="[\d.]+pt"', "", text, count=2).replace(
        "<svg", f'<svg style="min-width: {least}px"', 1
    )


def _same_in_every_run(title: str) -> AbstractContextManager[None]:
    """Ids of an SVG that follow from the figure's title, and letters as paths."""
    import matplotlib

    return matplotlib.rc_context({"svg.hashsalt": title, "svg.fonttype": "path"})

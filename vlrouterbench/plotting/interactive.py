"""The interactive form of a figure of accuracy against cost: what a page embeds, drawn by BokehJS.

Decisions
- A kept library draws it: Bokeh, BSD-licensed, whose script is embedded whole from the installed package, so that the
  page asks for nothing. It is part of the core: the same command then writes the same page everywhere, and its 32 MB
  are little beside PyTorch. MathJax, widgets and tables, which no figure needs, stay out: 1.3 MB in all.
- Names from the data are in one JSON block and nowhere else. It is no script, it has no "<", and BokehJS writes its
  texts on a canvas, and escaped in what it shows beside the pointer.
- The only scripts are the library's own text and our starter (`templates/interactive.js`); the page's policy allows
  these two by their digests, and no request. Without scripts, and on paper, the static form stands in its place.
- Light and dark are two descriptions of the same figure, of which the starter takes the one that the screen asks for.
  Bokeh describes it once, in colours that stand for those of either scheme: that is most of what the figure costs.
- The starter places names anew at every zoom, so that they never cover each other; more appear where there is space.
- Identifiers are numbered from 1 within a figure: the same records give the same page.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vlrouterbench.core.output_text import figure_text
from vlrouterbench.plotting.figures import shortened
from vlrouterbench.plotting.schemes import COLOUR_COLUMN, SCHEMES, STAND_INS, Colours, recoloured
from vlrouterbench.plotting.trade_off import FRONTIER, KINDS, Kind, Mark, TradeOff, whiskers

if TYPE_CHECKING:
    from bokeh.plotting import figure as Plot

_LIBRARY = Path("server", "static", "js", "bokeh.min.js")
_STARTER = Path(__file__).parent / "templates" / "interactive.js"
_FONT = "system-ui, sans-serif"
_HEIGHT = 460
_LONGEST_NAME = 200
_MARKERS: Mapping[Kind, tuple[str, int]] = {
    "router": ("circle", 10),
    "policy": ("square", 9),
    "candidate": ("circle", 6),
}


class Scripts(NamedTuple):
    """What a page with interactive figures runs, and nothing else.

    Attributes:
        texts: of the script elements.
        policy: sources of scripts for the page's Content-Security-Policy.
    """

    texts: tuple[str, ...]
    policy: str


NO_SCRIPTS = Scripts((), "'none'")


@functools.cache
def scripts() -> Scripts:
    """The library's own text and the starter, with their digests."""
    import bokeh

    library = Path(bokeh.__file__).parent / _LIBRARY
    texts = tuple(path.read_text(encoding="utf-8") for path in (library, _STARTER))
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return Scripts(texts, " ".join(f"'sha256-{digest}'" for digest in digests))


def interactive_json(trade_off: TradeOff) -> str:
    """Both schemes of the figure as JSON that may stand within a script element of that type."""
    item = _item(trade_off, STAND_INS)
    items = {
        name: recoloured(item, dict(zip(STAND_INS.all(), colours.all(), strict=True)))
        for name, colours in SCHEMES.items()
    }
    dumped = json.dumps(items, allow_nan=False, separators=(",", ":"))
    return dumped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _item(trade_off: TradeOff, colours: Colours) -> dict[str, Any]:
    """The figure in some colours, as `Bokeh.embed.embed_item` takes it."""
    from bokeh.embed import json_item

    item = json.loads(json.dumps(json_item(_plot(trade_off, colours))))
    return _renumbered({"doc": item["doc"], "root_id": item["root_id"]}, {}, itertools.count(1))


def _renumbered(value: Any, known: dict[str, str], numbers: itertools.count[int]) -> Any:
    """The same structure with identifiers of models numbered as they come."""
    if isinstance(value, list):
        return [_renumbered(one, known, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for key, one in value.items():
        if key in ("id", "root_id") and isinstance(one, str):
            if one not in known:
                known[one] = f"m{next(numbers)}"
            renamed[key] = known[one]
        else:
            renamed[key] = _renumbered(one, known, numbers)
    return renamed


def _plot(trade_off: TradeOff, colours: Colours) -> Plot:
    from bokeh.models import HoverTool, Range1d
    from bokeh.models.annotations import Title
    from bokeh.plotting import figure

    costs, heights = _ranges(trade_off)
    plot = figure(
        # Given and not found by the page: that would find them anew whenever names are placed.
        x_range=Range1d(start=costs[0], end=costs[1]),
        y_range=Range1d(start=heights[0], end=heights[1]),
        x_axis_type="log" if trade_off.logarithmic else "linear",
        x_axis_label=trade_off.cost_label.replace(" samples", ""),  # a phone is narrow
        y_axis_label="accuracy, %",
        sizing_mode="stretch_width",
        height=_HEIGHT,
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_drag="box_zoom",
        toolbar_location="below",
        title=Title(text=trade_off.title, text_color=colours.ink, text_font=_FONT, text_font_size="12px"),
    )
    corners = trade_off.steps()
    plot.line(*corners.T.tolist(), line_dash="dashed", line_width=1.5, line_color=colours.line, legend_label=FRONTIER)
    drawn = [
        _draw_kind(plot, kind, meaning, marks, colours.kinds[kind])
        for kind, meaning in KINDS.items()
        if (marks := trade_off.of_kind(kind))
    ]
    # `@` asks for a column, whose text BokehJS escapes.
    tooltips = [("", "@name"), ("accuracy", "@accuracy"), ("cost", "@cost")]
    plot.add_tools(HoverTool(renderers=drawn, tooltips=tooltips))
    _add_names(plot, trade_off, colours)
    _style(plot, colours)
    return plot


def _ranges(trade_off: TradeOff) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where the axes begin and end: all marks, intervals and curves, with a margin."""
    marks = trade_off.marks
    points = np.array([mark.point for mark in marks])
    left, right, down, up = np.array([whiskers(mark) for mark in marks]).T
    curves = np.vstack([mark.curve_points() for mark in marks])
    costs = np.concatenate([points[:, 0] - left, points[:, 0] + right, curves[:, 0]])
    heights = np.concatenate([points[:, 1] - down, points[:, 1] + up, curves[:, 1]])
    low, high = float(heights.min()), float(heights.max())
    margin = 0.06 * (high - low) or 1.0
    if trade_off.logarithmic:
        first, last = np.log(costs[costs > 0].min()), np.log(costs.max())
        wider = 0.06 * (last - first) or 0.5
        return (float(np.exp(first - wider)), float(np.exp(last + wider))), (low - margin, high + margin)
    first, last = float(costs.min()), float(costs.max())
    wider = 0.06 * (last - first) or 1.0
    return (first - wider, last + wider), (low - margin, high + margin)


def _draw_kind(plot: Plot, kind: Kind, meaning: str, marks: Sequence[Mark], colour: str) -> Any:
    """Marks with intervals and curves, all hidden by one entry of the legend; returns the renderer to point at."""
    for mark in marks:
        if len(mark.curve):
            x, y = mark.curve_points().T.tolist()
            plot.line(x, y, line_color=colour, line_alpha=0.7, line_width=1.3, legend_label=meaning)
    points = np.array([mark.point for mark in marks])
    reach = np.array([whiskers(mark) for mark in marks])
    (x, y), (left, right, down, up) = points.T, reach.T
    if reach.any():
        for x0, y0, x1, y1 in ((x - left, y, x + right, y), (x, y - down, x, y + up)):
            ends = dict(zip(("x0", "y0", "x1", "y1"), (v.tolist() for v in (x0, y0, x1, y1)), strict=True))
            plot.segment(**ends, line_color=colour, line_alpha=0.55, legend_label=meaning)
    shape, size = _MARKERS[kind]
    return plot.scatter(
        "x",
        "y",
        source={"x": x.tolist(), "y": y.tolist(), **_texts(marks)},
        marker=shape,
        size=size,
        color=colour,
        legend_label=meaning,
    )


def _texts(marks: Sequence[Mark]) -> dict[str, list[str]]:
    """What is shown beside the pointer."""
    columns: dict[str, list[str]] = {"name": [], "accuracy": [], "cost": []}
    for mark in marks:
        cost, accuracy = mark.point
        left, right, down, up = whiskers(mark)
        name = shortened(mark.name, _LONGEST_NAME)
        columns["name"].append(f"{name} ({KINDS[mark.kind]})")
        span = f" ({accuracy - down:.1f} to {accuracy + up:.1f})" if down or up else ""
        columns["accuracy"].append(f"{accuracy:.2f} %{span}")
        span = f" ({cost - left:.3g} to {cost + right:.3g})" if left or right else ""
        columns["cost"].append(f"{cost:.3g} USD per 10,000{span}")
    return columns


def _add_names(plot: Plot, trade_off: TradeOff, colours: Colours) -> None:
    """Names, empty until the starter places them, the ones that go first first."""
    from bokeh.core.properties import value

    marks = trade_off.by_importance()
    names = [figure_text(shortened(mark.name)) for mark in marks]
    x, y = np.array([mark.point for mark in marks]).T.tolist()
    source = {
        "x": x,
        "y": y,
        "name": names,
        "shown": [""] * len(marks),
        "right": [0] * len(marks),
        "up": [0] * len(marks),
        "align": ["left"] * len(marks),
        COLOUR_COLUMN: [colours.kinds[mark.kind] for mark in marks],
    }
    plot.text(
        "x",
        "y",
        text="shown",
        x_offset="right",
        y_offset="up",
        text_align="align",
        text_color=COLOUR_COLUMN,
        text_baseline="middle",
        text_font_size="12px",
        text_font=value(_FONT),  # a bare text is the name of a column
        source=source,
        name="names",
        level="annotation",
    )


def _style(plot: Plot, colours: Colours) -> None:
    """Ink on paper; the toolbar without a link to elsewhere."""
    from bokeh.models import BasicTickFormatter, FixedTicker, LogTicker

    plot.toolbar.logo = None
    plot.background_fill_color = plot.border_fill_color = colours.paper
    plot.outline_line_color = colours.grid
    plot.grid.grid_line_color = colours.grid
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = axis.minor_tick_line_color = colours.line
        axis.axis_label_text_color = axis.major_label_text_color = colours.ink
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font = axis.major_label_text_font = _FONT
        axis.axis_label_text_font_size, axis.major_label_text_font_size = "12px", "12px"
    plot.xaxis.formatter = BasicTickFormatter(use_scientific=False)
    if isinstance(plot.xaxis.ticker, LogTicker):
        plot.xaxis.ticker = FixedTicker(name="ticks")  # that the starter fills: Bokeh's own has powers of ten alone
    (legend,) = plot.legend
    legend.click_policy = "hide"
    legend.name, legend.orientation, legend.ncols = "legend", "horizontal", 4
    legend.background_fill_color, legend.border_line_color = colours.paper, None
    legend.label_text_color, legend.label_text_font = colours.ink, _FONT
    legend.label_text_font_size = "12px"
    plot.add_layout(legend, "below")

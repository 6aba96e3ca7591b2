"""Colours of the interactive figure on light and on dark screens.

Decisions
- A figure is described once, in colours that stand for those of either scheme: that is most of what it costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from vlrouterbench.plotting.trade_off import Kind

COLOUR_COLUMN = "colour"
"""Of a figure's data: the colour of each name."""


class Colours(NamedTuple):
    """Of one scheme."""

    ink: str
    line: str
    paper: str
    grid: str
    kinds: Mapping[Kind, str]

    def all(self) -> list[str]:
        """Every colour, in one order."""
        return [self.ink, self.line, self.paper, self.grid, *self.kinds.values()]


STAND_INS = Colours(
    "#000001", "#000002", "#000003", "#000004", {"router": "#000005", "policy": "#000006", "candidate": "#000007"}
)
"""None of them a default of Bokeh's, which it leaves out."""
SCHEMES = {
    "light": Colours(
        "#1b1f24", "#5f6770", "#ffffff", "#e3e7eb", {"router": "#B34E00", "policy": "#0072B2", "candidate": "#6b737c"}
    ),
    "dark": Colours(
        "#e7eaee", "#aab3bd", "#14181d", "#2a323a", {"router": "#F4893B", "policy": "#56B4E9", "candidate": "#aab3bd"}
    ),
}


def recoloured(value: Any, colours: Mapping[str, str], *, of_colour: bool = False) -> Any:
    """The same structure with other colours in its properties of colour and in the column of colours."""
    if isinstance(value, str):
        return colours.get(value, value) if of_colour else value
    if isinstance(value, dict):
        return {key: recoloured(one, colours, of_colour=of_colour or "color" in key) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    column = len(value) == 2 and value[0] == COLOUR_COLUMN
    return [recoloured(one, colours, of_colour=of_colour or column) for one in value]

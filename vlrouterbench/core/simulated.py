"""The words that mark simulated data: one wording for pages, cards, figures, tables and the terminal.

Decisions
- A mark stands in the title itself, since titles and figures are quoted without the page around them.
- Templates have `marked` as a filter and the words as globals (`plotting/page.py`, `cards/render.py`).
"""

from __future__ import annotations

SIMULATED_DATA = "simulated data"
SIMULATED_ROUTER = f"This router was trained on {SIMULATED_DATA}: it knows nothing about real models."


def marked(title: str, *, simulated: bool) -> str:
    """A title with "(simulated data)" after it where its data are simulated."""
    return f"{title} ({SIMULATED_DATA})" if simulated else title

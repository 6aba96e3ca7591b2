"""Pieces of HTML for the page; whatever comes from outside is escaped here and nowhere else.

Decisions
- Braces, dollar signs and backticks are escaped too: the page's library takes them for its own templates.
- Errors are shown without the places of files on the server.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.routers.base.decision import REFUSALS

VISITOR_ERRORS = (VLRouterBenchError, *REFUSALS)
"""What a visitor's input can cause; each is written to be read."""
_TEMPLATE = {ord(sign): f"&#{ord(sign)};" for sign in "{}$`"}
_LONGEST_MESSAGE = 600


def escaped(text: object) -> str:
    """Text that shows as it is, between tags and in attributes."""
    return html.escape(str(text), quote=True).translate(_TEMPLATE)


def message_of(error: Exception, places: Iterable[Path] = ()) -> str:
    """What a visitor reads of an error: its text, escaped, without the places of files on this machine.

    Args:
        error: one of VISITOR_ERRORS.
        places: folders whose path is not the visitor's business; a file in one keeps its name.
    """
    text = str(error)
    for place in sorted({str(place) for place in places}, key=len, reverse=True):
        text = re.sub(re.escape(place) + r"/([0-9a-f]{32,}/)?", "", text)
    return html.escape(text[:_LONGEST_MESSAGE], quote=False)


def usd_per_10k(usd: float | None) -> str:
    """A cost per sample in print, in USD per 10,000 samples."""
    return "-" if usd is None else f"{SAMPLES_PER_COST_UNIT * usd:.3g}"


def table(head: Sequence[str], rows: Iterable[str], *, caption: str) -> str:
    """A table with a caption for readers who cannot see it; rows are HTML."""
    cells = "".join(f'<th scope="col">{escaped(name)}</th>' for name in head)
    return (
        f'<div class="vrb-scroll" role="region" tabindex="0" aria-label="{escaped(caption)}"><table class="vrb-table">'
        f'<caption class="vrb-unseen">{escaped(caption)}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def row(cells: Iterable[str], *, kind: str = "") -> str:
    """A row of a table; the first cell names it, cells are HTML."""
    first, *others = cells
    mark = f' class="{kind}"' if kind else ""
    return f'<tr{mark}><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'

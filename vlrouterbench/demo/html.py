"""Pieces of HTML for the page; text from outside is escaped here and nowhere else.

Decisions
- Braces, dollar signs and backticks are escaped too: the page's library uses them in its own templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.output_text import markup_text

_TEMPLATE = {ord(sign): f"&#{ord(sign)};" for sign in "{}$`"}


def escaped(text: object) -> str:
    """Text that is shown literally, between tags and in attributes."""
    return markup_text(str(text)).translate(_TEMPLATE)


def usd_per_10k(usd: float | None) -> str:
    """A cost per sample as text, in USD per 10,000 samples."""
    return "-" if usd is None else f"{SAMPLES_PER_COST_UNIT * usd:.3g}"


def table(head: Sequence[str], rows: Iterable[str], *, caption: str) -> str:
    """A table with a caption for screen readers; rows are HTML."""
    cells = "".join(f'<th scope="col">{escaped(name)}</th>' for name in head)
    return (
        f'<div class="vrb-scroll" role="region" tabindex="0" aria-label="{escaped(caption)}"><table class="vrb-table">'
        f'<caption class="vrb-unseen">{escaped(caption)}</caption>'
        f"<thead><tr>{cells}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def row(cells: Iterable[str], *, kind: str = "") -> str:
    """A row of a table; the first cell is its header, cells are HTML."""
    first, *others = cells
    mark = f' class="{kind}"' if kind else ""
    return f'<tr{mark}><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'

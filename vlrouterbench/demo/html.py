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


def shortened_words(text: str, most: int) -> str:
    """Text of at most `most` characters, cut between words where it is longer, with an ellipsis in the cut's place."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    kept = text[:most]  # the last sign is the ellipsis's
    begun = kept.rsplit(" ", 1)[0] if " " in kept else kept[:-1]
    return f"{begun.rstrip(' ,;:')}…"


def middle_cut(text: str, most: int) -> str:
    """As `shortened_words`, without the middle of a longer text: questions that begin alike differ at their end."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    end = text[-(most * 3 // 5) :]
    end = end.split(" ", 1)[1] if " " in end else end
    return f"{shortened_words(text, most - len(end) - 1)} {end}"


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

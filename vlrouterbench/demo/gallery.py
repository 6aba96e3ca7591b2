"""A page of samples as tiles: the image in small or its question, and whether the router was right.

Decisions
- A tile is a plain button that names its sample, so that the keyboard and screen readers reach each.
- A long question is shown without its middle: questions of one source often begin alike.
- Only the page that is shown is made: a benchmark of any size costs a page of small images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.demo.exploring import Explorer, Filter
from vlrouterbench.demo.html import escaped, middle_cut

TILES = 24
_PIXELS = 128
_TILE_WORDS, _LABEL_WORDS = 90, 160
_MARKS = {"right": "✓", "wrong": "✗", "none right": "∅"}


@dataclass(frozen=True)
class GalleryPage:
    """A page of the samples that pass a filter.

    Attributes:
        rows: of the explorer's table, at most TILES, in order.
        number, count: of the page, from 1 on, and of all pages; (1, 1) where nothing passes.
        total: samples that pass.
    """

    rows: np.ndarray
    number: int
    count: int
    total: int


def page_of(explorer: Explorer, chosen: Filter, number: int) -> GalleryPage:
    """The page with a number, the nearest where there is none of it."""
    rows = explorer.rows(chosen)
    count = max(1, -(-rows.size // TILES))
    number = min(max(1, number), count)
    return GalleryPage(rows[(number - 1) * TILES : number * TILES], number, count, rows.size)


def gallery_html(explorer: Explorer, page: GalleryPage) -> str:
    """The tiles of a page, the first one marked as the one that is shown."""
    if not page.total:
        return '<p class="vrb-card" role="status">No sample passes these filters.</p>'
    tiles = [
        _tile(explorer, int(row), address, is_shown=not place)
        for place, (row, address) in enumerate(zip(page.rows, explorer.thumbnails(page.rows, _PIXELS), strict=True))
    ]
    return f'<div class="vrb-gallery" role="group" aria-label="Samples">{"".join(tiles)}</div>'


def count_html(explorer: Explorer, page: GalleryPage) -> str:
    """How many samples pass; screen readers announce it."""
    shown = f"{page.total:,} of {len(explorer.table):,} samples"
    return f'<p class="vrb-count" role="status"><strong>{shown}</strong>, page {page.number:,} of {page.count:,}</p>'


def _tile(explorer: Explorer, row: int, address: str, *, is_shown: bool) -> str:
    words, right = explorer.table.samples["question"][row].as_py(), explorer.right_of(row)
    outcome = "none right" if not right.any() else "right" if right[explorer.decisions[row]] else "wrong"
    label = f"{outcome}: {middle_cut(words, _LABEL_WORDS)}"
    inside = f'<img src="{address}" alt="">' if address else f"<span>{escaped(middle_cut(words, _TILE_WORDS))}</span>"
    kind = {"right": "vrb-tile-right", "wrong": "vrb-tile-wrong"}.get(outcome, "")
    return (
        f'<button type="button" class="vrb-tile {kind}" data-row="{row}" title="{escaped(label)}" '
        f'aria-label="{escaped(label)}" aria-pressed="{"true" if is_shown else "false"}">{inside}'
        f'<b aria-hidden="true">{_MARKS[outcome]}</b></button>'
    )

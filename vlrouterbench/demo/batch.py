"""The Batch tab's work: uploaded files -> decisions under the page's limits, and what the page shows of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.demo.controls import Preference
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.html import escaped, row, table, usd_per_10k
from vlrouterbench.demo.images import ImageArchive
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.limits import LIMITS, Limits
from vlrouterbench.routing.options import Progress, RoutingOptions
from vlrouterbench.routing.question_table import read_questions
from vlrouterbench.routing.route_table import route_table
from vlrouterbench.routing.routed_table import RoutedTable
from vlrouterbench.routing.when_unfamiliar import NOTHING

_MOST_LISTED = 200
_PREVIEWED, _SHORT = 5, 60
"""Rows of a table that are shown, and characters of a cell."""
_SHOWN = ("sample_id", "question", "image", "hint", "options")


@dataclass(frozen=True)
class BatchFiles:
    """What a visitor uploaded.

    Attributes:
        table: a table of questions.
        images: a zip archive of images, or None.
    """

    table: Path | str
    images: Path | str | None = None


@dataclass(frozen=True)
class BatchRouting:
    """How a batch is decided.

    Attributes:
        router: the router that decides.
        name: the router's name in the file of decisions.
        preference: trade-off or budget.
        excluded: candidates that must not be chosen.
        limits: see Limits.
    """

    router: PreTrainedRouter
    name: str
    preference: Preference
    excluded: Collection[str] = ()
    limits: Limits = LIMITS

    def run(self, files: BatchFiles, progress: Progress | None = None) -> RoutedTable:
        """Decide every row.

        Args:
            files: what was uploaded.
            progress: called with (rows done, rows).

        Raises:
            DemoError: every candidate is excluded.
            QuestionError: a file as a whole cannot be used.
            BudgetError: a budget that makes no sense.
        """
        allowed = [name for name in self.router.config.candidate_names if name not in self.excluded]
        if not allowed:
            raise DemoError("Every candidate is excluded. Allow at least one.")
        options = RoutingOptions(
            name=self.name,
            candidates=allowed,
            limits=self.limits,
            progress=progress,
            when_unfamiliar=NOTHING,
            **self.preference.budget(self.router, allowed),
        )
        try:
            with ImageArchive(files.images, self.limits) as images:
                return route_table(self.router, files.table, options, images)
        finally:
            # Arrow keeps what a large table took for the next one; a page that stays up gives it back.
            pa.default_memory_pool().release_unused()


def preview_html(path: Path | str, limits: Limits = LIMITS) -> str:
    """The first rows of a table of questions, and how many there are.

    Args:
        path: the uploaded table.
        limits: see Limits.

    Raises:
        QuestionError: the file as a whole cannot be used.
    """
    questions = read_questions(path, limits)
    columns = [name for name in _SHOWN if any(name in one for one in questions[:_PREVIEWED])]
    rows = [row([_short(one.get(name)) for name in columns]) for one in questions[:_PREVIEWED]]
    shown = table(columns, rows, caption="The first rows of the table")
    return f'<p role="status"><strong>{len(questions):,} rows</strong>, the first {len(rows)}:</p>{shown}'


def routed_html(routed: RoutedTable) -> str:
    """How many rows were decided for whom, the first of them, and the bad ones by number."""
    total = f'<p class="vrb-card" role="status">{len(routed.decisions):,} of {len(routed):,} rows decided.</p>'
    without = ("its image", routed.without_image), ("some of its images", routed.fewer_images)
    total += "".join(f"<p>Rows decided without {what}: {count:,}.</p>" for what, count in without if count)
    if routed.decisions:
        total += _decided_html(routed)
    if not routed.bad:
        return total
    rows = [row((str(bad["row"]), escaped(bad["problem"]))) for bad in routed.bad[:_MOST_LISTED]]
    more = len(routed.bad) - len(rows)
    rest = f"<p>and {more:,} more</p>" if more else ""
    return f"{total}{table(('row', 'problem'), rows, caption='Rows that could not be decided')}{rest}"


def _decided_html(routed: RoutedTable) -> str:
    chosen = ", ".join(f"{name} {count:,}" for name, count in routed.chosen.items())
    rows = []
    for one in routed.decisions[:_PREVIEWED]:
        chance, cost = one["estimated_accuracy"], one["estimated_cost_usd"]
        accuracy = "-" if chance is None else f"{100 * chance:.1f} %"
        rows.append(row((_short(one["sample_id"]), escaped(one["candidate"]), accuracy, usd_per_10k(cost))))
    head = ("sample_id", "ask", "p(correct)", f"$/{SAMPLES_PER_COST_UNIT // 1000}K")
    return f"<p>{escaped(chosen)}. The first {len(rows)}:</p>{table(head, rows, caption='The first decisions')}"


def _short(cell: object) -> str:
    """A cell as text that is shown."""
    if isinstance(cell, bytes):
        return "an image"
    text = "" if cell is None else str(cell)
    return escaped(text if len(text) <= _SHORT else f"{text[:_SHORT]}…")

"""The Batch tab's work: uploaded files -> decisions under the page's limits, and what the page shows of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from vlrouterbench.demo.controls import Preference
from vlrouterbench.demo.errors import DemoError
from vlrouterbench.demo.html import escaped, row, table
from vlrouterbench.demo.images import ImageArchive
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routing.limits import LIMITS, Limits
from vlrouterbench.routing.options import Progress, RoutingOptions
from vlrouterbench.routing.route_table import route_table
from vlrouterbench.routing.routed_table import RoutedTable
from vlrouterbench.routing.when_unfamiliar import NOTHING

_MOST_LISTED = 200


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
            **self.preference.budget(self.router),
        )
        try:
            with ImageArchive(files.images, self.limits) as images:
                return route_table(self.router, files.table, options, images)
        finally:
            # Arrow keeps what a large table took for the next one; a page that stays up gives it back.
            pa.default_memory_pool().release_unused()


def routed_html(routed: RoutedTable) -> str:
    """How many rows were decided, and the bad ones by number."""
    total = f'<p class="vrb-card" role="status">{len(routed.decisions):,} of {len(routed):,} rows decided.</p>'
    without = ("its image", routed.without_image), ("some of its images", routed.fewer_images)
    total += "".join(f"<p>Rows decided without {what}: {count:,}.</p>" for what, count in without if count)
    if not routed.bad:
        return total
    rows = [row((str(bad["row"]), escaped(bad["problem"]))) for bad in routed.bad[:_MOST_LISTED]]
    more = len(routed.bad) - len(rows)
    rest = f"<p>and {more:,} more</p>" if more else ""
    return f"{total}{table(('row', 'problem'), rows, caption='Rows that could not be decided')}{rest}"

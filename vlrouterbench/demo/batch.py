"""A batch: many questions -> a file of decisions; bad rows are listed, good rows are done.

Decisions
- A row is encoded and decided by the same functions as a question in the Route tab.
- Decisions are written in the columns of `decisions.parquet`, so that other tools read them.
- A budget that no candidate fits is that row's error, like a picture that cannot be read.
- How rows are gone through is one function (`decide_rows`): the page gives it a zip of pictures and a wish, the command
  line a folder and a budget.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_file
from vlrouterbench.demo.controls import Wish
from vlrouterbench.demo.html import VISITOR_ERRORS, escaped, row, table
from vlrouterbench.demo.images import PictureArchive
from vlrouterbench.routers.base.decision import RoutingDecision
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RouterInput
from vlrouterbench.routing.limits import LIMITS, DemoError, Limits
from vlrouterbench.routing.question_table import BatchRow, checked_row, read_batch

SCHEMA = pa.schema(
    [
        ("router", pa.string()),
        ("sample_id", pa.string()),
        ("candidate", pa.string()),
        ("estimated_accuracy", pa.float64()),
        ("estimated_cost_usd", pa.float64()),
    ]
)
Progress = Callable[[int, int], None]
_MOST_LISTED = 200


@dataclass(frozen=True)
class BatchFiles:
    """What a visitor uploaded: a table, and a zip of pictures or None."""

    table: Path | str
    pictures: Path | str | None = None


@dataclass
class BatchResult:
    """What became of a batch.

    Attributes:
        decided: rows of SCHEMA.
        bad: (row number from 1 on, what is wrong) of the others.
        without_picture: rows that name a picture which had no part in their decision.
    """

    decided: list[dict[str, Any]] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    without_picture: int = 0

    def write(self, path: Path) -> Path:
        """Write the decisions as parquet."""
        with staged_file(path) as staging:
            pq.write_table(pa.Table.from_pylist(self.decided, schema=SCHEMA), staging)
        return path

    def as_dict(self) -> dict[str, Any]:
        """As JSON-ready content, for the API."""
        bad = [{"row": number, "problem": problem} for number, problem in self.bad]
        return {"rows": len(self.decided) + len(bad), "decided": len(self.decided), "bad": bad}

    def html(self) -> str:
        """How many rows were done, and the bad ones by number."""
        total = len(self.decided) + len(self.bad)
        words = f'<p class="vrb-card" role="status">{len(self.decided):,} of {total:,} rows decided.</p>'
        if not self.bad:
            return words
        rows = [row((str(number), escaped(problem))) for number, problem in self.bad[:_MOST_LISTED]]
        more = len(self.bad) - len(rows)
        rest = f"<p>and {more:,} more</p>" if more else ""
        return f"{words}{table(('row', 'problem'), rows, caption='Rows that could not be decided')}{rest}"


@dataclass(frozen=True)
class BatchRouting:
    """How a batch is decided.

    Attributes:
        router: who decides.
        name: the router's name in the file of decisions.
        wish: trade-off or budget.
        excluded: candidates that must not be chosen.
        limits: see Limits.
    """

    router: PreTrainedRouter
    name: str
    wish: Wish
    excluded: Collection[str] = ()
    limits: Limits = LIMITS

    def run(self, files: BatchFiles, progress: Progress | None = None) -> BatchResult:
        """Decide every row.

        Args:
            files: as uploaded.
            progress: called with (rows done, rows).

        Raises:
            DemoError: a file as a whole cannot be used; or every candidate is excluded.
        """
        kept = [name for name in self.router.config.candidate_names if name not in self.excluded]
        if not kept:
            raise DemoError("Every candidate is excluded. Allow at least one.")
        budget = self.wish.budget(self.router)
        rows = read_batch(files.table, self.limits)
        with PictureArchive(files.pictures, self.limits) as pictures:

            def decide(asked: BatchRow) -> RoutingDecision:
                picture = pictures.picture(asked.image) if asked.image else None
                sample = RouterInput(asked.question, asked.options, asked.hint, picture)
                return self.router.decide_one(self.router.encoder.encode([sample]), kept, **budget)

            return decide_rows(rows, decide, self.name, limits=self.limits, progress=progress)


def decide_rows(
    rows: Sequence[dict[str, Any]],
    decide: Callable[[BatchRow], RoutingDecision],
    name: str,
    *,
    limits: Limits = LIMITS,
    progress: Progress | None = None,
) -> BatchResult:
    """Decide rows one after another.

    Args:
        rows: as `read_batch` gives them.
        decide: answers a row that was checked; what it refuses with one of VISITOR_ERRORS is that row's problem.
        name: the router's, in the file of decisions.
        limits: see Limits.
        progress: called with (rows done, rows).
    """
    result = BatchResult()
    seen: set[str] = set()
    for number, given in enumerate(rows, start=1):
        try:
            asked = checked_row(given, number, limits)
            if asked.sample_id in seen:
                raise DemoError(f'sample_id "{asked.sample_id}" stands in an earlier row.')
            decision = decide(asked)
            seen.add(asked.sample_id)
            result.decided.append(_decided(name, asked, decision))
            result.without_picture += bool(asked.image) and not decision.image_used
        except VISITOR_ERRORS as error:
            result.bad.append((number, str(error)))
        if progress is not None:
            progress(number, len(rows))
    return result


def _decided(name: str, asked: BatchRow, decision: RoutingDecision) -> dict[str, Any]:
    chance, cost = decision.estimated_accuracy or {}, decision.estimated_cost_usd or {}
    return {
        "router": name,
        "sample_id": asked.sample_id,
        "candidate": decision.candidate,
        "estimated_accuracy": chance.get(decision.candidate),
        "estimated_cost_usd": cost.get(decision.candidate),
    }

"""What a part is: rows of listed shards, fixed before work begins, and the names of the files that it gives.

Decisions
- Parts are consecutive and as equal as can be. They follow from the number of rows of each shard and the number of
  parts alone: not from who does them, nor in which order.
- A part may reach over several shards, and a shard may lie in several parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

from vlrouterbench.core.errors import VLRouterBenchError

ROWS_PER_PART = 10_000
"""Rows of a part where --parts is not given: seconds of work for texts, a minute or two for images. What a process
that is killed had begun is done again, and a part's decisions are in memory together: some 10 MB."""
DECISIONS, ERRORS = "part", "errors"
"""What the two files of a part are called by."""


class Range(NamedTuple):
    """Consecutive rows of one shard: its place among the listed shards, the first row from 0 on, and the row after."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class Part:
    """A part of a job.

    Attributes:
        number: from 0 on.
        count: how many parts the job has.
        first_row: its first row among the rows of all shards, from 0 on.
        ranges: its rows, in order.
    """

    number: int
    count: int
    first_row: int
    ranges: tuple[Range, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(part.stop - part.start for part in self.ranges)

    def file(self, kind: str = DECISIONS) -> str:
        """The name of one of its files."""
        return f"{kind}-{self.number:05d}-of-{self.count:05d}.parquet"

    def record(self) -> PartRecord:
        """As JSON-ready content."""
        return {"part": self.number, "rows": self.rows, "ranges": [list(part) for part in self.ranges]}


class PartRecord(TypedDict):
    """A part as the manifest states it; each range is a shard's place, its first row and the row after the last."""

    part: int
    rows: int
    ranges: list[list[int]]


def plan_parts(shard_rows: Sequence[int], count: int | None = None) -> list[Part]:
    """Cut the rows of shards into parts.

    Args:
        shard_rows: rows of each shard.
        count: number of parts; None for one per ROWS_PER_PART rows.

    Raises:
        VLRouterBenchError: there are no rows, or fewer than parts.
    """
    total = sum(shard_rows)
    count = max(1, -(-total // ROWS_PER_PART)) if count is None else count
    if not 1 <= count <= total:
        raise VLRouterBenchError(f"--parts: expected 1 to {total:,} parts, as many as there are rows; found {count:,}.")
    starts = [0]
    for rows in shard_rows:
        starts.append(starts[-1] + rows)
    bounds = [total * number // count for number in range(count + 1)]
    parts, shard = list[Part](), 0
    for number, (first, last) in enumerate(zip(bounds, bounds[1:], strict=False)):
        ranges = list[Range]()
        while first + sum(part.stop - part.start for part in ranges) < last:
            at = first + sum(part.stop - part.start for part in ranges)
            while starts[shard + 1] <= at:
                shard += 1
            ranges.append(Range(shard, at - starts[shard], min(last, starts[shard + 1]) - starts[shard]))
        parts.append(Part(number, count, first, tuple(ranges)))
    return parts

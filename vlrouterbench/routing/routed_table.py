"""What became of a table of questions: the decisions, and the rows that could not be decided.

Decisions
- Decisions are written in the columns of `decisions.parquet`, so that `evaluate` and the leaderboard read them; the
  file's ending says whether it is parquet or csv.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_file
from vlrouterbench.routing.limits import QuestionError

SCHEMA = pa.schema(
    [
        ("router", pa.string()),
        ("sample_id", pa.string()),
        ("candidate", pa.string()),
        ("estimated_accuracy", pa.float64()),
        ("estimated_cost_usd", pa.float64()),
        ("unfamiliar", pa.float64()),
    ]
)


_WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".parquet": pq.write_table,
    ".csv": pyarrow.csv.write_csv,
}


class DecisionRow(TypedDict):
    """A row of SCHEMA."""

    router: str
    sample_id: str
    candidate: str
    estimated_accuracy: float | None
    estimated_cost_usd: float | None
    unfamiliar: float | None


class BadRow(TypedDict):
    """A row that could not be decided: its number, from 1 on, and why."""

    row: int
    problem: str


class RoutedCounts(TypedDict):
    """How many rows were decided, and which were not."""

    rows: int
    decided: int
    bad: list[BadRow]


@dataclass
class RoutedTable:
    """The outcome of `route_table`.

    Attributes:
        decisions: rows of SCHEMA, in the order of the table.
        bad: the rows that could not be decided, in the order of the table.
        without_image: number of decided rows that name an image which had no part in their decision.
        fewer_images: number of decided rows of whose images one or more had no part in their decision: the router reads
            the first alone, or one cannot be read.
        ahead_usd: under an average, how far all rows together may be ahead of it, USD: one reserve (docs/budgets.md);
            else None.
    """

    decisions: list[DecisionRow] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    without_image: int = 0
    fewer_images: int = 0
    ahead_usd: float | None = None

    def __len__(self) -> int:
        """Number of rows of the table."""
        return len(self.decisions) + len(self.bad)

    @property
    def chosen(self) -> dict[str, int]:
        """Candidate -> number of rows that it was chosen for, the most frequent first."""
        return dict(Counter(row["candidate"] for row in self.decisions).most_common())

    @property
    def average_estimated_cost_usd(self) -> float | None:
        """Mean expected cost of the decided rows, USD per sample; None where a cost is not known or no row decided."""
        costs = [cost for row in self.decisions if (cost := row["estimated_cost_usd"]) is not None]
        return sum(costs) / len(costs) if costs and len(costs) == len(self.decisions) else None

    def num_unfamiliar(self, level: float) -> int:
        """Number of decided rows whose `unfamiliar` is at or above a level."""
        return sum((row["unfamiliar"] or 0.0) >= level for row in self.decisions)

    def write(self, path: Path | str) -> Path:
        """Write the decisions as parquet or csv, by the file's ending.

        Raises:
            QuestionError: it is neither.
        """
        path = Path(path)
        write = _writer(path)
        with staged_file(path) as staging:
            write(pa.Table.from_pylist(self.decisions, schema=SCHEMA), staging)
        return path

    def counts(self) -> RoutedCounts:
        """As JSON-ready content."""
        return {"rows": len(self), "decided": len(self.decisions), "bad": self.bad}


def check_decisions_file(path: Path) -> None:
    """Refuse a file for decisions whose ending says neither parquet nor csv.

    Raises:
        QuestionError: it does not.
    """
    _writer(path)


def _writer(path: Path) -> Callable[[pa.Table, Path], None]:
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise QuestionError(
            f"expected a file for decisions that ends in {' or '.join(_WRITERS)}, found {path}: its ending says how it "
            "is written."
        )
    return write

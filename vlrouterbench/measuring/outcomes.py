"""Answers -> graded outcomes, written as `outcomes.parquet`, and the figures of each candidate.

Decisions
- A failure is a row with its reason and no quality; what was not asked has no row.
- Rows are graded and written in batches: memory holds figures, not answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_file
from vlrouterbench.data.schema import LATENCY
from vlrouterbench.measuring.answers import Answer
from vlrouterbench.measuring.grading.kinds import grade
from vlrouterbench.measuring.samples import SampleTable

OUTCOMES_FILE = "outcomes.parquet"
OUTCOMES_SCHEMA = pa.schema(
    [
        ("sample_id", pa.string()),
        ("candidate", pa.string()),
        ("quality", pa.float32()),
        ("input_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("prediction", pa.large_string()),
        (LATENCY, pa.float64()),
        ("finish_reason", pa.string()),
        ("error", pa.string()),
        ("refused", pa.bool_()),
        ("tokens_counted_here", pa.bool_()),
        ("image_encoded_anew", pa.bool_()),
        ("attempts", pa.int32()),
        ("grading", pa.string()),
    ]
)
_ROWS = 5_000


class Judged(NamedTuple):
    """A judge's quality of an answer, why there is none, and whether it said the same twice (None: asked once)."""

    quality: float | None
    problem: str
    agrees: bool | None = None


@dataclass(frozen=True)
class Outcome:
    """One candidate's answer to one sample, graded.

    Attributes:
        row: of the sample.
        candidate: its name.
        answer: what it answered, or why it did not.
        quality: in [0, 1]; None of a failure, or where the judge gave no verdict.
        problem: why there is no quality.
        agrees: whether the judge said the same twice; None where it was asked once or not at all.
    """

    row: int
    candidate: str
    answer: Answer
    quality: float | None
    problem: str = ""
    agrees: bool | None = None


def graded(
    samples: SampleTable,
    answers: Iterable[tuple[int, str, Answer]],
    judged: Callable[[int, Answer], Judged | None],
) -> Iterator[Outcome]:
    """Outcomes of answers, in their order.

    Args:
        samples: with gold answers and gradings.
        answers: row, candidate and answer.
        judged: the judge's verdict on an answer to a row; None where a rule grades it.
    """
    for row, candidate, answer in answers:
        if answer.error:
            yield Outcome(row, candidate, answer, None, answer.error)
        elif (said := judged(row, answer)) is not None:
            yield Outcome(row, candidate, answer, said.quality, said.problem, said.agrees)
        else:
            quality = grade(samples.gradings[row].kind, answer.text, samples.gold(row))
            yield Outcome(row, candidate, answer, quality)


@dataclass
class OutcomeWriter:
    """Writes outcomes to a file, a batch at a time; `add` gives the outcome back."""

    samples: SampleTable
    writer: pq.ParquetWriter
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Add a row."""
        answer = outcome.answer
        self.rows.append(
            {
                "sample_id": self.samples.value("sample_id", outcome.row),
                "candidate": outcome.candidate,
                "quality": outcome.quality,
                "input_tokens": answer.input_tokens,
                "output_tokens": answer.output_tokens,
                "prediction": None if answer.error else answer.text,
                LATENCY: answer.latency_s,
                "finish_reason": answer.finish_reason or None,
                "error": outcome.problem or None,
                "refused": answer.refused,
                "tokens_counted_here": answer.counted,
                "image_encoded_anew": answer.encoded_anew,
                "attempts": answer.attempts,
                "grading": self.samples.gradings[outcome.row].text,
            }
        )
        if len(self.rows) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what was added."""
        self.writer.write_table(pa.Table.from_pylist(self.rows, schema=OUTCOMES_SCHEMA))
        self.rows = []


def write_outcomes(samples: SampleTable, outcomes: Iterable[Outcome], path: Path) -> Iterator[Outcome]:
    """Write outcomes as they pass; the file is there, whole, when the iterator ends."""
    with staged_file(path) as staging:
        with pq.ParquetWriter(staging, OUTCOMES_SCHEMA) as writer:
            out = OutcomeWriter(samples, writer)
            for outcome in outcomes:
                out.add(outcome)
                yield outcome
            out.flush()

"""What a measurement came to: figures of each candidate, as `measure_report.json` and as a page.

Decisions
- An accuracy's interval is Wilson's of 95 %; of graded scores it is too wide rather than too narrow, since no values in
  [0, 1] spread more than zeros and ones of the same mean.
- The page lists the samples on which candidates disagree most: there a grading that is wrong shows.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import SHOWN_CHARACTERS
from vlrouterbench.core.files import staged_file, write_json
from vlrouterbench.core.output_text import one_line
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.money import usd
from vlrouterbench.measuring.outcomes import Outcome
from vlrouterbench.measuring.samples import SampleTable
from vlrouterbench.plotting.page import render_page

REPORT_FILE, PAGE_FILE = "measure_report.json", "measure_report.html"
DISAGREEMENTS_SHOWN = 20
_Z = 1.959963984540054
"""Of a normal distribution, for an interval of 95 %."""


class CandidateFigures(TypedDict):
    """One candidate: counts, and figures of what it answered; None where nothing was."""

    name: str
    model: str
    asked: int
    answered: int
    failed: int
    graded: int
    accuracy: float | None
    ci95: tuple[float, float] | None
    input_tokens: int
    output_tokens: int
    tokens_counted_here: int
    images_encoded_anew: int
    cost_usd: float
    average_cost_usd: float | None
    latency_s: dict[str, float] | None
    refused: int
    cut_short: int
    failures: dict[str, int]


class JudgeFigures(TypedDict):
    """The judge: its cost apart, and how often it agreed with itself."""

    name: str
    model: str
    judged: int
    without_verdict: int
    judged_twice: int
    agreed: int
    cost_usd: float


class Disagreement(TypedDict):
    """A sample on which candidates differ: what each said and got."""

    sample_id: str
    question: str
    answers: list[tuple[str, float, str]]


class MeasureReport(TypedDict):
    """What `measure_report.json` holds."""

    measurement: str
    samples: int
    candidates: list[CandidateFigures]
    judge: JudgeFigures | None
    gradings: dict[str, int]
    prompt_template: str
    paid_usd: float
    maybe_paid_usd: float
    max_usd: float | None
    overrun_bound: str
    complete: bool
    interrupted: bool
    stopped: dict[str, str]
    disagreements: list[Disagreement]
    version: str


@dataclass
class _Tally:
    """Sums of one candidate as its outcomes pass."""

    qualities: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        answer = outcome.answer
        self.counts["asked"] += 1
        if answer.error:
            self.counts["failed"] += 1
            self.failures[answer.error.partition(":")[0]] += 1
            return
        self.counts["answered"] += 1
        self.counts["input"] += answer.input_tokens or 0
        self.counts["output"] += answer.output_tokens or 0
        for name in ("refused", "counted", "encoded_anew"):
            self.counts[name] += getattr(answer, name)
        self.counts["cut_short"] += answer.finish_reason == "length"
        if answer.latency_s is not None:
            self.latencies.append(answer.latency_s)
        if outcome.quality is not None:
            self.qualities.append(outcome.quality)


class Figures:
    """Collects figures while outcomes pass."""

    def __init__(self, samples: SampleTable, names: Sequence[str]) -> None:
        self._samples = samples
        self._tallies = {name: _Tally() for name in names}
        self._apart: list[tuple[float, int, list[tuple[str, float, str]]]] = []
        self._row, self._answers = -1, list[tuple[str, float, str]]()
        self.agreements: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count an outcome; outcomes come by rows."""
        self._tallies[outcome.candidate].add(outcome)
        if outcome.problem.startswith("judge"):
            self.agreements["without_verdict"] += 1
        if outcome.agrees is not None:
            self.agreements["twice"] += 1
            self.agreements["agreed"] += outcome.agrees
        if outcome.row != self._row:
            self._close_row()
            self._row = outcome.row
        if outcome.quality is not None:
            said = one_line(outcome.answer.text)[:SHOWN_CHARACTERS]
            self._answers.append((outcome.candidate, outcome.quality, said))

    def candidates(self, endpoints: Sequence[Endpoint]) -> list[CandidateFigures]:
        """Figures of each candidate, in the order of the pool."""
        return [_figures(endpoint, self._tallies[endpoint.name]) for endpoint in endpoints]

    def disagreements(self) -> list[Disagreement]:
        """Samples on which candidates differ most, the first of equals first."""
        self._close_row()
        ordered = sorted(self._apart, key=lambda entry: (-entry[0], -entry[1]))
        return [
            {
                "sample_id": self._samples.value("sample_id", -place),
                "question": one_line(self._samples.value("question", -place))[:SHOWN_CHARACTERS],
                "answers": answers,
            }
            for _, place, answers in ordered
        ]

    def _close_row(self) -> None:
        qualities = [quality for _, quality, _ in self._answers]
        spread = float(np.std(qualities)) if len(qualities) > 1 else 0.0
        if spread > 0:
            entry = (spread, -self._row, self._answers)
            if len(self._apart) < DISAGREEMENTS_SHOWN:
                heapq.heappush(self._apart, entry)
            else:
                heapq.heappushpop(self._apart, entry)
        self._answers = []


def wilson(mean: float, count: int) -> tuple[float, float]:
    """Wilson's interval of 95 % of a share (E. B. Wilson, JASA 1927)."""
    centre = (mean + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    half = _Z * math.sqrt(mean * (1 - mean) / count + _Z**2 / (4 * count**2)) / (1 + _Z**2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def _figures(endpoint: Endpoint, tally: _Tally) -> CandidateFigures:
    counts, graded = tally.counts, len(tally.qualities)
    accuracy = math.fsum(tally.qualities) / graded if graded else None
    cost = usd(endpoint, counts["input"], counts["output"])
    return {
        "name": endpoint.name,
        "model": endpoint.sent_model,
        "asked": counts["asked"],
        "answered": counts["answered"],
        "failed": counts["failed"],
        "graded": graded,
        "accuracy": accuracy,
        "ci95": None if accuracy is None else wilson(accuracy, graded),
        "input_tokens": counts["input"],
        "output_tokens": counts["output"],
        "tokens_counted_here": counts["counted"],
        "images_encoded_anew": counts["encoded_anew"],
        "cost_usd": cost,
        "average_cost_usd": cost / counts["answered"] if counts["answered"] else None,
        "latency_s": _percentiles(tally.latencies),
        "refused": counts["refused"],
        "cut_short": counts["cut_short"],
        "failures": dict(tally.failures.most_common()),
    }


def _percentiles(seconds: Sequence[float]) -> dict[str, float] | None:
    return {f"p{share}": float(np.percentile(seconds, share)) for share in (50, 95, 99)} if seconds else None


def write_report(report: MeasureReport, folder: Path) -> None:
    """Write the figures as JSON and as a page."""
    write_json(folder / REPORT_FILE, report)
    page = render_page("measuring", "measure.html", report={**report, "simulated": False})
    with staged_file(folder / PAGE_FILE) as staging:
        staging.write_text(page, encoding="utf-8")


def gradings_of(samples: SampleTable) -> dict[str, int]:
    """How many samples are graded in which way."""
    return dict(Counter(grading.text for grading in samples.gradings).most_common())

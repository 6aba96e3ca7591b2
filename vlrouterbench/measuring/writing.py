"""Answers -> graded outcomes and the figures of a report, in one pass.

Decisions
- The judge's verdicts are looked up, never asked for, here: what it did not say has no quality.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vlrouterbench.measuring.answers import Answer, AnswerStore
from vlrouterbench.measuring.grading.judge import verdict
from vlrouterbench.measuring.measurement import Measurement
from vlrouterbench.measuring.money import UNCAPPED_TOKENS, is_capped
from vlrouterbench.measuring.outcomes import OUTCOMES_FILE, Judged, graded, write_outcomes
from vlrouterbench.measuring.report import Figures, JudgeFigures, MeasureReport, gradings_of
from vlrouterbench.version import __version__


def write_graded(
    measurement: Measurement, answers: Iterable[tuple[int, str, Answer]], folder: Path, store: AnswerStore | None
) -> MeasureReport:
    """Grade answers and write `outcomes.parquet`.

    Args:
        measurement: with the gold answers.
        answers: row, candidate and answer, by rows.
        folder: to write to.
        store: where the judge's verdicts are; None where there is no judge.

    Returns:
        The report, its money and whether it is complete left for the caller to fill in.
    """
    samples = measurement.samples
    figures = Figures(samples, [endpoint.name for endpoint in measurement.endpoints])
    judging = _Judging(measurement, store)
    for outcome in write_outcomes(samples, graded(samples, answers, judging.judged), folder / OUTCOMES_FILE):
        figures.add(outcome)
    uncapped = [endpoint.name for endpoint in measurement.endpoints if not is_capped(endpoint)]
    return {
        "measurement": measurement.digest,
        "samples": len(samples),
        "candidates": figures.candidates(measurement.endpoints),
        "judge": judging.figures(figures),
        "gradings": gradings_of(samples),
        "prompt_template": measurement.template,
        "paid_usd": 0.0,
        "maybe_paid_usd": 0.0,
        "max_usd": None,
        "overrun_bound": bound_in_words(uncapped),
        "complete": False,
        "interrupted": False,
        "stopped": {},
        "disagreements": figures.disagreements(),
        "version": __version__,
    }


def bound_in_words(uncapped: list[str]) -> str:
    """By how much a limit on money can be exceeded."""
    if not uncapped:
        return "0 USD"
    return (
        f"the price of what answers of {', '.join(uncapped)}, without max_output_tokens, take beyond "
        f"{UNCAPPED_TOKENS:,} tokens"
    )


class _Judging:
    """Verdicts of the judge, and what they cost."""

    def __init__(self, measurement: Measurement, store: AnswerStore | None) -> None:
        self._measurement, self._store = measurement, store
        self._judged, self._cost = 0, 0.0

    def judged(self, row: int, answer: Answer) -> Judged | None:
        """The verdict on an answer; None where a rule grades it."""
        asked = self._measurement.judgement(row, answer.text)
        if asked is None or self._store is None:
            return None
        replies = [self._store.get(key) for key in ([asked.key, asked.again] if asked.is_repeated else [asked.key])]
        self._cost += sum(reply.cost_usd for reply in replies if reply is not None)
        verdicts = [verdict(reply) for reply in replies]
        self._judged += 1
        quality, problem = verdicts[0]
        said = [value for value, _ in verdicts if value is not None]
        return Judged(quality, problem, said[0] == said[1] if len(said) > 1 else None)

    def figures(self, figures: Figures) -> JudgeFigures | None:
        """What stands in the report."""
        judge, counts = self._measurement.judge, figures.agreements
        if judge is None:
            return None
        return {
            "name": judge.name,
            "model": judge.sent_model,
            "judged": self._judged,
            "without_verdict": counts["without_verdict"],
            "judged_twice": counts["twice"],
            "agreed": counts["agreed"],
            "cost_usd": self._cost,
        }

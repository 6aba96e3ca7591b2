"""What a judge will cost, before it is asked: it stands apart from what candidates cost.

Decisions
- Before candidates have answered, each answer is taken to have as many tokens as in their estimate. What a judge costs
  at most depends on what they will say, so no most is stated; a limit on money holds for it all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.measuring.answers import AnswerStore
from vlrouterbench.measuring.asking.engine import Job
from vlrouterbench.measuring.asking.request import output_cap
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.grading.judge import REPEATED_OF
from vlrouterbench.measuring.measurement import Measurement
from vlrouterbench.measuring.money import OTHER_TOKENS, usd

VERDICT_TOKENS = 100
"""Expected of a judge, which thinks briefly."""


@dataclass(frozen=True)
class JudgeEstimate:
    """What judging will take: requests, and USD that are expected."""

    name: str
    requests: int
    usd: float


def judge_estimate(measurement: Measurement, rows_done: Iterable[set[int]] = ()) -> JudgeEstimate | None:
    """Of a measurement whose candidates are to be asked; None where nobody judges.

    Args:
        measurement: who is asked what.
        rows_done: for each candidate the rows that are answered already, and were judged then.
    """
    judge, done = measurement.judge, list(rows_done)
    if judge is None:
        return None
    requests = inputs = 0.0
    for row in range(len(measurement.samples)):
        asked = measurement.judgement(row, "")
        if asked is None:
            continue
        answers = sum(not done or row not in done[place] for place in range(len(measurement.endpoints)))
        repeated = answers * (1 + 1 / REPEATED_OF)
        requests += repeated
        inputs += repeated * (int(count_tokens([asked.prompt])[0]) + OTHER_TOKENS)
    outputs = requests * _verdict_tokens(judge)
    return JudgeEstimate(judge.name, math.ceil(requests), usd(judge, inputs, outputs))


def estimate_of_jobs(judge: Endpoint, jobs: Iterable[Job], store: AnswerStore) -> JudgeEstimate:
    """Of answers that are there: of the verdicts that no earlier run has."""
    requests = inputs = 0
    for job in jobs:
        if not store.is_done(job.key):
            requests += 1
            inputs += int(count_tokens([job.prompt])[0])
    return JudgeEstimate(judge.name, requests, usd(judge, inputs, requests * _verdict_tokens(judge)))


def _verdict_tokens(judge: Endpoint) -> int:
    return min(VERDICT_TOKENS, output_cap(judge) or VERDICT_TOKENS)

"""A measurement: samples, a prompt and endpoints, and the key of each answer that follows from them.

Decisions
- A key is the digest of what the answer depends on: the rendered prompt, the images, model, address and options of
  generation. Names of candidates and samples are no part of it: to rename costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from vlrouterbench.measuring.answers import Answer, AnswerStore, digest_of
from vlrouterbench.measuring.asking.engine import Job
from vlrouterbench.measuring.asking.request import generation_options
from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointError
from vlrouterbench.measuring.grading.judge import Judgement, judgement
from vlrouterbench.measuring.grading.kinds import JUDGE
from vlrouterbench.measuring.prompts import render_prompt
from vlrouterbench.measuring.samples import SampleTable


@dataclass(frozen=True)
class Measurement:
    """Who is asked what.

    Attributes:
        samples: the samples.
        template: of the prompt.
        endpoints: the candidates, in the order of the pool.
        judge: who grades samples of the kind "judge"; None where there are none.
    """

    samples: SampleTable
    template: str
    endpoints: tuple[Endpoint, ...]
    judge: Endpoint | None = None

    def __post_init__(self) -> None:
        """Refuse what would be asked twice, and samples for a judge without one."""
        places: dict[str, str] = {}
        for endpoint in self.endpoints:
            place = digest_of(*_place(endpoint))
            if place in places:
                raise EndpointError(
                    f'expected candidates that differ, found "{places[place]}" and "{endpoint.name}" with one address, '
                    "model and options of generation. Keep one of them."
                )
            places[place] = endpoint.name
        if self.judge is None and any(grading.kind == JUDGE for grading in self.samples.gradings):
            raise EndpointError("expected a model that judges in --judge, since samples are graded by one; found none.")

    @cached_property
    def digest(self) -> str:
        """What names this measurement in reports."""
        samples = [self.samples.table[name].to_pylist() for name in ("question", "options", "hint", "images")]
        return digest_of(self.template, [(e.name, *_place(e)) for e in self.endpoints], samples)

    def job(self, row: int, endpoint: Endpoint) -> Job:
        """A row as one candidate is asked."""
        question = self.samples.question(row)
        prompt = render_prompt(self.template, question)
        key = digest_of("answer", prompt, [path.name for path in question.images], *_place(endpoint))
        return Job(key, prompt, question.images, self.samples.sizes[row])

    def jobs(self, endpoint: Endpoint) -> Iterator[Job]:
        """All rows as one candidate is asked."""
        return (self.job(row, endpoint) for row in range(len(self.samples)))

    def judgement(self, row: int, prediction: str) -> Judgement | None:
        """What the judge is asked about an answer to a row; None where a rule grades it."""
        if self.judge is None or self.samples.gradings[row].kind != JUDGE:
            return None
        return judgement(self.judge, self.samples.value("question", row), self.samples.gold(row), prediction)

    def answers(self, store: AnswerStore) -> Iterator[tuple[int, str, Answer]]:
        """Row, candidate and answer of all that was asked, by rows."""
        for row in range(len(self.samples)):
            for endpoint in self.endpoints:
                answer = store.get(self.job(row, endpoint).key)
                if answer is not None:
                    yield row, endpoint.name, answer

    def judge_jobs(self, answers: Iterable[tuple[int, str, Answer]]) -> Iterator[Job]:
        """What the judge is asked about answers, of those that it judges twice two times."""
        for row, _, answer in answers:
            if answer.error or (asked := self.judgement(row, answer.text)) is None:
                continue
            yield Job(asked.key, asked.prompt)
            if asked.is_repeated:
                yield Job(asked.again, asked.prompt)


def _place(endpoint: Endpoint) -> tuple[object, ...]:
    """What an answer depends on beside the question."""
    return endpoint.sent_model, endpoint.address, generation_options(endpoint), endpoint.max_image_bytes

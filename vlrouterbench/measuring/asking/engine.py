"""Asking many questions of several endpoints at once, each within its limits.

Decisions
- An endpoint has as many workers as it allows requests at once; they draw from one iterator, so that memory holds the
  questions under way and no more, whatever their number.
- An answer is on disk before its worker draws the next question.
- What the next question would meet too (a key that is refused, a model that is not there, nobody at the address) stops
  that endpoint alone: the others go on, and a rerun takes up what was not asked.
- Reading and encoding images happens in threads: the loop is left to the sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from vlrouterbench.data.tokens import count_tokens
from vlrouterbench.measuring.answers import Answer, AnswerStore
from vlrouterbench.measuring.asking.client import ChatClient
from vlrouterbench.measuring.asking.images import data_url
from vlrouterbench.measuring.asking.pace import Pace, ask_until_answered
from vlrouterbench.measuring.asking.replies import ENDPOINT_WIDE, Failure, Fault, Reply
from vlrouterbench.measuring.asking.request import request_body
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.money import SpendingLimit, expected_input, reserve_usd, usd
from vlrouterbench.measuring.samples import Size
from vlrouterbench.routers.encoders.sample_input import RouterInputError

FAILURES_IN_A_ROW = 10
"""After so many failures, and no answer before them, an endpoint is not asked any more."""
OUT_OF_MONEY = "the limit on money is reached"
_KEPT_IN_A_ROW = 256


@dataclass(frozen=True)
class Job:
    """One question to one endpoint; `key` names its answer."""

    key: str
    prompt: str
    images: tuple[Path, ...] = ()
    sizes: tuple[Size, ...] = ()


@dataclass
class Lane:
    """One endpoint with what it is to be asked.

    Attributes:
        endpoint: whom.
        jobs: what; drawn from by all workers.
        stopped: why it is not asked any more; "" while it is.
        answered, failed, kept: in this run: answers, failures, and questions that were answered before.
        in_a_row: failures since the last answer.
        last_fault: of the last failure; "" before one.
    """

    endpoint: Endpoint
    jobs: Iterator[Job]
    stopped: str = ""
    answered: int = 0
    failed: int = 0
    kept: int = 0
    in_a_row: int = 0
    last_fault: str = ""
    under_way: set[str] = field(default_factory=set)

    def note(self, found: Reply | Failure) -> None:
        """Count what came, and stop where the next question would fare the same."""
        if isinstance(found, Reply):
            self.answered += 1
            self.in_a_row = 0
            return
        self.failed += 1
        self.in_a_row += 1
        self.last_fault = str(found)
        lasting = found.fault in ENDPOINT_WIDE and (not self.answered or self.in_a_row >= FAILURES_IN_A_ROW)
        if lasting or found.fault is Fault.UNREACHABLE or (not self.answered and self.in_a_row >= FAILURES_IN_A_ROW):
            self.stopped = self.stopped or str(found)


@dataclass(frozen=True)
class Run:
    """What asking needs beside the questions.

    Attributes:
        store: keeps the answers.
        limit: on money.
        progress: called after every question with the lanes.
    """

    store: AnswerStore
    limit: SpendingLimit
    progress: Callable[[list[Lane]], None] = lambda lanes: None


async def ask_all(lanes: list[Lane], run: Run) -> None:
    """Ask every lane's questions; how it went stands in the lanes.

    Raises:
        VLRouterBenchError: answers cannot be kept, or a key is not in the environment.
    """
    for lane in lanes:
        lane.endpoint.key()
    async with ChatClient() as client:
        paces = [(lane, Pace(lane.endpoint)) for lane in lanes]
        workers = [
            asyncio.create_task(_work(lane, pace, client, run, lanes))
            for lane, pace in paces
            for _ in range(lane.endpoint.max_concurrency)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await run.store.drain()


async def _work(lane: Lane, pace: Pace, client: ChatClient, run: Run, lanes: list[Lane]) -> None:
    for job in lane.jobs:
        if lane.stopped:
            return
        if job.key in lane.under_way or run.store.is_done(job.key):
            lane.kept += 1
            if lane.kept % _KEPT_IN_A_ROW == 0:
                run.progress(lanes)
                await asyncio.sleep(0)
            continue
        lane.under_way.add(job.key)
        try:
            await _ask(lane, job, pace, client, run)
        finally:
            lane.under_way.discard(job.key)
        run.progress(lanes)


async def _ask(lane: Lane, job: Job, pace: Pace, client: ChatClient, run: Run) -> None:
    endpoint, limit = lane.endpoint, run.limit
    prepared = await asyncio.to_thread(_prepare, endpoint, job)
    if isinstance(prepared, Failure):
        lane.failed += 1
        lane.last_fault = str(prepared)
        await run.store.put(Answer(job.key, error=str(prepared), passing=True, attempts=0))
        return
    body, encoded_anew = prepared
    reserve = reserve_usd(endpoint, job.prompt, job.sizes)
    maybe_usd = 0.0

    async def ask_once() -> Reply | Failure | None:
        nonlocal maybe_usd
        if lane.stopped or not await limit.reserve(reserve):
            lane.stopped = lane.stopped or OUT_OF_MONEY
            return None
        if limit.most_usd is not None:
            await run.store.begin(job.key, reserve)
        found = await client.ask(endpoint, body)
        if isinstance(found, Failure):
            paid = reserve if found.may_be_paid else 0.0
            maybe_usd += paid
            await limit.settle(reserve, paid)
        return found

    found, attempts = await ask_until_answered(ask_once, pace, is_new=not lane.answered)
    if found is None:
        return
    if isinstance(found, Failure):
        answer = Answer(job.key, error=str(found), passing=found.passes or found.fault in ENDPOINT_WIDE)
    else:
        answer = _answer(endpoint, job, found)
    answer = replace(answer, attempts=attempts, encoded_anew=encoded_anew, maybe_usd=maybe_usd)
    await run.store.put(answer)
    if isinstance(found, Reply):
        await limit.settle(reserve, answer.cost_usd)
    lane.note(found)


def _prepare(endpoint: Endpoint, job: Job) -> tuple[bytes, bool] | Failure:
    """The body of a request, and whether an image was encoded anew."""
    if len(job.images) > endpoint.max_images:
        return Failure(Fault.IMAGE, f"{len(job.images)} images, where the endpoint takes {endpoint.max_images}")
    try:
        sent = [data_url(path.read_bytes(), endpoint.max_image_bytes) for path in job.images]
    except RouterInputError as error:
        return Failure(Fault.IMAGE, str(error))
    body = request_body(endpoint, job.prompt, [image.url for image in sent])
    return body, any(image.encoded_anew for image in sent)


def _answer(endpoint: Endpoint, job: Job, reply: Reply) -> Answer:
    """A reply with its tokens, counted here where the server does not, and its cost."""
    inputs, outputs = reply.input_tokens, reply.output_tokens
    counted = inputs is None or outputs is None
    if inputs is None or outputs is None:
        counts = count_tokens([job.prompt, reply.text])
        inputs = expected_input(endpoint, int(counts[0]), job.sizes) if inputs is None else inputs
        outputs = int(counts[1]) if outputs is None else outputs
    return Answer(
        job.key,
        text=reply.text,
        finish_reason=reply.finish_reason,
        refused=reply.refused,
        input_tokens=inputs,
        output_tokens=outputs,
        counted=counted,
        latency_s=reply.latency_s,
        cost_usd=usd(endpoint, inputs, outputs),
    )

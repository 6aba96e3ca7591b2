"""The router of a gateway: requests -> candidates in the order in which they should be asked.

Decisions
- One thread encodes and decides, on what has come together while it was busy (natural batches): torch gains nothing
  from two, and the event loop is never held up. Images are decoded by other threads, which release the lock.
- The order of candidates is that of the decision's own scores, so that the next best is asked by the same estimates.
- Trade-offs of named objectives are chosen once, from what the router keeps out of fold, not at each request.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from vlrouterbench.features.given import encoder_digest
from vlrouterbench.metrics.objectives import Goal, Objective
from vlrouterbench.routers.base.decision import KINDS, REFUSALS, RoutingDecision, read_request
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import FORMS, RouterInput
from vlrouterbench.routing.when_unfamiliar import NOTHING, UnfamiliarError, WhenUnfamiliar
from vlrouterbench.serving.logs.encoders import feature_encoder
from vlrouterbench.serving.request_error import RequestError, unexpected
from vlrouterbench.serving.settings import ServingError
from vlrouterbench.training.rechoosing import choose_trade_off

MOST_TOGETHER = 16
"""Requests that are encoded together."""
_DECODERS = 2
_GIVEN = re.compile(r": the given \w+(?= \()|the given \w+: ")
_PAUSE_S = 0.01


@dataclass(frozen=True)
class Ranking:
    """A decision, and whom to ask in which order.

    Attributes:
        decision: of the router.
        order: names of the considered candidates, the best first.
        took: seconds by part: `decode` of images, `queue` behind other requests, `encode` of all that were taken
            together, `decide` on this one.
        router: as it was named when it was loaded.
        encoder: digest of the encoder of the features, "" where there are none.
        features: that were decided by, (1, dim); None of an end-to-end router.
        budget: that the decision kept to, as `route` takes it.
        own: the router's own decision, where `decision` was made anew (`adapting.py`); else None.
    """

    decision: RoutingDecision
    order: tuple[str, ...]
    took: Mapping[str, float]
    router: str = ""
    encoder: str = ""
    features: torch.Tensor | None = None
    budget: Mapping[str, float] = field(default_factory=dict)
    own: RoutingDecision | None = None


@dataclass
class _Waiting:
    sample: RouterInput
    candidates: Sequence[str] | None
    budget: Mapping[str, float]
    answer: asyncio.Future[_Decided]


@dataclass(frozen=True)
class _Decided:
    decision: RoutingDecision
    features: torch.Tensor
    encode_s: float
    decide_s: float


class Chooser:
    """Ranks candidates for requests; to be started in the event loop that asks it.

    Args:
        router: as it was loaded; it is used by one thread at a time.
        objectives: texts of the objectives that requests may name.
        on_bad_image: see `PreTrainedRouter.route`.
        most_together: requests that are encoded together.
        when_unfamiliar: what is done with requests unlike the training samples; the router was checked for it.

    Raises:
        ServingError: an objective that the router cannot choose a trade-off for.
    """

    def __init__(
        self,
        router: PreTrainedRouter,
        objectives: Sequence[str] = (),
        on_bad_image: str = "error",
        most_together: int = MOST_TOGETHER,
        when_unfamiliar: WhenUnfamiliar = NOTHING,
    ) -> None:
        self.when_unfamiliar = when_unfamiliar
        self.router, self.on_bad_image, self._most_together = router, on_bad_image, most_together
        self.name, encoder = "", feature_encoder(router)
        self.encoder_digest = "" if encoder is None else encoder_digest(encoder)
        self.weights = {objective: weight_for(router, objective) for objective in objectives}
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._decoders = ThreadPoolExecutor(min(_DECODERS, os.cpu_count() or 1), "decode")
        self._thread = ThreadPoolExecutor(1, "decide")
        self._worker: asyncio.Task[None] | None = None
        self._ranking = 0

    def start(self) -> None:
        """Begin to answer."""
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """End when everybody who asked has been answered."""
        while self._ranking:
            await asyncio.sleep(_PAUSE_S)
        if self._worker is not None:
            self._worker.cancel()
        self._decoders.shutdown(wait=False)
        self._thread.shutdown(wait=False)

    async def rank(
        self,
        messages: Sequence[Mapping[str, Any]],
        candidates: Sequence[str] | None = None,
        budget: Mapping[str, float] | None = None,
        objective: str = "",
    ) -> Ranking:
        """Decide on a chat.

        Args:
            messages: its turns; the last of the user decides.
            candidates: to choose from, None for the whole pool.
            budget: as for `route`.
            objective: one of those that were given; "" for the router's own. A budget that trades goes before it.

        Raises:
            RequestError: 400, what the router refuses.
        """
        budget = dict(budget or {})
        if objective and not any(kind in budget for kind in KINDS):
            budget["usd_weight"] = self.weights[objective]
        loop, started = asyncio.get_running_loop(), time.perf_counter()
        self._ranking += 1
        try:
            self.router.check_budget(budget)
            request = {"messages": list(messages)}
            read = await loop.run_in_executor(self._decoders, read_request, request, self.on_bad_image)
            decoded = time.perf_counter()
            waiting = _Waiting(read, candidates, budget, loop.create_future())
            self._queue.put_nowait(waiting)
            decided = await waiting.answer
        except (*REFUSALS, UnfamiliarError) as error:
            raise RequestError(400, _for_caller(str(error))) from error
        finally:
            self._ranking -= 1
        decision, working = decided.decision, decided.encode_s + decided.decide_s
        order = sorted(decision.score, key=lambda name: (name != decision.candidate, -decision.score[name]))
        waited = max(0.0, time.perf_counter() - decoded - working)
        took = {"decode": decoded - started, "queue": waited, "encode": decided.encode_s, "decide": decided.decide_s}
        features = decided.features if self.encoder_digest else None
        return Ranking(decision, tuple(order), took, self.name, self.encoder_digest, features, budget)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            block = [await self._queue.get()]
            while len(block) < self._most_together and not self._queue.empty():
                block.append(self._queue.get_nowait())
            deciding = loop.run_in_executor(self._thread, self._decide, block)
            await asyncio.wait([deciding])
            # What nobody foresaw is told to those who asked; the next block is decided all the same.
            unforeseen = deciding.exception()
            answers = deciding.result() if unforeseen is None else [unexpected(unforeseen)] * len(block)
            for waiting, answer in zip(block, answers, strict=True):
                if waiting.answer.done():
                    continue
                if isinstance(answer, Exception):
                    waiting.answer.set_exception(answer)
                else:
                    waiting.answer.set_result(answer)

    @torch.no_grad()
    def _decide(self, block: Sequence[_Waiting]) -> list[_Decided | Exception]:
        """Decisions in the order of the requests; what fails, fails for its own request alone."""
        answers: list[_Decided | Exception] = []
        started = time.perf_counter()
        try:
            rows: list[Any] = self.router.features_of_each([waiting.sample for waiting in block])
        except REFUSALS as error:
            return [error for _ in block]
        encode_s = time.perf_counter() - started
        for waiting, row in zip(block, rows, strict=True):
            begun = time.perf_counter()
            try:
                decide = partial(self.router.decide_one, row, waiting.candidates, **waiting.budget)
                decision = self.when_unfamiliar.applied(self.router, decide, waiting.budget)
                decision = decision.of_images(waiting.sample, self.router.encoder)
                answers.append(_Decided(decision, row, encode_s, time.perf_counter() - begun))
            except (*REFUSALS, UnfamiliarError) as error:
                answers.append(error)
        return answers


def _for_caller(text: str) -> str:
    """What a router refused, for somebody who can only send data URLs."""
    text = text.replace(f"an image as {FORMS}", "an image as a data URL (data:image/png;base64,...)")
    return _GIVEN.sub("", text)


def weight_for(router: PreTrainedRouter, objective: str) -> float:
    """The trade-off, accuracy per USD, that a router follows an objective by; its own stays as it is.

    Raises:
        ServingError: it has a single trade-off.
    """
    if not isinstance(router, EstimatingRouter):
        raise ServingError(
            f"objective {objective}: {type(router).__name__} has one trade-off, the one it was trained for. Serve a "
            "router that estimates, or leave objectives out of the configuration."
        )
    return choose_trade_off(router, Goal(Objective.parse(objective))).usd_weight

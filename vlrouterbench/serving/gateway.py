"""The one way from a request to its answer: read, plan, charge, ask, pass on, settle, log.

Decisions
- What a request is decided by is taken once, when it is planned: a swap of the router takes effect between requests,
  never within one.
- An answer is charged before it is asked and settled when it has ended, also where its caller went away. What a failed
  attempt may have cost (`Failure.may_be_paid`) counts as its reserve.
- A ledger that cannot be written refuses before anybody is asked; after an answer it is said, and the charge stays.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.money import usd
from vlrouterbench.serving.adapting import Adaptation
from vlrouterbench.serving.affinity import Affinity
from vlrouterbench.serving.chat import ChatRequest
from vlrouterbench.serving.chooser import Chooser
from vlrouterbench.serving.forwarding import Forwarder, Outcome
from vlrouterbench.serving.ledger import Ledger, Room
from vlrouterbench.serving.logs.encoders import feature_encoder
from vlrouterbench.serving.logs.noting import entry_of
from vlrouterbench.serving.logs.writing import RequestLog
from vlrouterbench.serving.metering import Meter
from vlrouterbench.serving.metrics import Metrics
from vlrouterbench.serving.planning import DIRECT, Plan, Planner
from vlrouterbench.serving.request_error import RequestError
from vlrouterbench.serving.reserving import reserve_of
from vlrouterbench.serving.settings import Key, Settings
from vlrouterbench.serving.telling import tell
from vlrouterbench.serving.turn import Turn
from vlrouterbench.serving.upstream import Answer, UpstreamBroke, Upstreams

ANYBODY = "-"
_NOT_KEPT = "what this key uses cannot be kept at present."
Made = TypeVar("Made")


@dataclass
class Served:
    """An answer on its way to a caller.

    Attributes:
        request_id, plan, outcome: of the request.
        overhead_s: what the gateway took before it asked.
        body: what is passed on.
        close: to be awaited in the end, whether or not the body was passed on.
    """

    request_id: str
    plan: Plan
    outcome: Outcome
    overhead_s: float
    answer: Answer
    body: AsyncGenerator[bytes]
    close: Callable[[], Awaitable[None]]


class Gateway:
    """Answers requests; to be started in one event loop.

    Args:
        chooser: the router.
        endpoints: by candidate.
        settings: see Settings.
        ledger: of what keys spend; None where no key has a budget.
        log: None for no log.
        metrics: made where it is None.
        adapts: whether estimates follow feedback.
    """

    def __init__(
        self,
        chooser: Chooser,
        endpoints: Mapping[str, Endpoint],
        settings: Settings,
        ledger: Ledger | None = None,
        log: RequestLog | None = None,
        metrics: Metrics | None = None,
        *,
        adapts: bool = False,
    ) -> None:
        self._adapts = adapts
        self.adaptation: Adaptation | None = None
        self.settings, self.ledger, self.log = settings, ledger, log
        self.metrics = metrics or Metrics()
        self._upstreams = Upstreams()
        self.forwarder = Forwarder(self._upstreams, endpoints, settings)
        self._affinity = Affinity(settings.affinity_margin)
        self._disk = ThreadPoolExecutor(1, "ledger")
        self.use(chooser)

    def use(self, chooser: Chooser) -> None:
        """Take a router for the requests to come."""
        self.chooser = chooser
        if self.log is not None and (encoder := feature_encoder(chooser.router)) is not None:
            self.log.keep_encoder(encoder, chooser.encoder_digest)
        self.adaptation = Adaptation() if self._adapts else None  # what another router expected says nothing of this
        self.planner = Planner(chooser, self.forwarder, self.settings, self._affinity, self.adaptation)

    def rated(self, request_id: str, candidate: str, quality: float) -> None:
        """Count feedback, and let estimates follow it where they do."""
        self.metrics.feedback.labels(candidate or "none").inc()
        self.metrics.quality.labels(candidate or "none").inc(quality)
        if self.adaptation is not None and self.adaptation.rated(request_id, quality) is not None:
            drift = self.adaptation.drift(candidate)
            self.metrics.drift.labels(candidate).set(drift.accuracy)
            self.metrics.cost_ratio.labels(candidate).set(drift.cost_ratio)

    async def start(self) -> None:
        """Begin to answer."""
        await self._upstreams.__aenter__()
        self.chooser.start()

    async def stop(self) -> None:
        """End."""
        await self.chooser.stop()
        await self._upstreams.__aexit__(None, None, None)
        self._disk.shutdown()
        for kept in (self.ledger, self.log):
            if kept is not None:
                kept.close()

    async def plan(self, request: ChatRequest, key: Key | None, *, explores: bool = False) -> Plan:
        """Whom a request is sent to, by what its key has spent until now; errors are those of `Planner.plan`."""
        room: Room | None = None
        if self.ledger is not None and key is not None and key.is_charged:
            room = await self._kept(self.ledger.room, key.name, key.mean_usd_per_request, key.usd_per_day)
        return await self.planner.plan(request, key, room, explores=explores)

    async def serve(self, request: ChatRequest, key: Key | None, request_id: str) -> Served:
        """Answer a request that is named by an id of its own; what it gives must be closed.

        Raises:
            RequestError: it is refused, or nobody answered.
        """
        started = time.perf_counter()
        await self._count(key)
        if self.log is not None or self._adapts or (key is not None and key.is_charged):
            request = replace(request, is_metered=True)
        plan = await self.plan(request, key, explores=True)
        turn = Turn(request, plan, key, Outcome(), request_id, started=started)
        await self._charge(turn)
        asked = time.perf_counter()
        turn.overhead_s = asked - started
        try:
            if plan.mode == DIRECT:
                turn.outcome = await self.forwarder.direct(plan.order[0], request)
            else:
                turn.outcome = await self.forwarder.routed(plan.order, request)
        finally:
            if turn.outcome.answer is None:
                await asyncio.shield(self._settle(turn, 0.0))
        self._note_attempts(turn)
        answer = turn.outcome.answer
        if answer is None:
            status, kind = (429, "rate_limit_error") if turn.outcome.is_limited else (502, "upstream_error")
            self._finish(turn, status)
            told = f"no candidate answered: {turn.outcome.describe()}."
            raise RequestError(status, told, kind, turn.outcome.wait_s)
        if plan.mode != DIRECT:
            self._affinity.note(request.conversation, turn.outcome.candidate)
        asked_for = self.forwarder.endpoints[turn.outcome.candidate]
        hides = answer.is_events and request.adds_usage(asked_for)
        turn.meter = Meter(stream=answer.is_events, hides_usage=hides)
        body = self._passed_on(turn, answer, turn.meter)
        close = partial(self._close, turn, answer, body)
        return Served(turn.id, plan, turn.outcome, turn.overhead_s, answer, body, close)

    async def _passed_on(self, turn: Turn, answer: Answer, meter: Meter) -> AsyncGenerator[bytes]:
        """The answer's bytes, metered as they pass by; a stream that breaks says so in its last event."""
        try:
            async for chunk in answer.chunks:
                if shown := meter.feed(chunk):
                    yield shown
            if rest := meter.held():
                yield rest
        except UpstreamBroke as error:
            if rest := meter.held():
                yield rest
            self.metrics.broken_streams.labels(turn.outcome.candidate).inc()
            yield broken_event(str(error))

    async def _close(self, turn: Turn, answer: Answer, body: AsyncGenerator[bytes]) -> None:
        """Let go of an answer, settle and log it, once."""
        if turn.has_ended:
            return
        turn.has_ended = True
        await body.aclose()
        await answer.close()
        usage = None if turn.meter is None else turn.meter.end()
        cost = None if answer.status < 400 else 0.0  # a refused request is not paid
        if usage is not None:
            endpoint, name = self.forwarder.endpoints[turn.outcome.candidate], turn.outcome.candidate
            cost = usd(endpoint, usage.input_tokens, usage.output_tokens)
            self.metrics.tokens.labels(name, "input").inc(usage.input_tokens)
            self.metrics.tokens.labels(name, "output").inc(usage.output_tokens)
            self.metrics.cost.labels(name).inc(cost)
        await self._settle(turn, cost)
        self._finish(turn, answer.status, cost)

    async def _count(self, key: Key | None) -> None:
        """Refuse a request that comes too soon after others of its key."""
        if self.ledger is None or key is None or key.requests_per_minute is None:
            return
        per_minute = key.requests_per_minute
        wait = await self._kept(self.ledger.begin, key.name, per_minute)
        if wait:
            told = f"this key may ask {per_minute} times a minute; wait {wait:.0f} s."
            raise RequestError(429, told, "rate_limit_error", wait)

    async def _on_disk(self, call: Callable[..., Made], *arguments: object) -> Made:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *arguments)

    async def _kept(self, call: Callable[..., Made], *arguments: object) -> Made:
        """As `_on_disk`; a request whose key cannot be counted is refused."""
        try:
            return await self._on_disk(call, *arguments)
        except sqlite3.Error as error:
            raise RequestError(503, _NOT_KEPT, "server_error") from error

    async def _charge(self, turn: Turn) -> None:
        key = turn.key
        if self.ledger is None or key is None or not key.is_charged:
            return
        names = turn.plan.order[: self.settings.max_attempts]
        reserve = max(reserve_of(self.forwarder.endpoints[name], turn.request) for name in names)
        per_day, mean = key.usd_per_day, key.mean_usd_per_request
        if not await self._kept(self.ledger.charge, turn.id, key.name, reserve, per_day, mean):
            told = "other requests of this key have just taken what was left to it. Ask again when they have ended."
            raise RequestError(429, told, "insufficient_quota")

    async def _settle(self, turn: Turn, paid_usd: float | None) -> None:
        """Settle what is known of the cost of an answer, 0 for none; None leaves the charge."""
        if self.ledger is None or turn.key is None or not turn.key.is_charged:
            return
        failed = [attempt for attempt in turn.outcome.attempts if attempt.failure and attempt.failure.may_be_paid]
        maybe = sum(reserve_of(self.forwarder.endpoints[one.candidate], turn.request) for one in failed)
        answer = turn.outcome.answer
        is_answered = maybe > 0 or (answer is not None and answer.status < 400)
        try:
            paid = None if paid_usd is None else paid_usd + maybe
            await self._on_disk(partial(self.ledger.settle, turn.id, paid, is_answered=is_answered))
        except sqlite3.Error as error:
            self.metrics.lost.inc()
            tell("warning", f"the ledger cannot be written ({error}); a charge stays as it was reserved.")

    def _note_attempts(self, turn: Turn) -> None:
        for attempt in turn.outcome.attempts:
            if attempt.fault:
                self.metrics.failed_attempts.labels(attempt.candidate).inc()
        for name, breaker in self.forwarder.breakers.items():
            self.metrics.closed_off.labels(name).set(int(breaker.is_open))
        self.metrics.overhead.labels(turn.plan.mode).observe(turn.overhead_s)
        if turn.outcome.answer is not None:
            self.metrics.upstream.labels(turn.outcome.candidate).observe(turn.outcome.answer.first_byte_s)

    def _finish(self, turn: Turn, status: int, cost: float | None = None) -> None:
        outcome, plan = turn.outcome, turn.plan
        self.metrics.requests.labels(plan.mode, outcome.candidate or "none", str(status)).inc()
        if self.adaptation is not None and plan.ranking is not None and outcome.candidate:
            decision, of = plan.ranking.own or plan.ranking.decision, outcome.candidate
            if (expected := (decision.estimated_accuracy or {}).get(of)) is not None:
                self.adaptation.answered(turn.id, of, expected, decision.estimated_cost_usd.get(of), cost)
        if self.log is None:
            return
        name = turn.key.name if turn.key else ANYBODY
        self.log.add(entry_of(turn, name, status, cost, with_content=self.log.options.content))


def broken_event(message: str) -> bytes:
    """The last event of a stream that broke."""
    error = {"error": {"message": f"the stream ended early: {message}.", "type": "upstream_error", "code": 502}}
    return b"\n\ndata: " + json.dumps(error).encode() + b"\n\n"

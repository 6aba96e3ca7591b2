"""Asking candidates one after another until one answers.

Decisions
- A routed request goes to the next best candidate by the same estimates. A candidate that was asked for by its name is
  asked again at the same endpoint, never replaced.
- An endpoint that is closed off or cannot take the request is passed over, and counts as no attempt.
- When the caller goes away the upstream's answer is closed.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vlrouterbench.measuring.asking.replies import Failure, Fault
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.breaker import Breaker
from vlrouterbench.serving.capability import lacks
from vlrouterbench.serving.chat import ChatRequest
from vlrouterbench.serving.request_error import RequestError
from vlrouterbench.serving.settings import Settings
from vlrouterbench.serving.upstream import Answer, Upstreams

FIRST_WAIT_S, MOST_WAIT_S = 0.5, 10.0
"""Before the second attempt, and the longest `Retry-After` of a candidate that was asked for by name which is
waited for."""


@dataclass(frozen=True)
class Attempt:
    """One candidate that was asked, and how it failed; None for the one that answered."""

    candidate: str
    failure: Failure | None

    @property
    def fault(self) -> str:
        """How it failed, in one line; "" where it did not."""
        return "" if self.failure is None else str(self.failure)

    @property
    def kind(self) -> str:
        """The kind of its failure alone: an upstream's words may repeat what was asked."""
        return "" if self.failure is None else str(self.failure.fault)


@dataclass
class Outcome:
    """How a request was answered.

    Attributes:
        candidate: who answered.
        answer: None where nobody did.
        attempts: all that were asked, in order.
        closed_off: candidates that were not asked, since they failed too often -> seconds for which they are left
            alone yet.
        is_limited: whether all that kept candidates from answering were limits on the rate of requests.
        wait_s: seconds until one of them may be asked again; None where nothing is known of that.
    """

    candidate: str = ""
    answer: Answer | None = None
    attempts: list[Attempt] = field(default_factory=list)
    closed_off: dict[str, float] = field(default_factory=dict)
    is_limited: bool = False
    wait_s: float | None = None

    def describe(self) -> str:
        """What was tried, in one line."""
        tried = [f"{attempt.candidate}: {attempt.fault}" for attempt in self.attempts]
        return "; ".join([*tried, *(f"{name}: {closed_off(wait)}" for name, wait in self.closed_off.items())])

    def instead(self, first: str) -> str:
        """Why another than the first candidate answered, in one sentence; "" where the first one did."""
        if self.candidate in ("", first):
            return ""
        failed = [f"{one.candidate} failed ({one.kind})" for one in self.attempts if one.failure is not None]
        closed = [f"{name} is {closed_off(wait)}" for name, wait in self.closed_off.items()]
        return f"{', '.join([*closed, *failed])}, and {self.candidate} is the next best."


def closed_off(wait_s: float) -> str:
    """That an endpoint is left alone, and for how long."""
    return f"closed off after failures, for {math.ceil(wait_s)} s more" if wait_s else "closed off while one tries it"


class Forwarder:
    """Asks endpoints for a gateway, in one event loop."""

    def __init__(self, upstreams: Upstreams, endpoints: Mapping[str, Endpoint], settings: Settings) -> None:
        self._upstreams, self.endpoints, self._settings = upstreams, dict(endpoints), settings
        self.breakers = {
            name: Breaker(settings.breaker_failures, settings.breaker_cooldown_s) for name in self.endpoints
        }
        self._places = {name: asyncio.Semaphore(e.max_concurrency) for name, e in self.endpoints.items()}

    def capable(self, names: Sequence[str], request: ChatRequest) -> tuple[list[str], dict[str, str]]:
        """Those of some candidates that can take a request, and why the others cannot.

        Raises:
            RequestError: 400, none can.
        """
        reasons = {name: why for name in names if (why := lacks(self.endpoints[name], request))}
        if len(reasons) == len(names):
            listed = "; ".join(f"{name}: {why}" for name, why in reasons.items())
            raise RequestError(400, f"no candidate can take this request: {listed}.")
        return [name for name in names if name not in reasons], reasons

    async def routed(self, order: Sequence[str], request: ChatRequest) -> Outcome:
        """Ask candidates that can take a request in order, each once, until one answers."""
        outcome = Outcome()
        for name in order:
            if len(outcome.attempts) >= self._settings.max_attempts:
                break
            if not self.breakers[name].may_ask():
                outcome.closed_off[name] = self.breakers[name].wait_s
                continue
            if await self._asked(name, request, outcome) is None:
                break
        return self._ended(outcome)

    async def direct(self, name: str, request: ChatRequest) -> Outcome:
        """Ask one candidate, again where it fails for a reason that may pass."""
        outcome = Outcome()
        while len(outcome.attempts) < self._settings.max_attempts:
            if not self.breakers[name].may_ask():
                outcome.closed_off[name] = self.breakers[name].wait_s
                break
            failure = await self._asked(name, request, outcome)
            if failure is None or not failure.passes:
                break
            wait = failure.retry_after_s or FIRST_WAIT_S * 2 ** len(outcome.attempts) * random.uniform(0.5, 1)
            if wait > MOST_WAIT_S or len(outcome.attempts) >= self._settings.max_attempts:
                break
            await asyncio.sleep(wait)
        return self._ended(outcome)

    def closed(self, names: Sequence[str]) -> dict[str, float]:
        """Those of some candidates that would not be asked at present, and for how many seconds yet."""
        return {name: self.breakers[name].wait_s for name in names if self.breakers[name].is_open}

    def _ended(self, outcome: Outcome) -> Outcome:
        """An outcome with what is to be said where nobody answered."""
        if outcome.answer is None:
            tried = {*outcome.closed_off, *(attempt.candidate for attempt in outcome.attempts)}
            waits = [wait for name in tried if (wait := self.breakers[name].wait_s) > 0]
            outcome.is_limited = all(self.breakers[name].is_limited for name in tried)
            outcome.wait_s = min(waits, default=FIRST_WAIT_S if outcome.is_limited else None)
        return outcome

    async def _asked(self, name: str, request: ChatRequest, outcome: Outcome) -> Failure | None:
        """Ask once and note it; None where an answer has begun, whose place is taken until it is closed."""
        endpoint, breaker, place = self.endpoints[name], self.breakers[name], self._places[name]
        body = request.for_upstream(endpoint)
        await place.acquire()
        found: Answer | Failure | None = None
        try:
            found = await self._upstreams.ask(
                endpoint, body, stream=request.stream, first_byte_s=self._settings.first_byte_s
            )
        finally:
            if not isinstance(found, Answer):
                place.release()
            if found is None:
                breaker.abandoned()
        if isinstance(found, Failure):
            breaker.failed(found.retry_after_s, is_limited=found.fault is Fault.RATE_LIMITED)
            outcome.attempts.append(Attempt(name, found))
            return found
        found.on_close.append(place.release)
        breaker.succeeded()
        outcome.attempts.append(Attempt(name, None))
        outcome.candidate, outcome.answer = name, found
        return None

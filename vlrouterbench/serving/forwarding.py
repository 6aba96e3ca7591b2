"""Asking candidates one after another until one answers.

Decisions
- A routed request goes to the next best candidate by the same estimates. A candidate that was asked for by its name is
  asked again at the same endpoint, never replaced.
- An endpoint that is closed off or cannot take the request is passed over, and counts as no attempt.
- When the caller goes away the upstream's answer is closed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vlrouterbench.measuring.asking.replies import Failure
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.breaker import Breaker
from vlrouterbench.serving.capability import lacks
from vlrouterbench.serving.chat import ChatRequest, RequestError
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
        closed_off: candidates that were not asked, since they failed too often.
    """

    candidate: str = ""
    answer: Answer | None = None
    attempts: list[Attempt] = field(default_factory=list)
    closed_off: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """What was tried, in one line."""
        tried = [f"{attempt.candidate}: {attempt.fault}" for attempt in self.attempts]
        return "; ".join([*tried, *(f"{name}: closed off after failures" for name in self.closed_off)])


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
                outcome.closed_off.append(name)
                continue
            if await self._asked(name, request, outcome) is None:
                break
        return outcome

    async def direct(self, name: str, request: ChatRequest) -> Outcome:
        """Ask one candidate, again where it fails for a reason that may pass."""
        outcome = Outcome()
        while len(outcome.attempts) < self._settings.max_attempts:
            if not self.breakers[name].may_ask():
                outcome.closed_off.append(name)
                break
            failure = await self._asked(name, request, outcome)
            if failure is None or not failure.passes:
                break
            wait = failure.retry_after_s or FIRST_WAIT_S * 2 ** len(outcome.attempts) * random.uniform(0.5, 1)
            if wait > MOST_WAIT_S or len(outcome.attempts) >= self._settings.max_attempts:
                break
            await asyncio.sleep(wait)
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
            breaker.failed(found.retry_after_s)
            outcome.attempts.append(Attempt(name, found))
            return found
        found.on_close.append(place.release)
        breaker.succeeded()
        outcome.attempts.append(Attempt(name, None))
        outcome.candidate, outcome.answer = name, found
        return None

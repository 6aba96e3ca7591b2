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
    """One candidate that was asked, and how it failed; "" for the one that answered."""

    candidate: str
    fault: str


@dataclass
class Outcome:
    """How a request was answered.

    Attributes:
        candidate: who answered.
        answer: None where nobody did.
        attempts: all that were asked, in order.
        passed_over: candidate -> why it was not asked.
    """

    candidate: str = ""
    answer: Answer | None = None
    attempts: list[Attempt] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)

    def describe(self) -> str:
        """What was tried, in one line."""
        tried = [f"{attempt.candidate}: {attempt.fault}" for attempt in self.attempts]
        return "; ".join([*tried, *(f"{name}: {why}" for name, why in self.passed_over.items())])


class Forwarder:
    """Asks endpoints for a gateway, in one event loop."""

    def __init__(self, upstreams: Upstreams, endpoints: Mapping[str, Endpoint], settings: Settings) -> None:
        self._upstreams, self.endpoints, self._settings = upstreams, dict(endpoints), settings
        self.breakers = {
            name: Breaker(settings.breaker_failures, settings.breaker_cooldown_s) for name in self.endpoints
        }
        self._places = {name: asyncio.Semaphore(e.max_concurrency) for name, e in self.endpoints.items()}

    def capable(self, names: Sequence[str], request: ChatRequest) -> tuple[list[str], dict[str, str]]:
        """Those of some candidates that can take a request, and why the others cannot."""
        reasons = {name: lacks(self.endpoints[name], request) for name in names}
        return [name for name in names if not reasons[name]], {name: why for name, why in reasons.items() if why}

    async def routed(self, order: Sequence[str], request: ChatRequest) -> Outcome:
        """Ask candidates in order, each once, until one answers.

        Raises:
            RequestError: 400, no candidate can take the request.
        """
        names, reasons = self.capable(order, request)
        if not names:
            raise RequestError(400, f"no candidate can take this request: {_listed(reasons)}.")
        outcome = Outcome(passed_over=reasons)
        for name in names:
            if len(outcome.attempts) >= self._settings.max_attempts:
                break
            if not self.breakers[name].may_ask():
                outcome.passed_over[name] = "closed off after failures"
                continue
            if await self._asked(name, request, outcome) is None:
                break
        return outcome

    async def direct(self, name: str, request: ChatRequest) -> Outcome:
        """Ask one candidate, again where it fails for a reason that may pass.

        Raises:
            RequestError: 400, it cannot take the request.
        """
        _, reasons = self.capable([name], request)
        if reasons:
            raise RequestError(400, f"{name} cannot take this request: {_listed(reasons)}.")
        outcome = Outcome()
        while len(outcome.attempts) < self._settings.max_attempts:
            if not self.breakers[name].may_ask():
                outcome.passed_over[name] = "closed off after failures"
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
        body = request.for_upstream(endpoint.sent_model, endpoint.extra_body)
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
            outcome.attempts.append(Attempt(name, str(found)))
            return found
        found.on_close.append(place.release)
        breaker.succeeded()
        outcome.attempts.append(Attempt(name, ""))
        outcome.candidate, outcome.answer = name, found
        return None


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())

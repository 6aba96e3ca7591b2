"""When the next request to an endpoint may begin, and how long to wait before asking again.

Decisions
- `requests_per_minute` spaces requests evenly, so that no burst meets the server's own limit.
- `Retry-After` holds for the endpoint: everybody who would ask it waits, not the one whose request was turned down.
- Without it the wait doubles from half a second to a minute, drawn between half and the whole of it, so that requests
  that failed together are not asked together again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from vlrouterbench.measuring.asking.replies import Failure, Fault, Reply
from vlrouterbench.measuring.endpoints.endpoint import Endpoint

ATTEMPTS = 6
"""Times that a question is asked before its failure counts."""
FEW_ATTEMPTS = 3
"""The same after timeouts, each of which took minutes, and of an address that nobody answered at yet."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
MOST_PATIENCE_S = 900.0
"""The longest `Retry-After` that is waited for; a longer one is a failure, since it may be tomorrow."""


class Pace:
    """The pace of one endpoint, shared by all who ask it in one event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._spacing = 60.0 / endpoint.requests_per_minute if endpoint.requests_per_minute else 0.0
        self._next = self._paused_until = 0.0

    async def turn(self) -> None:
        """Wait until a request may begin."""
        if self._spacing:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._spacing
            await asyncio.sleep(start - now)
        while (rest := self._paused_until - time.monotonic()) > 0:
            await asyncio.sleep(rest)

    def pause(self, seconds: float) -> None:
        """Let nobody begin a request for some time."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)


async def ask_until_answered(
    ask_once: Callable[[], Awaitable[Reply | Failure | None]], pace: Pace, *, is_new: bool
) -> tuple[Reply | Failure | None, int]:
    """Ask, and ask again while the failure may pass.

    Args:
        ask_once: asks; None where it must not.
        pace: of the endpoint.
        is_new: whether the endpoint never answered yet: then its address is likely wrong, and is not waited for long.

    Returns:
        What came in the end, and how often was asked.
    """
    attempt = 0
    while True:
        attempt += 1
        await pace.turn()
        found = await ask_once()
        if not isinstance(found, Failure) or not found.passes or attempt >= _most_attempts(found.fault, is_new):
            return found, attempt
        wait = found.retry_after_s
        if wait is not None and wait > MOST_PATIENCE_S:
            return found, attempt
        if wait is not None and found.fault in (Fault.RATE_LIMITED, Fault.SERVER):
            pace.pause(wait)
            continue
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
        await asyncio.sleep(random.uniform(longest / 2, longest))


def _most_attempts(fault: Fault, is_new: bool) -> int:
    return FEW_ATTEMPTS if fault is Fault.TIMEOUT or (is_new and fault is Fault.UNREACHABLE) else ATTEMPTS

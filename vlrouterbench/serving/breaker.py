"""Whether an endpoint may be asked: after failures one after another it is left alone for some time.

Decisions
- By a monotonic clock: a change of the machine's time opens and closes nothing.
- After the wait one request tries; the others pass by until it has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Of one endpoint, in one event loop.

    Args:
        failures: one after another, that close the endpoint off.
        cooldown_s: how long, s; a longer `Retry-After` counts instead.
        clock: seconds that never go back.
    """

    def __init__(self, failures: int, cooldown_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._cooldown_s, self._clock = failures, cooldown_s, clock
        self._failed = 0
        self._until = 0.0
        self._is_trying = False
        self.is_limited = False
        """Whether the latest failure was a limit on the rate of requests."""

    @property
    def wait_s(self) -> float:
        """Seconds for which the endpoint is left alone yet; 0 where it is not."""
        return max(0.0, self._until - self._clock())

    @property
    def is_open(self) -> bool:
        """Whether the endpoint is left alone at present."""
        return self._clock() < self._until

    def may_ask(self) -> bool:
        """Whether a request may go there; after a wait, the first one that asks takes the trial."""
        if self.is_open or self._is_trying:
            return False
        self._is_trying = self._failed >= self._most
        return True

    def succeeded(self) -> None:
        """An answer began."""
        self._failed, self._until, self._is_trying = 0, 0.0, False

    def failed(self, retry_after_s: float | None = None, *, is_limited: bool = False) -> None:
        """No answer; `retry_after_s` is what the endpoint itself asks to wait."""
        self._failed += 1
        self.is_limited = is_limited
        self._is_trying = False
        wait = self._cooldown_s if self._failed >= self._most else 0.0
        self._until = max(self._until, self._clock() + max(wait, retry_after_s or 0.0))

    def abandoned(self) -> None:
        """A request ended for a reason that says nothing about the endpoint."""
        self._is_trying = False

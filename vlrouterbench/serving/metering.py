"""What an answer used: read from the bytes that pass by, without changing those that the caller asked for.

Decisions
- The upstream's own `usage` counts. Where it gives none, an answer counts as what was reserved for it: more than it
  cost, never less.
- Of a stream only lines that speak of usage are parsed, and only up to a length.
- An event that an upstream sends for the gateway alone, since the caller did not ask for usage, is taken out whole: one
  that has usage and no choices. Until an event is whole its bytes are held; all others pass as they came.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

_LONGEST_LINE = 2**20
_MARK = b'"usage"'
_END_OF_EVENT = re.compile(rb"(?>\r\n|\n|\r(?!\Z)){2}")  # an \r at the end may be half of a line's end


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer by the upstream's count."""

    input_tokens: int
    output_tokens: int


class Meter:
    """Follows one answer.

    Args:
        stream: whether it comes as events.
        hides_usage: whether the event that has the usage alone is kept from the caller.

    Attributes:
        usage: None while none was seen.
    """

    def __init__(self, *, stream: bool, hides_usage: bool = False) -> None:
        self.usage: Usage | None = None
        self._hides, self._event = hides_usage, bytearray()
        self._stream, self._rest = stream, bytearray()
        self._is_skipping = False

    def feed(self, chunk: bytes) -> bytes:
        """Look at the next bytes; those that are for the caller by now."""
        self._rest += chunk
        if self._stream:
            self._look()
        return self._shown(chunk) if self._hides else chunk

    def held(self) -> bytes:
        """At the end: what was held, since its event was not known to be whole."""
        rest, self._event = bytes(self._event), bytearray()
        return b"" if _is_usage_alone(rest) else rest

    def _shown(self, chunk: bytes) -> bytes:
        start = max(0, len(self._event) - 3)  # an end may have begun in the bytes before
        self._event += chunk
        shown = bytearray()
        while (end := _END_OF_EVENT.search(self._event, start)) is not None:
            event, self._event, start = self._event[: end.end()], self._event[end.end() :], 0
            if not _is_usage_alone(bytes(event)):
                shown += event
        if len(self._event) > _LONGEST_LINE:
            shown += self.held()
        return bytes(shown)

    def _look(self) -> None:
        *lines, rest = self._rest.split(b"\n")
        for line in lines:
            if not self._is_skipping and line.startswith(b"data:") and _MARK in line:
                self._read(bytes(line[5:]))
            self._is_skipping = False
        self._rest = bytearray(rest)
        if len(self._rest) > _LONGEST_LINE:
            self._rest, self._is_skipping = bytearray(), True

    def end(self) -> Usage | None:
        """What the whole answer says."""
        if not self._stream and _MARK in self._rest:
            self._read(bytes(self._rest))
        return self.usage

    def _read(self, content: bytes) -> None:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return
        usage = body.get("usage") if isinstance(body, dict) else None
        if isinstance(usage, dict):
            asked, answered = usage.get("prompt_tokens"), usage.get("completion_tokens")
            if _is_count(asked) and _is_count(answered):
                self.usage = Usage(asked, answered)


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _is_usage_alone(event: bytes) -> bool:
    """Whether an event has the usage of an answer, and nothing of the answer."""
    data = b"".join(line[5:] for line in event.splitlines() if line.startswith(b"data:"))
    if _MARK not in data:
        return False
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(body, dict) and isinstance(body.get("usage"), dict) and not (body.get("choices") or "error" in body)
    )

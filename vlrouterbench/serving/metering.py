"""What an answer used: read from the bytes that pass by, without changing them.

Decisions
- The upstream's own `usage` counts. Where it gives none, an answer counts as what was reserved for it: more than it
  cost, never less.
- Of a stream only lines that speak of usage are parsed, and only up to a length.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeGuard

_LONGEST_LINE = 2**20
_MARK = b'"usage"'


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer by the upstream's count."""

    input_tokens: int
    output_tokens: int


class Meter:
    """Follows one answer.

    Args:
        stream: whether it comes as events.

    Attributes:
        usage: None while none was seen.
    """

    def __init__(self, *, stream: bool) -> None:
        self.usage: Usage | None = None
        self._stream, self._rest = stream, bytearray()
        self._is_skipping = False

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes."""
        self._rest += chunk
        if not self._stream:
            return
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

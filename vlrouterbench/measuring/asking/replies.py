"""What asking once gives: a reply, or a failure with its reason.

Decisions
- A reply that says nothing is a reply: the candidate was asked and paid. A failure is no answer and has no quality.
- What may pass by itself is asked again; what the server refused is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vlrouterbench.core.errors import SHOWN_CHARACTERS
from vlrouterbench.core.output_text import one_line

MOST_TOKENS = 2**31 - 1
REFUSED_BY_FILTER = "content_filter"


class Fault(StrEnum):
    """Why there is no answer."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate limited"
    SERVER = "server error"
    BROKEN = "broken answer"
    KEY = "key refused"
    NOT_FOUND = "not found"
    REJECTED = "request rejected"
    IMAGE = "image"


PASSING = frozenset((Fault.UNREACHABLE, Fault.TIMEOUT, Fault.RATE_LIMITED, Fault.SERVER, Fault.BROKEN))
"""Faults that may pass: asked again, at once and by a rerun."""
ENDPOINT_WIDE = frozenset((Fault.UNREACHABLE, Fault.KEY, Fault.NOT_FOUND))
"""Faults that the next question would meet too."""
_MAY_BE_PAID = frozenset((Fault.TIMEOUT, Fault.SERVER, Fault.BROKEN))


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: what the candidate wrote.
        finish_reason: why it ended, as the server says.
        refused: whether the candidate or a filter refused to answer.
        input_tokens, output_tokens: by the server's count; None where it gives none.
        latency_s: seconds from request to whole answer, of the attempt that gave it.
    """

    text: str
    finish_reason: str
    refused: bool
    input_tokens: int | None
    output_tokens: int | None
    latency_s: float = 0.0


@dataclass(frozen=True)
class Failure:
    """No answer.

    Attributes:
        fault: of which kind.
        detail: what was found, in one line.
        retry_after_s: seconds that the server asks to wait; None where it does not say.
    """

    fault: Fault
    detail: str
    retry_after_s: float | None = None

    @property
    def passes(self) -> bool:
        """Whether asking again may help."""
        return self.fault in PASSING

    @property
    def may_be_paid(self) -> bool:
        """Whether the candidate may have answered all the same."""
        return self.fault in _MAY_BE_PAID

    def __str__(self) -> str:
        return f"{self.fault}: {self.detail}"


def fault_of_status(status: int) -> Fault:
    """What an HTTP status other than success means."""
    by_status = {401: Fault.KEY, 403: Fault.KEY, 404: Fault.NOT_FOUND, 408: Fault.TIMEOUT, 429: Fault.RATE_LIMITED}
    return by_status.get(status, Fault.SERVER if status >= 500 or status in (409, 425) else Fault.REJECTED)


def read_reply(body: bytes) -> Reply | Failure:
    """A chat completion's body."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Failure(Fault.BROKEN, f"expected JSON, found {_start(body)}")
    if not isinstance(content, dict):
        return Failure(Fault.BROKEN, f"expected an object with choices, found {_start(body)}")
    choices = content.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        said = error_message(content)
        return Failure(Fault.BROKEN, f"expected choices with a message, found {said or _start(body)}")
    refusal, finish = _text(message.get("refusal")), choice.get("finish_reason")
    usage = content.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(
        text=_text(message.get("content")) or refusal,
        finish_reason=one_line(finish)[:SHOWN_CHARACTERS] if isinstance(finish, str) else "",
        refused=bool(refusal) or finish == REFUSED_BY_FILTER,
        input_tokens=_count(counts.get("prompt_tokens")),
        output_tokens=_count(counts.get("completion_tokens")),
    )


def error_message(content: Any) -> str:
    """What a server's error says, in one line; "" where it is not in the usual form."""
    error = content.get("error", content.get("detail")) if isinstance(content, Mapping) else None
    said = error.get("message") if isinstance(error, Mapping) else error
    return one_line(said)[:SHOWN_CHARACTERS] if isinstance(said, str) else ""


def error_of_body(body: bytes) -> str:
    """What the body of an error says, in one line."""
    try:
        said = error_message(json.loads(body))
    except (ValueError, RecursionError):
        said = ""
    return said or _start(body)


def _text(content: Any) -> str:
    """The text of a message's content, which may be parts; half characters, which no file holds, become "?"."""
    if isinstance(content, str):
        return content.encode("utf-8", "replace").decode()
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text")
    return _text("".join(text for text in texts if isinstance(text, str)))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS else None


def _start(body: bytes) -> str:
    """The first words of a body that is not as it should be."""
    text = one_line(body[:SHOWN_CHARACTERS].decode("utf-8", "replace")).strip()
    return f'"{text}"' if text else "nothing"

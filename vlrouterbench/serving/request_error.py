"""What a caller is told where a request is refused."""

from __future__ import annotations

import traceback

from vlrouterbench.serving.telling import tell


class RequestError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: one line for who sent it.
        kind: OpenAI's `type` of an error.
        retry_after_s: after which asking again may help, s; None where that is not known.
    """

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.retry_after_s = status, message, kind, retry_after_s


def unexpected(error: BaseException) -> RequestError:
    """What a caller is told of what nobody foresaw: never its text, which may hold what was asked."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    tell("error", f"{type(error).__name__} at {where.filename}:{where.lineno}")
    return RequestError(500, f"unexpected {type(error).__name__}.", "server_error")


def kind_of(value: object) -> str:
    """What a value of JSON is, in a message."""
    names = {dict: "an object", list: "a list", str: "a text", type(None): "nothing", bool: "true or false"}
    if isinstance(value, str | list) and not value:
        return f"an empty {'text' if isinstance(value, str) else 'list'}"
    return names.get(type(value), "a number")

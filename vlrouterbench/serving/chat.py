"""A chat completion request: what the gateway reads of it. The rest is passed on as it came.

Decisions
- Only what decides is looked at: the model's name, the turns, whether tools are there and how long the answer may be.
  Fields that are not known here are for the upstream to judge.
- The gateway's own wishes stand in headers (`x-vlrouter-...`) or in the body's `vlrouter`, which is not passed on.
- NaN and Infinity are no JSON, and are refused as every other malformed body.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from vlrouterbench.core.errors import shown
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.telling import tell

HEADER = "x-vlrouter-"
OWN_FIELD = "vlrouter"
_NUMBERS = ("usd_weight", "max_cost_usd", "min_accuracy", "max_latency_s")
_WISHES = ("objective", *_NUMBERS, "candidates")
MOST_MESSAGES, MOST_IMAGES = 2_000, 64


class RequestError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        message: one line for who sent it.
        kind: OpenAI's `type` of an error.
    """

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


@dataclass(frozen=True)
class Wish:
    """What a request asks of its decision.

    Attributes:
        objective: as text, "" for what its model or key says.
        budget: of `usd_weight`, `max_cost_usd`, `min_accuracy`, `max_latency_s`, those that were given.
        candidates: to choose from; empty for all that are allowed.
    """

    objective: str = ""
    budget: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChatRequest:
    """A request as the gateway reads it.

    Attributes:
        body: as it came, without the gateway's own field.
        model: the name that was asked for.
        messages: its turns.
        stream: whether the answer is a stream.
        tools: whether tools are offered.
        max_tokens: cap on one answer; None where it has none.
        num_answers: how many are asked for.
        images: addresses of all images of all turns, in order.
        wish: see Wish.
        conversation: stable hash of the turns up to the user's first.
        is_later: whether it may go on with a conversation: it names one, or an assistant's turn stands in it.
    """

    body: Mapping[str, Any]
    model: str
    messages: Sequence[Mapping[str, Any]]
    stream: bool
    tools: bool
    max_tokens: int | None
    num_answers: int
    images: tuple[str, ...]
    wish: Wish
    conversation: str
    is_later: bool

    def for_upstream(self, endpoint: Endpoint) -> bytes:
        """The body for an endpoint: its own name of the model; its cap and `extra_body` where the request has none."""
        added = {name: value for name, value in endpoint.extra_body.items() if value is not None}
        if self.max_tokens is None and endpoint.max_output_tokens is not None:
            added = {"max_tokens": endpoint.max_output_tokens, **added}
        return json.dumps({**added, **self.body, "model": endpoint.sent_model}, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    @property
    def names_images(self) -> bool:
        """Whether an image is named by an address, in the place of a data URL."""
        return any(url[:5].lower() != "data:" for url in self.images)

    def with_messages(self, messages: Sequence[Mapping[str, Any]]) -> ChatRequest:
        """The same request with other messages, whose images are all there."""
        images = tuple(url for turn in messages for url in _images(turn.get("content")))
        return replace(self, body={**self.body, "messages": messages}, messages=messages, images=images)

    @cached_property
    def text(self) -> str:
        """All of the body but its images: what a model may be given as text, tools and schemas too."""
        told = json.dumps(self.body, ensure_ascii=False)
        for url in self.images:
            told = told.replace(json.dumps(url, ensure_ascii=False)[1:-1], "", 1)
        return told


def unexpected(error: BaseException) -> RequestError:
    """What a caller is told of what nobody foresaw: never its text, which may hold what was asked."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    tell("error", f"{type(error).__name__} at {where.filename}:{where.lineno}")
    return RequestError(500, f"unexpected {type(error).__name__}.", "server_error")


def read_chat(content: Mapping[str, Any], headers: Mapping[str, str]) -> ChatRequest:
    """Read the body (`read_object`) and headers of a request.

    Raises:
        RequestError: it is not a chat completion request.
    """
    body = dict(content)
    own = body.pop(OWN_FIELD, {})
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise RequestError(400, f'expected "model" as a text, found {_kind(model)}.')
    if not isinstance(messages, list) or not messages or not all(isinstance(turn, dict) for turn in messages):
        raise RequestError(
            400, f'expected "messages" as a list of objects with role and content, found {_kind(messages)}.'
        )
    if len(messages) > MOST_MESSAGES:
        raise RequestError(400, f"expected at most {MOST_MESSAGES:,} messages, found {len(messages):,}.")
    images = tuple(url for turn in messages for url in _images(turn.get("content")))
    if len(images) > MOST_IMAGES:
        raise RequestError(400, f"expected at most {MOST_IMAGES} images, found {len(images):,}.")
    named = headers.get(f"{HEADER}conversation", "")
    return ChatRequest(
        body=body,
        model=model,
        messages=messages,
        stream=body.get("stream") is True,
        tools=bool(body.get("tools") or body.get("functions")),
        max_tokens=_count_of(body, "max_completion_tokens") or _count_of(body, "max_tokens"),
        num_answers=_count_of(body, "n") or 1,
        images=images,
        wish=_wish(own, headers),
        conversation=named or _first_turns(messages),
        is_later=bool(named) or any(turn.get("role") == "assistant" for turn in messages),
    )


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        RequestError: it is none.
    """
    try:
        body = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise RequestError(400, "expected JSON of ordinary depth, found lists nested very deeply.") from None
    except ValueError as error:
        raise RequestError(400, f"expected a body of JSON: {shown(str(error))[1:-1]}.") from None
    if not isinstance(body, dict):
        raise RequestError(400, f"expected a JSON object, found {_kind(body)}.")
    return body


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _wish(own: object, headers: Mapping[str, str]) -> Wish:
    if not isinstance(own, Mapping):
        raise RequestError(400, f'expected "{OWN_FIELD}" as an object, found {_kind(own)}.')
    given = dict(own)
    for name in _WISHES:
        if (text := headers.get(HEADER + name.replace("_", "-"))) is not None and name not in given:
            given[name] = [part.strip() for part in text.split(",")] if name == "candidates" else text
    for name in given:
        if name not in _WISHES:
            raise RequestError(
                400, f'unknown field "{shown(name)[1:-1]}" in "{OWN_FIELD}". Known: {", ".join(_WISHES)}.'
            )
    objective, names = given.get("objective", ""), given.get("candidates", ())
    if not isinstance(objective, str):
        raise RequestError(400, f'expected "objective" as a text, found {_kind(objective)}.')
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise RequestError(400, f'expected "candidates" as a list of names, found {_kind(names)}.')
    budget = {name: _number(name, given[name]) for name in _NUMBERS if given.get(name) is not None}
    return Wish(objective, budget, tuple(names))


def _number(name: str, value: object) -> float:
    try:
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise RequestError(400, f'expected "{name}" as a number, found {shown(value)}.')


def _count_of(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _images(content: Any) -> list[str]:
    found = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and part.get("type") == "image_url":
            image = part.get("image_url")
            url = image.get("url") if isinstance(image, dict) else image
            if not isinstance(url, str):
                raise RequestError(400, f'expected the "url" of an image_url as a text, found {_kind(url)}.')
            found.append(url)
    return found


def _first_turns(messages: Sequence[Mapping[str, Any]]) -> str:
    last = next((place for place, turn in enumerate(messages) if turn.get("role") == "user"), len(messages) - 1)
    told = json.dumps(messages[: last + 1], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", type(None): "nothing", bool: "true or false"}
    if isinstance(value, str | list) and not value:
        return f"an empty {'text' if isinstance(value, str) else 'list'}"
    return names.get(type(value), "a number")

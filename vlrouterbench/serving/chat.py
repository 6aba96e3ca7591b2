"""A chat completion request: what the gateway reads of it. The rest is passed on as it came.

Decisions
- Only what decides is looked at: the model's name, the turns, whether tools are there and how long the answer may be.
  Fields that are not known here are for the upstream to judge.
- What an answer costs follows from fields that are read here (`CAPS`, `ANSWERS`): they are whole numbers from 1, or the
  request is refused, so that no server can read more into them than was reserved. The larger of two counts.
- NaN, Infinity and numbers beyond the range are no JSON, and are refused as every other malformed body.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vlrouterbench.core.errors import shown
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.content_parts import images_of, refuse_addresses
from vlrouterbench.serving.request_error import RequestError, kind_of
from vlrouterbench.serving.wishes import CONVERSATION, HEADER, OWN_FIELD, Wish, read_wish

MOST_MESSAGES, MOST_IMAGES = 2_000, 64
CAPS = ("max_completion_tokens", "max_tokens")
"""Fields that cap one answer."""
ANSWERS = ("n", "best_of")
"""Fields that say how many answers are generated."""
MOST_COUNT = 2**31 - 1
_MOST_DIGITS = 400
_STREAM_OPTIONS = "stream_options"


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
        images: addresses of all images of all turns, in order.
        wish: see Wish.
        conversation: stable hash of the turns up to the user's first.
        is_later: whether it may go on with a conversation: it names one, or an assistant's turn stands in it.
        is_metered: whether the upstream is asked for the usage of a stream, whatever the caller asked for.
    """

    body: Mapping[str, Any]
    model: str
    messages: Sequence[Mapping[str, Any]]
    stream: bool
    tools: bool
    max_tokens: int | None
    images: tuple[str, ...]
    wish: Wish
    conversation: str
    is_later: bool
    is_metered: bool = False

    def sent_to(self, endpoint: Endpoint) -> Mapping[str, Any]:
        """The body for an endpoint: its own name of the model; its cap and `extra_body` where the request has none."""
        added = {name: value for name, value in endpoint.extra_body.items() if value is not None}
        if self.max_tokens is not None:
            added = {name: value for name, value in added.items() if name not in CAPS}
        elif endpoint.max_output_tokens is not None and "max_tokens" not in endpoint.extra_body:
            added = {"max_tokens": endpoint.max_output_tokens, **added}
        own = {name: value for name, value in self.body.items() if value is not None or name not in CAPS}
        sent = {**added, **own, "model": endpoint.sent_model}
        if self.adds_usage(endpoint):
            sent[_STREAM_OPTIONS] = {**(sent.get(_STREAM_OPTIONS) or {}), "include_usage": True}
        return sent

    def for_upstream(self, endpoint: Endpoint) -> bytes:
        """`sent_to` as bytes."""
        return json.dumps(self.sent_to(endpoint), ensure_ascii=False).encode("utf-8", "surrogatepass")

    def adds_usage(self, endpoint: Endpoint) -> bool:
        """Whether usage is asked for that the caller did not ask for; an `extra_body` with stream_options decides."""
        stated = self.body.get(_STREAM_OPTIONS) or {}
        is_open = isinstance(stated, dict) and not stated.get("include_usage")
        return self.is_metered and self.stream and is_open and _STREAM_OPTIONS not in endpoint.extra_body

    @property
    def names_images(self) -> bool:
        """Whether an image is named by an address, in the place of a data URL."""
        return any(url[:5].lower() != "data:" for url in self.images)

    def with_messages(self, messages: Sequence[Mapping[str, Any]]) -> ChatRequest:
        """The same request with other messages, whose images are all there."""
        body = {**self.body, "messages": messages}
        return replace(self, body=body, messages=messages, images=images_of(messages))

    @cached_property
    def text(self) -> str:
        """All of the body but its images: what a model may be given as text, tools and schemas too."""
        told = json.dumps(self.body, ensure_ascii=False)
        for url in self.images:
            told = told.replace(json.dumps(url, ensure_ascii=False)[1:-1], "", 1)
        return told


def read_chat(content: Mapping[str, Any], headers: Mapping[str, str]) -> ChatRequest:
    """Read the body (`read_object`) and headers of a request.

    Raises:
        RequestError: it is not a chat completion request.
    """
    body = dict(content)
    own = body.pop(OWN_FIELD, {})
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        raise RequestError(400, f'expected "model" as a text, found {kind_of(model)}.')
    if not isinstance(messages, list) or not messages:
        raise _no_messages(kind_of(messages))
    for turn in messages:
        if not isinstance(turn, dict):
            raise _no_messages(f"{kind_of(turn)} in the list")
    if len(messages) > MOST_MESSAGES:
        raise RequestError(400, f"expected at most {MOST_MESSAGES:,} messages, found {len(messages):,}.")
    images = images_of(messages)
    if len(images) > MOST_IMAGES:
        raise RequestError(400, f"expected at most {MOST_IMAGES} images, found {len(images):,}.")
    refuse_addresses(messages)
    counts = [_count_of(body, name) for name in CAPS]
    for name in ANSWERS:
        _count_of(body, name)
    named = headers.get(HEADER + CONVERSATION, "")
    return ChatRequest(
        body=body,
        model=model,
        messages=messages,
        stream=body.get("stream") is True,
        tools=bool(body.get("tools") or body.get("functions")),
        max_tokens=max((count for count in counts if count is not None), default=None),
        images=images,
        wish=read_wish(own, headers),
        conversation=named or _first_turns(messages),
        is_later=bool(named) or any(turn.get("role") == "assistant" for turn in messages),
    )


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        RequestError: it is none.
    """
    try:
        body = json.loads(
            content.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_whole, parse_float=_finite
        )
    except RecursionError:
        raise RequestError(400, "expected JSON of ordinary depth, found lists nested very deeply.") from None
    except UnicodeDecodeError:
        raise RequestError(400, "expected a body of JSON in UTF-8, found other bytes.") from None
    except ValueError as error:
        raise RequestError(400, f"expected a body of JSON: {shown(str(error))[1:-1]}.") from None
    if not isinstance(body, dict):
        raise RequestError(400, f"expected a JSON object, found {kind_of(body)}.")
    return body


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is beyond the range of numbers")
    return number


def _no_messages(found: str) -> RequestError:
    return RequestError(400, f'expected "messages" as a list of objects with role and content, found {found}.')


def _count_of(body: Mapping[str, Any], name: str) -> int | None:
    """A field that an answer's cost follows from; None where it is not given."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_COUNT:
        raise RequestError(400, f'expected "{name}" as a whole number from 1 to {MOST_COUNT}, found {shown(value)}.')
    return value


def _first_turns(messages: Sequence[Mapping[str, Any]]) -> str:
    last = next((place for place, turn in enumerate(messages) if turn.get("role") == "user"), len(messages) - 1)
    told = json.dumps(messages[: last + 1], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]

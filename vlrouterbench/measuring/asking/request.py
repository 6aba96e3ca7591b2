"""The body of a request, and the options of generation that it states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vlrouterbench.measuring.endpoints.endpoint import Endpoint

TEMPERATURE = 0
"""Candidates and judges are asked at this one unless an endpoint's `extra_body` says otherwise."""

_CAPS = ("max_tokens", "max_completion_tokens")
"""Fields that cap an answer; `extra_body` may set the second one in the place of the first."""


def generation_options(endpoint: Endpoint) -> dict[str, Any]:
    """What a request states beside model and messages."""
    stated: dict[str, Any] = {"temperature": TEMPERATURE}
    if endpoint.max_output_tokens is not None:
        stated["max_tokens"] = endpoint.max_output_tokens
    return {name: value for name, value in (stated | dict(endpoint.extra_body)).items() if value is not None}


def output_cap(endpoint: Endpoint) -> int | None:
    """The most tokens that an answer may have by what a request states; None where it states no cap."""
    stated = generation_options(endpoint)
    caps = [stated[name] for name in _CAPS if isinstance(stated.get(name), int)]
    return max(caps) if caps else None


def request_body(endpoint: Endpoint, prompt: str, image_urls: Sequence[str]) -> bytes:
    """The body of one question: the images first, as VLMEvalKit sends them, then the prompt."""
    content: str | list[dict[str, Any]] = prompt
    if image_urls:
        images: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": url}} for url in image_urls]
        content = [*images, {"type": "text", "text": prompt}]
    messages = [{"role": "user", "content": content}]
    return json.dumps({"model": endpoint.sent_model, "messages": messages, **generation_options(endpoint)}).encode()

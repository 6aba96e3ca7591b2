"""Which endpoints can take a request at all: number and size of images, tools, length.

Decisions
- Only what an endpoints file states is a limit. Lengths are estimated from below (8 characters a token, 64 tokens an
  image): a request is kept from a model only where it is surely too long, and the upstream judges the rest.
"""

from __future__ import annotations

from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.serving.chat import ChatRequest

_CHARS_PER_TOKEN, _TOKENS_PER_IMAGE = 8, 64
_BASE64 = 0.75


def lacks(endpoint: Endpoint, request: ChatRequest) -> str:
    """What an endpoint cannot take of a request, "" where it can."""
    if len(request.images) > endpoint.max_images:
        return f"{len(request.images)} images, where it takes {endpoint.max_images}"
    if endpoint.max_image_bytes is not None:
        largest = max((_num_bytes(url) for url in request.images), default=0)
        if largest > endpoint.max_image_bytes:
            return f"an image of {largest:,} bytes, where it takes {endpoint.max_image_bytes:,}"
    if request.tools and not endpoint.tools:
        return "tools, which it does not take"
    if endpoint.context_tokens is not None:
        needed = len(request.text) // _CHARS_PER_TOKEN + _TOKENS_PER_IMAGE * len(request.images)
        needed += request.max_tokens or 0
        if needed > endpoint.context_tokens:
            return f"at least {needed:,} tokens, where it takes {endpoint.context_tokens:,}"
    return ""


def _num_bytes(url: str) -> int:
    """Bytes that a data URL holds, about; 0 for another address."""
    return int(_BASE64 * (len(url) - url.find(",") - 1)) if url[:5].lower() == "data:" else 0

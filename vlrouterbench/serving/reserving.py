"""What a request may cost at most, before it is asked: what a key's day is charged until the answer has ended.

Decisions
- The bound is that of measuring (`measuring/money.py`): a token a byte of text, the hungriest rule for an image's size.
- Only the head of an image is looked at. One whose size cannot be read is taken as LARGEST: an upstream may read it.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.money import MESSAGE_TOKENS, reserve_usd, usd
from vlrouterbench.serving.chat import ANSWERS, CAPS, ChatRequest

LARGEST = (8_192, 8_192)
_HEAD = 2**18
"""Characters of base64 that hold the size of an image whose metadata are of ordinary length."""


def reserve_of(endpoint: Endpoint, request: ChatRequest) -> float:
    """The most that the answers to a request are taken to cost at an endpoint, USD: by what is sent there."""
    sent = request.sent_to(endpoint)
    cap, answers = _largest(sent, CAPS), _largest(sent, ANSWERS) or 1
    bounded = replace(endpoint, max_output_tokens=cap, extra_body={})
    one = reserve_usd(bounded, request.text, image_sizes(request.images))
    return answers * one + usd(endpoint, MESSAGE_TOKENS * (len(request.messages) - 1), 0)


def _largest(sent: Mapping[str, Any], names: Sequence[str]) -> int | None:
    counts = [value for name in names if isinstance(value := sent.get(name), int) and not isinstance(value, bool)]
    return max(counts, default=None)


def image_sizes(urls: Sequence[str]) -> list[tuple[int, int]]:
    """Width and height of images in data URLs."""
    return [_size(url) for url in urls]


def _size(url: str) -> tuple[int, int]:
    body = url.partition(",")[2][:_HEAD]
    try:
        with Image.open(io.BytesIO(base64.b64decode(body[: len(body) // 4 * 4]))) as opened:
            width, height = opened.size
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return LARGEST
    return width, height

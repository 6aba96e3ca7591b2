"""The images of a chat, and what its turns name that is somewhere else.

Decisions
- Images are parts of the kind `image_url`. Parts of other kinds are for the upstream to judge, but for addresses: an
  upstream that fetches what a part names would reach from its own network what the caller cannot.
- Text is text: an address in it is not fetched by anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vlrouterbench.serving.request_error import RequestError, kind_of

_IMAGE = "image_url"
_SAID = ("text", "type", "annotations")
"""Fields of a part whose texts are fetched by nobody."""
_MEDIA = ("image", "video", "audio", "file")
_ADDRESS_KEYS = re.compile(r"(url|uri|path|image|video)s?|\w+_(url|uri|path)s?", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,20}://|(https?|file|ftps?|s3|gs):", re.IGNORECASE)
_LONGEST_HEAD = 64
_DEEPEST = 20


def images_of(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Addresses of all images of all turns, in order; data URLs are addresses too.

    Raises:
        RequestError: 400, a part that names an image by something else than text.
    """
    found = []
    for turn in messages:
        content = turn.get("content")
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") == _IMAGE:
                image = part.get(_IMAGE)
                url = image.get("url") if isinstance(image, dict) else image
                if not isinstance(url, str):
                    raise RequestError(400, f'expected the "url" of an image_url as a text, found {kind_of(url)}.')
                found.append(url)
    return tuple(found)


def refuse_addresses(messages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse turns with a part of another kind than `image_url` that names something by its address.

    Raises:
        RequestError: 403, there is one.
    """
    for turn in messages:
        content = turn.get("content")
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict) and part.get("type") == _IMAGE:
                part = {name: value for name, value in part.items() if name != _IMAGE}
            if not isinstance(part, str):
                _refuse(part, 0)
        _refuse({name: value for name, value in turn.items() if name.startswith(_MEDIA)}, 0)


def _refuse(value: Any, depth: int, key: str = "") -> None:
    if depth > _DEEPEST:
        raise RequestError(400, f"expected parts of at most {_DEEPEST} levels, found more.")
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _SAID:
                _refuse(inner, depth + 1, name)
    elif isinstance(value, list):
        for inner in value:
            _refuse(inner, depth + 1, key)
    elif isinstance(value, str):
        head = value[:_LONGEST_HEAD].strip()
        is_named = bool(_ADDRESS_KEYS.fullmatch(key)) and head[:5].lower() != "data:"
        if _ADDRESS.match(head) or (is_named and head):
            raise RequestError(
                403,
                "expected images as parts of type image_url with a data URL, found an address in a part of another "
                "kind, which is not passed on.",
            )

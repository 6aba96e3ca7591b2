"""One request as it stands in the log, and its form in SQLite.

Decisions
- Features stand as compressed float32: exactly the numbers that were decided by, so that what is decided on them later
  is decided alike.
- The digest of features is always there; features themselves and what was asked only where that was wished.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

COLUMNS = (
    "id", "time", "key", "conversation", "mode", "model", "chosen", "candidate", "status", "asked", "decision",
    "attempts", "propensity", "explored", "router", "encoder", "features_sha256", "features", "input_tokens",
    "output_tokens", "cost_usd", "latency",
)  # fmt: skip
"""Of the table `requests`, in order."""
_JSON = ("asked", "decision", "attempts", "latency")


@dataclass(frozen=True)
class Entry:
    """One request.

    Attributes:
        id, key, conversation, mode, model: of the request; its key by name.
        chosen: the candidate that was to be asked first, "" where the router was not asked.
        candidate: who answered, "" where nobody did.
        status: of HTTP.
        asked: the `objective` and `budget` that it was decided by, and the `candidates` that could be asked;
            `undecided`, why the router could not decide on what a fixed candidate answered.
        decision: of the router (`RoutingDecision.as_dict`), empty where it was not asked.
        attempts: [candidate, kind of failure] of each; the kind is "" for the one that answered.
        propensity: probability with which `chosen` was to be asked first; None unless the router's choice was followed.
        explored: whether `chosen` was drawn at random.
        router: as it was named when it was loaded.
        encoder: digest of the encoder that the features came from, "" where there are none.
        features: that the decision was made by, (dim,) float32; None where there are none.
        input_tokens, output_tokens, cost_usd: by the upstream's count; None where it gives none.
        latency: seconds by part: `decode`, `queue`, `encode`, `decide`, `overhead` (all until a candidate was asked),
            `first_byte`, `upstream` (all from then on) and `total`.
        messages: what was asked; None where that is not kept.
        features_sha256: digest of `features`, "" for none.
        time: seconds since 1970.
    """

    id: str
    key: str
    conversation: str
    mode: str
    model: str
    chosen: str
    candidate: str
    status: int
    asked: Mapping[str, Any] = field(default_factory=dict)
    decision: Mapping[str, Any] = field(default_factory=dict)
    attempts: Sequence[Sequence[str]] = ()
    propensity: float | None = None
    explored: bool = False
    router: str = ""
    encoder: str = ""
    features: np.ndarray | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency: Mapping[str, float] = field(default_factory=dict)
    messages: Sequence[Mapping[str, Any]] | None = None
    features_sha256: str = ""
    time: float = field(default_factory=time.time)


def row_of(entry: Entry, *, with_features: bool) -> tuple[Any, ...]:
    """The values of COLUMNS; without its features where they are not kept, never without their digest."""
    values = {name: getattr(entry, name) for name in COLUMNS} | {"explored": int(entry.explored)}
    for name in _JSON:
        values[name] = json.dumps(values[name])
    if entry.features is not None:
        content = np.ascontiguousarray(entry.features, np.float32).tobytes()
        values["features_sha256"] = hashlib.sha256(content).hexdigest()
        values["features"] = zlib.compress(content, 1) if with_features else None
    return tuple(values[name] for name in COLUMNS)


def entry_of_row(row: Sequence[Any], content: bytes | None) -> Entry:
    """The entry of a row of COLUMNS, and of what was asked where that was kept.

    Raises:
        ValueError: a value is not what `row_of` writes.
    """
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        for name in _JSON:
            values[name] = json.loads(values[name])
        if values["features"] is not None:
            values["features"] = np.frombuffer(zlib.decompress(values["features"]), np.float32)
        values["messages"] = None if content is None else json.loads(zlib.decompress(content))
    except (zlib.error, TypeError, ValueError) as error:
        raise ValueError(f"features, content or JSON that cannot be read ({error})") from error
    return Entry(**values | {"explored": bool(values["explored"])})


def packed_messages(entry: Entry) -> bytes | None:
    """What was asked, as it is kept; None where it is not."""
    return None if entry.messages is None else zlib.compress(json.dumps(list(entry.messages)).encode(), 1)

"""A request while it is answered."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

from vlrouterbench.serving.chat import ChatRequest
from vlrouterbench.serving.forwarding import Outcome
from vlrouterbench.serving.metering import Meter
from vlrouterbench.serving.planning import Plan
from vlrouterbench.serving.settings import Key


def new_id() -> str:
    """A name for a request."""
    return f"vlr-{uuid.uuid4().hex}"


@dataclass
class Turn:
    """One request, from its plan to its last byte.

    Attributes:
        request, plan, key, outcome: of it; the outcome is filled in while candidates are asked.
        id: that answers and feedback name it by.
        started: when it came, by `time.perf_counter`.
        overhead_s: seconds until the first candidate was asked.
        meter: follows its answer; None before there is one.
        has_ended: whether it was settled and logged.
    """

    request: ChatRequest
    plan: Plan
    key: Key | None
    outcome: Outcome
    id: str
    started: float = field(default_factory=time.perf_counter)
    overhead_s: float = 0.0
    meter: Meter | None = None
    has_ended: bool = False

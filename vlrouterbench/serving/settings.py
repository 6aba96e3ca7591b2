"""What a gateway may do and for whom: the records that its configuration file is read into.

Decisions
- Every value has a default, so that a router and an endpoints file are enough to start.
- A key stands here by its SHA-256 alone: keys are drawn at random, so that there is nothing to guess it by.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError, unknown_name
from vlrouterbench.routing.when_unfamiliar import NOTHING, WhenUnfamiliar

AUTO = "auto"
"""The model name that asks the router, by the objective that it was trained for."""
OBJECTIVE_PREFIX = "auto-"
"""What names of other objectives begin with, so that they cannot be taken for a candidate."""
MIB = 2**20


class ServingError(VLRouterBenchError):
    """A configuration, a router or endpoints that a gateway cannot be started with."""


@dataclass(frozen=True)
class Key:
    """One who may ask.

    Attributes:
        name: in logs and metrics.
        sha256: of the key, hexadecimal.
        candidates: those that may be asked; empty for all.
        objective: that holds where a request names none; "" for the router's own.
        max_cost_usd: most that one answer may be expected to cost, USD; None for any.
        cost_confidence: probability that an answer keeps to `max_cost_usd`; None: on average.
        usd_per_day: most that is spent in a day (UTC); None for any.
        mean_usd_per_request: most that its requests are charged on average, but for one reserve; None for any.
        requests_per_minute: None for any.
        admin: whether it may swap the router.
    """

    name: str
    sha256: str
    candidates: tuple[str, ...] = ()
    objective: str = ""
    max_cost_usd: float | None = None
    cost_confidence: float | None = None
    usd_per_day: float | None = None
    mean_usd_per_request: float | None = None
    requests_per_minute: int | None = None
    admin: bool = False

    @property
    def is_charged(self) -> bool:
        """Whether what it spends is counted."""
        return self.usd_per_day is not None or self.mean_usd_per_request is not None

    @property
    def is_limited(self) -> bool:
        """Whether what it has used is counted."""
        return self.is_charged or self.requests_per_minute is not None


@dataclass(frozen=True)
class Settings:
    """How a gateway behaves.

    Attributes:
        models: model name -> objective that it routes by, beside `auto`.
        candidates: those that the router may choose; empty for all that have an endpoint.
        shadow: candidate that answers every routed request while decisions are only logged; "" for none.
        split: share of conversations that the `control` candidate answers, 0 to 1.
        control: candidate of the share that is not routed.
        unreadable_images: "error" (400), or "text-only": decided by the text, the image is passed on all the same.
        image_hosts: hosts whose images may be named by http(s) addresses; others are refused.
        max_body_bytes: of one request.
        max_attempts: candidates that are asked for one request at most.
        first_byte_s: seconds until a stream must begin; the endpoint's own timeout bounds the rest.
        breaker_failures: failures one after another that close an endpoint off for some time.
        breaker_cooldown_s: how long, s.
        affinity_margin: how far a conversation's model may lie behind and is kept, accuracy less weighted cost.
        keys: none: any bearer is accepted, and only on this machine.
        when_unfamiliar: what is done with requests that are unlike the router's training samples.
        explore: share of routed requests that ask a candidate at random, 0 to 1.
        log_days: how long the log keeps requests, in days; None for ever.
        log_features: whether the log keeps the features of requests, beside their digest.
        state: folder of the ledger; None where nothing has to be kept.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    shadow: str = ""
    split: float = 0.0
    control: str = ""
    unreadable_images: str = "error"
    image_hosts: tuple[str, ...] = ()
    max_body_bytes: int = 32 * MIB
    max_attempts: int = 3
    first_byte_s: float = 60.0
    breaker_failures: int = 5
    breaker_cooldown_s: float = 30.0
    affinity_margin: float = 0.02
    keys: tuple[Key, ...] = ()
    when_unfamiliar: WhenUnfamiliar = NOTHING
    explore: float = 0.0
    log_days: int | None = None
    log_features: bool = True
    state: Path | None = None

    def key_of(self, bearer: str) -> Key | None:
        """The key that a bearer is; every key is compared, whichever it is."""
        digest = hashlib.sha256(bearer.encode()).hexdigest()
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def check_names(settings: Settings, pool: Sequence[str], endpoints: Sequence[str]) -> None:
    """Refuse names that are nobody's.

    Raises:
        UnknownNameError: a candidate that has no endpoint.
        ServingError: no candidate of the router's pool has an endpoint, or several modes at once.
    """
    of_keys = [name for key in settings.keys for name in key.candidates]
    for name in filter(None, [*settings.candidates, settings.shadow, settings.control, *of_keys]):
        if name not in endpoints:
            raise unknown_name("candidate with an endpoint", name, endpoints)
    lacking = [name for name in settings.candidates or pool if name not in endpoints]
    if lacking:
        raise ServingError(
            f"expected an endpoint for every candidate of the router, found none for {', '.join(lacking)}. Add them to "
            "the endpoints file, or list the candidates that may be chosen under candidates: in the configuration."
        )
    if settings.shadow and settings.split:
        raise ServingError("expected shadow or split in the configuration, found both.")
    if bool(settings.split) != bool(settings.control):
        raise ServingError("expected split and control together in the configuration, found one of them.")
    for name in settings.models:
        if name in endpoints:
            raise ServingError(f'expected other names than candidates\' under models:, found "{name}".')

"""The figures of `bench serve`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from vlrouterbench.bench.serve_clients import Load


class Overhead(TypedDict):
    """Milliseconds that a program adds to the median answer."""

    text: float
    image: float
    direct: float


class Batching(TypedDict):
    """Decisions on images a second of one process, with CLIENTS waiting: encoded together, and one by one."""

    together_per_second: float
    single_per_second: float
    gain: float
    same_decisions: bool


class Memory(TypedDict):
    """Resident memory of all processes of the gateway, MiB, around so many requests; None where it is not told."""

    requests: int
    errors: int
    before_mib: float | None
    after_mib: float | None
    growth: float | None


class LiteLLM(TypedDict):
    """The proxy on the same upstream and load."""

    version: str
    ready_s: float
    overhead_ms: Overhead
    load: Load


class ServeComparison(TypedDict):
    """`bench serve`.

    Attributes:
        name, unit: as of every comparison.
        ours, baseline: what the gateway and LiteLLM's proxy add to a request by a candidate's own name, ms.
        ratio: baseline over ours; None where LiteLLM is not at hand, `ratio_reason` says why.
        image_ratio: what LiteLLM adds to a request with an image over what a routed one takes here.
        overhead_ms: routed texts, routed images of 512 px, texts by a candidate's name.
        upstream_ms: medians of asking the upstream itself.
        parts_ms: medians of the parts of decisions on texts and on images.
        ready_s: of the gateway, by number of processes.
        load: images to CLIENTS at once and WORKERS processes; `direct_load`: texts by name to one process.
        load_average: of the machine when it began, and its `cores`.
    """

    name: str
    ours: float
    baseline: float | None
    ratio: float | None
    ratio_reason: str | None
    image_ratio: float | None
    unit: str
    overhead_ms: Overhead
    upstream_ms: Mapping[str, float]
    parts_ms: Mapping[str, Mapping[str, float]]
    ready_s: Mapping[str, float]
    load: Load
    direct_load: Load
    batching: Batching
    memory: Memory
    litellm: LiteLLM | None
    load_average: float
    cores: int
    simulated: bool

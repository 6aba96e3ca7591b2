"""`bench serve`: what the gateway adds to an answer, alone and under load, beside LiteLLM's proxy where it is at hand.

Decisions
- Upstream, gateway and proxy are processes of their own on this machine, started as their users start them, and share
  its cores with the clients; the machine's load when it began stands beside the figures.
- Overhead is the median through a program less the median of the same requests to the upstream itself, asked in turn,
  with pauses, by one client over connections that stay open. Every question is another one.
- Parts of a decision are read from the gateway's own log of those requests.
- The router is one of simulated data: what it decides says nothing, how long it takes does.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vlrouterbench.bench.comparison import resident_mib
from vlrouterbench.bench.serve_clients import Load, Questions, Target, at_once, in_turn
from vlrouterbench.bench.serve_figures import Batching, LiteLLM, Memory, Overhead, ServeComparison
from vlrouterbench.bench.serve_programs import (
    Program,
    litellm_version,
    running_gateway,
    running_litellm,
    running_upstream,
)
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.serving.chooser import MOST_TOGETHER, Chooser
from vlrouterbench.serving.demo import simulated_router, write_endpoints
from vlrouterbench.serving.logs.reading import read_log
from vlrouterbench.serving.planning import ROUTE
from vlrouterbench.serving.settings import AUTO

ROUNDS, WARM_UP = 200, 30
CLIENTS, WORKERS = 32, 2
LOAD_REQUESTS, MEMORY_REQUESTS, BATCHED = 2_000, 2_000, 200
_REPEATS = 5
Messages = Sequence[Mapping[str, Any]]
_NOT_GIVEN = "LiteLLM was not given: --litellm PYTHON, an interpreter of an environment with litellm[proxy]"
PROXY = "LiteLLM "
PARTS = ("decode", "queue", "encode", "decide")


class Alone(NamedTuple):
    """One process, before and without which others were asked: medians by target, parts, load by name, readiness."""

    medians: Mapping[str, float]
    parts_ms: Mapping[str, Mapping[str, float]]
    direct_load: Load
    ready_s: float


@dataclass(frozen=True)
class Bench:
    """What all parts of one run share.

    Attributes:
        router: that gateways serve.
        upstream: its port.
        name: of a candidate that is asked by it.
        questions: of every client.
        scale: share of the full size.
    """

    router: Path
    upstream: int
    name: str
    questions: Questions
    scale: float

    @property
    def many(self) -> int:
        """Requests of one load."""
        return max(CLIENTS, round(LOAD_REQUESTS * self.scale))

    def alone(self, gateway: Program, proxy: Program | None) -> Alone:
        """A gateway asked in turn with the upstream and LiteLLM's proxy."""
        rounds, warm_up = max(5, round(ROUNDS * self.scale)), max(2, round(WARM_UP * self.scale))
        ports = {"upstream ": self.upstream, "": gateway.port} | ({} if proxy is None else {PROXY: proxy.port})
        targets = {
            f"{who}{kind}": Target(port, self.name if who else AUTO, image=kind == "image")
            for who, port in ports.items()
            for kind in ("text", "image")
        }
        targets["direct"] = Target(gateway.port, self.name)
        took = in_turn(targets, self.questions, rounds=rounds, warm_up=warm_up)
        medians = {target: statistics.median(times) for target, times in took.items()}
        return Alone(medians, parts_of(gateway.log), self.direct_load(gateway), gateway.ready_s)

    def direct_load(self, program: Program) -> Load:
        """Texts by a candidate's name, by CLIENTS at once."""
        return at_once([Target(program.port, self.name)], self.questions, clients=CLIENTS, requests=self.many)

    def loaded(self, gateway: Program, requests: int) -> tuple[Load, Memory]:
        """Images by CLIENTS at once; then memory over requests of all kinds."""
        image = Target(gateway.port, AUTO, image=True)
        load = at_once([image], self.questions, clients=CLIENTS, requests=self.many)
        before = _resident(gateway)
        targets = [image, Target(gateway.port, AUTO), Target(gateway.port, self.name)]
        watched = at_once(targets, self.questions, clients=CLIENTS // 4, requests=requests)
        after = _resident(gateway)
        growth = None if before is None or after is None else after / before - 1
        return load, Memory(
            requests=requests, errors=watched["errors"], before_mib=before, after_mib=after, growth=growth
        )

    def batching(self) -> Batching:
        """Decisions of this process on images that come together, and one by one: the shortest times of some."""
        count = max(CLIENTS, round(BATCHED * self.scale))
        router = AutoRouter.from_pretrained(self.router)
        bodies = [json.loads(self.questions.body(Target(0, AUTO, image=True), number)) for number in range(count)]
        messages = [body["messages"] for body in bodies]
        asyncio.run(_decided(router, messages[:CLIENTS], MOST_TOGETHER))
        took: dict[int, list[float]] = {1: [], MOST_TOGETHER: []}
        chosen: dict[int, list[str]] = {}
        for _ in range(_REPEATS):
            for most, seconds in took.items():
                one, chosen[most] = asyncio.run(_decided(router, messages, most))
                seconds.append(one)
        single, together = min(took[1]), min(took[MOST_TOGETHER])
        return {
            "together_per_second": count / together,
            "single_per_second": count / single,
            "gain": single / together,
            "same_decisions": chosen[1] == chosen[MOST_TOGETHER],
        }


def bench_serve(*, scale: float = 1.0, litellm: Path | None = None, requests: int = MEMORY_REQUESTS) -> ServeComparison:
    """Measure at a share of the requests.

    Args:
        scale: share of the full size of all parts but `memory`.
        litellm: interpreter of an environment with LiteLLM's proxy.
        requests: over which memory is watched.

    Raises:
        VLRouterBenchError: a program does not start.
    """
    version = "" if litellm is None else litellm_version(litellm)
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-bench-serve-") as temporary, running_upstream() as upstream:
        folder = Path(temporary)
        router, endpoints = simulated_router(folder), folder / "endpoints.json"
        write_endpoints(endpoints, router, f"http://127.0.0.1:{upstream}/v1")
        pool = AutoRouter.from_pretrained(router).config.candidate_names
        run = Bench(router, upstream, pool[0], Questions(), scale)
        batching, proxied = run.batching(), None
        with nullcontext() if litellm is None else running_litellm(litellm, pool, upstream, folder) as proxy:
            with running_gateway(router, endpoints, folder, workers=1) as gateway:
                alone = run.alone(gateway, proxy)
            ours, theirs = overhead(alone.medians, ""), overhead(alone.medians, PROXY)
            if proxy is not None:
                proxied = LiteLLM(
                    version=version, ready_s=proxy.ready_s, overhead_ms=theirs, load=run.direct_load(proxy)
                )
        with running_gateway(router, endpoints, folder, workers=WORKERS) as several:
            load, memory = run.loaded(several, requests)
    return {
        "name": "serve",
        "ours": ours["direct"],
        "baseline": theirs["direct"] if proxied else None,
        "ratio": theirs["direct"] / ours["direct"] if proxied else None,
        "ratio_reason": None if proxied else _NOT_GIVEN,
        "image_ratio": theirs["image"] / ours["image"] if proxied else None,
        "unit": "ms",
        "overhead_ms": ours,
        "upstream_ms": {kind: alone.medians[f"upstream {kind}"] for kind in ("text", "image")},
        "parts_ms": alone.parts_ms,
        "ready_s": {"1": alone.ready_s, str(WORKERS): several.ready_s},
        "load": load,
        "direct_load": alone.direct_load,
        "batching": batching,
        "memory": memory,
        "litellm": proxied,
        "load_average": load_average,
        "cores": os.cpu_count() or 1,
        "simulated": True,
    }


def overhead(medians: Mapping[str, float], who: str) -> Overhead:
    """What one program adds; NaN where it was not asked. LiteLLM has texts by name alone, and no routed ones."""
    added = {
        kind: medians.get(f"{who}{kind}", math.nan) - medians[f"upstream {of}"]
        for kind, of in (("text", "text"), ("image", "image"), ("direct", "text"))
    }
    return Overhead(text=added["text"], image=added["image"], direct=added["text"] if who else added["direct"])


def parts_of(log: Path | None) -> dict[str, dict[str, float]]:
    """Medians of the parts of routed requests, ms, from a gateway's log: of texts, and of those with an image."""
    if log is None:
        return {}
    found: dict[str, list[Mapping[str, float]]] = {"text": [], "image": []}
    for entry in (logged.entry for logged in read_log(log)):
        if entry.mode == ROUTE:
            found["image" if entry.decision["image_used"] else "text"].append(entry.latency)
    return {
        kind: {part: 1000 * statistics.median(one[part] for one in times) for part in PARTS}
        for kind, times in found.items()
        if times
    }


async def _decided(router: PreTrainedRouter, messages: Sequence[Messages], most: int) -> tuple[float, list[str]]:
    """Seconds that decisions on chats took, CLIENTS of which are asked at once, and whom they chose."""
    chooser = Chooser(router, most_together=most)
    chooser.start()
    places = asyncio.Semaphore(CLIENTS)

    async def one(turns: Messages) -> str:
        async with places:
            return (await chooser.rank(turns)).decision.candidate

    start = time.perf_counter()
    names = await asyncio.gather(*map(one, messages))
    took = time.perf_counter() - start
    await chooser.stop()
    return took, names


def _resident(program: Program) -> float | None:
    told = [found for pid in program.pids if (found := resident_mib(pid)) is not None]
    return sum(told) if told else None

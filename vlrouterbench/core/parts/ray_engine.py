"""The engine on Ray: parts on actors of a cluster, each of which loads router and encoder once.

Decisions
- What goes through Ray is a part's number and its rows' places, never rows: an actor reads its rows and writes its
  files. So nothing can fill the object store, and the output folder must be one that all machines see.
- An actor that dies is replaced by a new one, and its part is done again by the next that is free: a machine may leave
  as long as another is there. Ray itself repeats nothing: what it restarts has to find its arguments again, which a
  machine that left may have taken with it.
- One core of the cluster is left to Ray's own processes and to reading and writing.
- Ray sends nothing home, and opens no dashboard.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import socket
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from vlrouterbench.core.errors import VLRouterBenchError, said
from vlrouterbench.core.parts.local_engine import own_cores
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import DoPart, PartFacts, PartWork

_ATTEMPTS = 3
_REACH_SECONDS = 3.0
_START_SECONDS = 300.0
"""How long nothing may happen while no actor is there: a router with a large encoder takes a minute to load."""
_STORE_BYTES = 128 * 2**20
"""Of Ray's object store, where this starts it: parts' numbers and facts go through it."""
_HOST_PORT = re.compile(r"(?:ray://)?(?P<host>[^/:]+|\[[^\]]+\]):(?P<port>\d+)")


def check_ray(address: str | None) -> None:
    """Refuse to begin where Ray is not installed, or no cluster answers.

    Raises:
        VLRouterBenchError: one of both.
    """
    if find_spec("ray") is None:
        raise VLRouterBenchError("--engine ray needs ray, which is not installed: pip install 'vlrouterbench[ray]'.")
    if address is None or address == "auto":
        return
    found = _HOST_PORT.fullmatch(address)
    if found is None:
        raise VLRouterBenchError(f"--ray-address: expected HOST:PORT, ray://HOST:PORT or auto, found {address}.")
    try:
        with socket.create_connection((found["host"].strip("[]"), int(found["port"])), _REACH_SECONDS):
            pass
    except (OSError, OverflowError) as error:
        raise VLRouterBenchError(
            f"--ray-address: expected a cluster of Ray at {address}, found none: {said(error)}. Start one with "
            "`ray start --head`, or leave the option out to use this machine alone."
        ) from error


@dataclass(frozen=True)
class RayEngine:
    """See Engine.

    Attributes:
        actors: processes that do parts; None for as many as the cluster has cores, less one.
        address: of a cluster, None for one on this machine that ends with the work.
        gpus_per_actor: GPUs, or parts of one, that each gets.
    """

    actors: int | None
    address: str | None
    gpus_per_actor: float

    def run(self, work: PartWork, parts: Sequence[Part]) -> Iterator[PartFacts]:
        """See Engine."""
        with _cluster(self.address, self.actors) as ray:
            cores = int(ray.cluster_resources().get("CPU", 1))
            actors = self.actors or max(1, cores - 1)
            if actors > max(1, cores - 1):
                raise VLRouterBenchError(
                    f"--actors: expected at most {max(1, cores - 1):,} of the {cores:,} cores of the cluster, since "
                    f"one is left to reading and writing; found {actors:,}."
                )
            if self.gpus_per_actor > (gpus := ray.cluster_resources().get("GPU", 0)):
                raise VLRouterBenchError(
                    f"--gpus-per-actor: expected at most {gpus:g}, as the cluster has, found {self.gpus_per_actor:g}."
                )
            yield from _Actors(ray, work, min(actors, len(parts)), self.gpus_per_actor).do(parts)


@contextmanager
def _cluster(address: str | None, actors: int | None) -> Iterator[Any]:
    """Ray, connected; what this started ends with the block."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # As any module: it is not installed everywhere, and its types differ between its releases.
    ray: Any = importlib.import_module("ray")
    options: dict[str, object] = {"address": address or "local"}
    if address is None:
        cores = actors or own_cores()
        # One more than work: cores are Ray's way to count, and what it needs itself takes a small part of one.
        options |= {"num_cpus": cores + 1, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
        options["_system_config"] = {"prestart_worker_first_driver": False}
    if ray.is_initialized():  # by whoever calls this from Python
        yield ray
        return
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        where = f"the cluster of Ray at {address}" if address else "Ray on this machine"
        raise VLRouterBenchError(f"{where} cannot be used: {said(error)}.") from error
    with redirect_stdout(sys.stderr):  # where Ray says that a process of it died, some of it when it ends
        try:
            yield ray
        finally:
            ray.shutdown()


class PartActor:
    """What runs in a process of the cluster."""

    def __init__(self, work: PartWork) -> None:
        self.work = work
        self.do_part: DoPart | None = None

    def open(self) -> None:
        """Load what every part needs."""
        self.do_part = self.work.open()

    def do(self, part: Part) -> PartFacts:
        """Do a part."""
        if self.do_part is None:
            self.open()
        return self.do_part(part)  # type: ignore[misc]


@dataclass
class _Actors:
    """Actors and the parts that they do."""

    ray: Any
    work: PartWork
    count: int
    gpus: float
    opening: dict[Any, Any] = field(default_factory=dict)
    doing: dict[Any, tuple[Any, Part]] = field(default_factory=dict)
    died: int = 0
    lost: Counter[int] = field(default_factory=Counter)

    def do(self, parts: Sequence[Part]) -> Iterator[PartFacts]:
        """Do parts; gives what became of each as it is done."""
        waiting = deque(parts)
        for _ in range(self.count):
            self._start()
        idle: deque[Any] = deque()
        while waiting or self.doing:
            while waiting and idle:
                actor, part = idle.popleft(), waiting.popleft()
                self.doing[actor.do.remote(part)] = actor, part
            ready, _ = self.ray.wait([*self.opening, *self.doing], num_returns=1, timeout=_START_SECONDS)
            if not ready and not self.doing:
                raise VLRouterBenchError(
                    f"expected a process of the cluster to begin within {_START_SECONDS:.0f} s, found none: its cores, "
                    "memory or GPUs are taken. Try again, or fewer --actors."
                )
            for ref in ready:
                actor, done_part = self.doing.pop(ref) if ref in self.doing else (self.opening.pop(ref), None)
                facts = self._result(ref, done_part, waiting)
                if facts is not _DEAD:
                    idle.append(actor)
                if isinstance(facts, dict):
                    self.died = 0
                    yield facts  # type: ignore[misc]

    def _start(self) -> None:
        options = {"num_cpus": 1, "num_gpus": self.gpus, "max_restarts": 0, "max_task_retries": 0}
        actor = self.ray.remote(**options)(PartActor).remote(self.work)
        self.opening[actor.open.remote()] = actor

    def _result(self, ref: Any, part: Part | None, waiting: deque[Part]) -> object:
        """What an actor answered; _DEAD where it died, and then another one was started and its part waits again."""
        failures = self.ray.exceptions
        try:
            return self.ray.get(ref)
        except failures.RayTaskError as error:
            if isinstance(error.cause, Exception):
                raise error.cause from None
            raise
        except failures.RayActorError as error:
            self.died += 1
            if part is not None:
                self.lost[part.number] += 1
                waiting.appendleft(part)
            if self.died > _ATTEMPTS * self.count or (part and self.lost[part.number] == _ATTEMPTS):
                raise VLRouterBenchError(
                    f"expected processes that do parts, found {self.died:,} dead in turn. Memory is likely short: try "
                    "fewer --actors, or more --parts in another --out."
                ) from error
            self._start()
            return _DEAD
        except failures.RayError as error:
            raise VLRouterBenchError(f"the cluster of Ray fails: {said(error)}.") from error


_DEAD = object()

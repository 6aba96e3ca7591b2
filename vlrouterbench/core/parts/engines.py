"""The engines that do parts, by name."""

from __future__ import annotations

from dataclasses import dataclass

from vlrouterbench.core.errors import VLRouterBenchError, unknown_name
from vlrouterbench.core.parts.local_engine import LocalEngine, own_cores
from vlrouterbench.core.parts.work import Engine

LOCAL, RAY = "local", "ray"
ENGINES = (LOCAL, RAY)


@dataclass(frozen=True)
class EngineOptions:
    """Which engine, and on how much of a machine or a cluster.

    Attributes:
        name: one of ENGINES.
        actors: processes that do parts; None for as many as there are cores (of a cluster less one).
        ray_address: of a cluster of Ray; None starts one on this machine for as long as the work takes.
        gpus_per_actor: GPUs, or parts of one, that each process of a cluster of Ray gets.
    """

    name: str = LOCAL
    actors: int | None = None
    ray_address: str | None = None
    gpus_per_actor: float = 0.0

    def check(self) -> None:
        """Refuse options that do not go together, or that need what is not installed.

        Raises:
            UnknownNameError: no engine of that name.
            VLRouterBenchError: an option of Ray's for another engine, or Ray is not installed.
        """
        if self.name not in ENGINES:
            raise unknown_name("engine", self.name, ENGINES)
        if self.name != RAY and (self.ray_address is not None or self.gpus_per_actor):
            flag = "--ray-address" if self.ray_address is not None else "--gpus-per-actor"
            raise VLRouterBenchError(f"{flag} belongs to --engine ray, found --engine {self.name}.")
        if self.name == RAY:
            from vlrouterbench.core.parts.ray_engine import check_ray

            check_ray(self.ray_address)

    def open(self) -> Engine:
        """The engine; errors as for `check`."""
        self.check()
        if self.name == LOCAL:
            return LocalEngine(self.actors or own_cores())
        from vlrouterbench.core.parts.ray_engine import RayEngine

        return RayEngine(self.actors, self.ray_address, self.gpus_per_actor)

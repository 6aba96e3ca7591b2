"""The options of commands whose work an engine does in parts, and what such work needs in other processes.

Decisions
- Any of the options asks for an engine: of this machine where none is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from vlrouterbench.cli import console
from vlrouterbench.cli.plugins import allowing, load_plugins, loaded_plugins
from vlrouterbench.core.parts.engines import LOCAL, EngineOptions
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import DoPart, Engine, PartFacts, PartWork

OF_PARTS = ("engine", "parts", "actors", "ray_address", "gpus_per_actor")
"""Names of the options."""


@dataclass(frozen=True, kw_only=True)
class EngineRequest:
    """Which engine does the parts of a command's work."""

    GROUP: ClassVar[str] = "Work in parts"
    engine: Annotated[
        str | None, typer.Option(help="What does the parts: local (processes of this machine) or ray.")
    ] = None
    parts: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of parts; else one per 10,000 questions, or 256 inputs to encode or images to check."
        ),
    ] = None
    actors: Annotated[int | None, typer.Option(min=1, help="Processes that do parts; else one per core.")] = None
    ray_address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a cluster of Ray; else one is started here.")
    ] = None
    gpus_per_actor: Annotated[float, typer.Option(min=0, help="GPUs, or a share of one, for each process.")] = 0.0

    def of_parts(self) -> list[str]:
        """Those of OF_PARTS that were given, as flags."""
        return [f"--{name.replace('_', '-')}" for name in OF_PARTS if getattr(self, name)]

    def engine_options(self) -> EngineOptions:
        """The engine as it was asked for."""
        return EngineOptions(self.engine or LOCAL, self.actors, self.ray_address, self.gpus_per_actor)

    def opened_engine(self) -> Engine | None:
        """The engine, which lets work do elsewhere what this command allows; None where none was asked for.

        Raises:
            UnknownNameError: no engine of that name.
            VLRouterBenchError: an option of Ray's for another engine, or Ray is not installed or not in reach.
        """
        return AllowedEngine(self.engine_options().open()) if self.of_parts() else None


@dataclass(frozen=True)
class AllowedEngine:
    """See Engine: one whose processes have the plugins and what else the command allowed."""

    engine: Engine

    def run(self, work: PartWork, parts: Sequence[Part]) -> Iterator[PartFacts]:
        """See Engine."""
        return self.engine.run(AllowedWork.of(work), parts)


@dataclass(frozen=True)
class AllowedWork:
    """Work as other processes open it: with the plugins and what else the command allowed."""

    work: PartWork
    plugins: tuple[str, ...]
    code: bool
    downloads: bool

    @classmethod
    def of(cls, work: PartWork) -> AllowedWork:
        """Work with what this command allows."""
        from vlrouterbench.routers.auto import fetches_encoders, trusts_code

        return cls(work, loaded_plugins.get(), trusts_code.get(), fetches_encoders.get())

    def open(self) -> DoPart:
        """See PartWork."""
        if loaded_plugins.get() != self.plugins:  # in another process than the command's
            load_plugins(self.plugins)
        console.quiet_libraries()
        with allowing(code=self.code, downloads=self.downloads):
            return self.work.open()

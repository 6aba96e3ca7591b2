"""The seam of work in parts: what an engine is given, and what it gives back.

Decisions
- Work is opened once in every process that does parts: routers and encoders are loaded there, and stay.
- Doing a part twice gives the same bytes, and a part's file appears whole by a rename: an engine may lose processes and
  repeat parts as it must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypedDict

from vlrouterbench.core.parts.part import Part


class PartFacts(TypedDict):
    """What became of a part: its number, and how many rows were done."""

    part: int
    rows: int


DoPart = Callable[[Part], PartFacts]


class PartWork(Protocol):
    """Work as it is sent to other processes."""

    def open(self) -> DoPart:
        """Load what every part needs; gives what does a part.

        From then on the process computes on one thread: the same bits whatever the number of processes and cores.
        """


class Engine(Protocol):
    """Does parts, in any order."""

    def run(self, work: PartWork, parts: Sequence[Part]) -> Iterator[PartFacts]:
        """Do parts; gives what became of each as it is done.

        Raises:
            VLRouterBenchError: a part cannot be done, or the engine's processes end again and again.
        """

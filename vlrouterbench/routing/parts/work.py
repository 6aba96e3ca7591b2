"""The seam of work in parts: what an engine is given, and what it gives back.

Decisions
- Work is opened once in every process that does parts: routers and encoders are loaded there, and stay.
- Doing a part twice gives the same bytes, and a part's file appears whole by a rename: an engine may lose processes and
  repeat parts as it must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypedDict

from vlrouterbench.routing.parts.part import Part


class PartFacts(TypedDict):
    """What became of a part, as its file states it.

    Attributes:
        part: its number.
        rows: how many rows it has; `decided` and `bad` of them were and could not be decided.
        without_image: decided rows that name an image which had no part in their decision.
        fewer_images: decided rows of whose images one or more had no part.
        chosen: candidate -> number of rows.
        cost_usd: sum of the expected costs, USD; None where one is not known.
    """

    part: int
    rows: int
    decided: int
    bad: int
    without_image: int
    fewer_images: int
    chosen: dict[str, int]
    cost_usd: float | None


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

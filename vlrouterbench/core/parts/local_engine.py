"""The local engine: parts on processes of this machine.

Decisions
- A process that is killed takes the pool with it: a new pool does what is left. Where that happens again and again and
  no part is done in between, memory is likely short, and it is said.
- A process whose parent was killed ends by itself, since nobody would ever tell it to.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import DoPart, PartFacts, PartWork

_ATTEMPTS = 3


def own_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class LocalEngine:
    """See Engine.

    Attributes:
        actors: processes; 1 works in this one.
    """

    actors: int

    def run(self, work: PartWork, parts: Sequence[Part]) -> Iterator[PartFacts]:
        """See Engine."""
        if self.actors == 1 or len(parts) == 1:
            from vlrouterbench.core.threads import one_thread

            with one_thread():
                yield from map(work.open(), parts)
            return
        left, failed = {part.number: part for part in parts}, 0
        while left:
            before = len(left)
            for facts in _until_broken(work, list(left.values()), min(self.actors, len(left))):
                del left[facts["part"]]
                yield facts
            failed = failed + 1 if len(left) == before else 0
            if failed == _ATTEMPTS:
                raise VLRouterBenchError(
                    f"expected {self.actors} processes that do parts, found them killed {_ATTEMPTS} times before any "
                    "part was done. Memory is likely short: try fewer --actors, or more --parts in another --out."
                )


def _until_broken(work: PartWork, parts: Sequence[Part], actors: int) -> Iterator[PartFacts]:
    """Do parts until all are done or a process was killed."""
    # Started anew: a process that was forked from one that runs torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(actors, context, _start_worker, (work,))
    try:
        futures: list[Future[PartFacts]] = [pool.submit(_do_in_worker, part) for part in parts]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_opened: list[DoPart] = []


def _start_worker(work: PartWork) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _opened[:] = [work.open()]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do_in_worker(part: Part) -> PartFacts:
    return _opened[0](part)

"""`bench scale`: two processes of the local engine against one, over the same parts.

Decisions
- Rows a second count from the first part that begins to the last one that ends, by the clock that processes of one
  machine share: what starting takes is left out of both, and stated beside it.
- Each is run twice, in the order one, two, two, one: a machine that grows slower meanwhile does so for both.
- Beside it stands what the cores themselves give: the same arithmetic in Python on two processes against one.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import DoPart, PartFacts, PartWork
from vlrouterbench.routing.parts.route_job import RouteRequest, route_job
from vlrouterbench.routing.parts.router_source import RouterSource

ORDER = (1, 2, 2, 1)
"""Processes of each run."""
_PARTS = 40
"""So that no process waits long for the last part of another one."""
_ARITHMETIC = "import time; start = time.monotonic(); sum(range(100_000_000)); print(time.monotonic() - start)"


class ProcessFigures(TypedDict):
    """Two processes against one.

    Attributes:
        rows: of each run, with images.
        rows_per_s: number of processes -> rows a second, from the first part's begin to the last part's end.
        start_s: number of processes -> seconds of a run before and after that.
        ratio: rows a second of two processes over those of one.
        cores_ratio: the same of arithmetic in Python: what the machine's cores give at most.
    """

    rows: int
    rows_per_s: dict[str, float]
    start_s: dict[str, float]
    ratio: float
    cores_ratio: float


class Run(NamedTuple):
    """A run.

    Attributes:
        processes: how many worked.
        seconds: from its begin to its end.
        parts: when each part began and ended, in seconds.
    """

    processes: int
    seconds: float
    parts: list[tuple[float, float]]

    @property
    def working_s(self) -> float:
        """From the first part's begin to the last one's end."""
        return max(ended for _, ended in self.parts) - min(began for began, _ in self.parts)


class TimedFacts(PartFacts):
    """What became of a part, and when: seconds by a clock that all processes of a machine share."""

    began: float
    ended: float


@dataclass(frozen=True)
class TimedWork:
    """See PartWork; says when each part began and ended."""

    work: PartWork

    def open(self) -> DoPart:
        """See PartWork."""
        do_part = self.work.open()

        def do(part: Part) -> TimedFacts:
            began = time.monotonic()
            return cast(TimedFacts, {**do_part(part), "began": began, "ended": time.monotonic()})

        return do


def compare_processes(router: RouterSource, questions: Path, out: Path) -> ProcessFigures:
    """Decide the same questions on one process and on two.

    Args:
        router: what decides.
        questions: a folder of tables.
        out: a folder for what is decided, not there yet.
    """
    runs, rows = list[Run](), 0
    for turn, processes in enumerate(ORDER):
        routing = route_job(RouteRequest(router, questions, out / str(turn), parts=_PARTS))
        rows = routing.job.manifest["input"]["rows"]
        routing.job.begin()
        start = time.perf_counter()
        found = _run(TimedWork(routing.work), routing.job.parts, processes)
        seconds = time.perf_counter() - start
        runs.append(Run(processes, seconds, [(facts["began"], facts["ended"]) for facts in found]))
    return process_figures(rows, runs, cores_ratio=2 * _arithmetic(1) / _arithmetic(2))


def _run(work: PartWork, parts: Sequence[Part], processes: int) -> list[TimedFacts]:
    """Do parts on processes that are started for it: one as well, since this one holds what it has made before."""
    if processes > 1:
        return _done(work, parts, processes)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_done, work, parts, 1).result()


def _done(work: PartWork, parts: Sequence[Part], processes: int) -> list[TimedFacts]:
    return [cast(TimedFacts, facts) for facts in LocalEngine(processes).run(work, parts)]


def process_figures(rows: int, runs: Sequence[Run], *, cores_ratio: float) -> ProcessFigures:
    """What runs over the same rows come to, each number of processes on average.

    Args:
        rows: of each run.
        runs: on one process and on two.
        cores_ratio: see ProcessFigures.
    """

    def mean(seconds: Callable[[Run], float], processes: int) -> float:
        return statistics.fmean(seconds(run) for run in runs if run.processes == processes)

    working = {number: mean(lambda run: run.working_s, number) for number in (1, 2)}
    return {
        "rows": rows,
        "rows_per_s": {str(number): rows / seconds for number, seconds in working.items()},
        "start_s": {str(number): mean(lambda run: run.seconds, number) - working[number] for number in working},
        "ratio": working[1] / working[2],
        "cores_ratio": cores_ratio,
    }


def _arithmetic(processes: int) -> float:
    """Seconds that the same arithmetic takes in each of so many processes at once."""
    running = [
        subprocess.Popen([sys.executable, "-c", _ARITHMETIC], stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return sum(float(process.communicate()[0]) for process in running) / processes

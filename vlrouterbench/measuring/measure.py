"""From samples and endpoints to tables: ask, judge, grade, write.

Decisions
- Whatever ends the asking (all done, an endpoint that is gone, the limit on money, Ctrl-C), the tables are written from
  what is there: they are always those of the answers on disk.
- The limit on money counts all that this folder's answers cost, of earlier runs too, and what requests that were cut
  off may have cost: a rerun is the same measurement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.answers import ANSWERS_FILE, AnswerStore, opened
from vlrouterbench.measuring.asking.engine import OUT_OF_MONEY, Lane, Run, ask_all
from vlrouterbench.measuring.measurement import Measurement
from vlrouterbench.measuring.money import SpendingLimit, checked_limit
from vlrouterbench.measuring.report import MeasureReport, write_report
from vlrouterbench.measuring.tables import check_out, write_candidates, write_samples
from vlrouterbench.measuring.writing import write_graded

Progress = Callable[["State"], None]


@dataclass(frozen=True)
class State:
    """How far asking is: questions done, failed, in all, and what was paid, USD."""

    done: int
    failed: int
    total: int
    paid_usd: float


def measure(
    measurement: Measurement,
    folder: Path,
    *,
    prices_from: str,
    max_usd: float | None = None,
    progress: Progress | None = None,
) -> MeasureReport:
    """Ask what was not answered yet, grade, and write the tables.

    Args:
        measurement: who is asked what; its samples lie in `folder`.
        folder: of the tables.
        prices_from: name of the file that the prices stand in.
        max_usd: limit on what all of it may cost.
        progress: called while it runs.

    Raises:
        EndpointError: a key is not in the environment.
        VLRouterBenchError: nothing was answered at all, answers cannot be kept, or a limit that is none.
    """
    checked_limit(max_usd)
    check_out(folder)
    for endpoint in (*measurement.endpoints, *([measurement.judge] if measurement.judge else [])):
        endpoint.key()  # before anything is paid: the judge is asked last
    with opened(folder) as store:
        lanes = [Lane(endpoint, measurement.jobs(endpoint)) for endpoint in measurement.endpoints]
        total = len(measurement.samples) * len(lanes)
        interrupted = ask_lanes(lanes, total, _run(store, max_usd), progress)
        if not any(lane.answered or lane.kept for lane in lanes):
            _raise_nothing(lanes, interrupted)
        stopped = {lane.endpoint.name: lane.stopped for lane in lanes if lane.stopped}
        if measurement.judge is not None and not interrupted:
            judge = Lane(measurement.judge, measurement.judge_jobs(measurement.answers(store)))
            total = sum(1 for _ in measurement.judge_jobs(measurement.answers(store)))
            interrupted = ask_lanes([judge], total, _run(store, max_usd), progress)
            stopped |= {judge.endpoint.name: judge.stopped} if judge.stopped else {}
        write_samples(measurement.samples)
        write_candidates(measurement.endpoints, prices_from, folder)
        report = write_graded(measurement, measurement.answers(store), folder, store)
        report["paid_usd"], report["maybe_paid_usd"] = store.spent_usd()
    report["stopped"], report["max_usd"], report["interrupted"] = stopped, max_usd, interrupted
    report["complete"] = not (interrupted or stopped)
    write_report(report, folder)
    return report


def _run(store: AnswerStore, max_usd: float | None) -> Run:
    """A stage of asking, with what was paid before: each has an event loop, and a limit, of its own."""
    return Run(store, SpendingLimit(max_usd, sum(store.spent_usd())))


def rows_done(measurement: Measurement, folder: Path) -> list[set[int]]:
    """For each candidate the rows that need not be asked: an earlier run has their answers."""
    if not (folder / ANSWERS_FILE).is_file():
        return [set() for _ in measurement.endpoints]
    rows = range(len(measurement.samples))
    with opened(folder) as store:
        return [{row for row in rows if store.is_done(measurement.job(row, e).key)} for e in measurement.endpoints]


def ask_lanes(lanes: list[Lane], total: int, run: Run, progress: Progress | None) -> bool:
    """Ask; whether it was interrupted.

    Args:
        lanes: whom, and what.
        total: questions in all, for the progress.
        run: where answers go.
        progress: called while it runs.
    """

    def told(lanes: list[Lane]) -> None:
        if progress is not None:
            done = sum(lane.answered + lane.kept + lane.failed for lane in lanes)
            progress(State(done, sum(lane.failed for lane in lanes), total, run.limit.spent_usd))

    try:
        asyncio.run(ask_all(lanes, Run(run.store, run.limit, told)))
    except KeyboardInterrupt:
        return True
    return False


def _unanswered(lane: Lane) -> str:
    """What an endpoint said that answered no question."""
    return f"no question was answered, the last one said: {lane.last_fault}" if lane.last_fault else "nothing was asked"


def _raise_nothing(lanes: list[Lane], interrupted: bool) -> None:
    if interrupted:
        raise KeyboardInterrupt
    if all(lane.stopped == OUT_OF_MONEY for lane in lanes):
        raise VLRouterBenchError(
            "expected a --max-usd that what one request can cost at most fits into, with all that was paid before, "
            "found less. Nobody was asked; --dry-run shows what requests can cost, and max_output_tokens makes it less."
        )
    failed = "; ".join(f"{lane.endpoint.name}: {lane.stopped or _unanswered(lane)}" for lane in lanes[:3])
    raise VLRouterBenchError(
        f"expected answers of {len(lanes)} endpoints, found none: {failed}. Try: vlrouterbench endpoints check FILE"
    )

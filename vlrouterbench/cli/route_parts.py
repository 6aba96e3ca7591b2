"""`vlrouterbench route --questions ... --out FOLDER`: very many questions, in parts, and what is shown of them.

Decisions
- The manifest fixes the parts: a rerun that does not state --parts takes those that the job was begun with.
- Nothing is imported that loads a router before it is known that a part is missing: a rerun of a job that is done is
  quick.
- Bad rows are in files of their own; how many there are is said at the end. Where every row is bad, that is an error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from vlrouterbench.cli import console
from vlrouterbench.cli.parts import AllowedWork
from vlrouterbench.cli.route_request import RouteRequest
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.parts.engines import LOCAL, EngineOptions
from vlrouterbench.core.simulated import SIMULATED_ROUTER
from vlrouterbench.routers.encoders.sample_input import RAISE, TEXT_ONLY
from vlrouterbench.routing.parts.done_job import DoneJob, StatedJob, done_job
from vlrouterbench.routing.parts.job import JobResult
from vlrouterbench.routing.parts.manifest import ROUTE

if TYPE_CHECKING:
    from vlrouterbench.routing.parts.route_job import RouteJob


class PartsSummary(TypedDict):
    """What `route --questions --out FOLDER --json` prints."""

    rows: int
    decided: int
    bad: int
    out: str
    parts: int
    parts_found: int
    engine: str
    seconds: float
    chosen: dict[str, int]
    average_estimated_cost_usd: float | None
    average_cost_usd: float | None
    without_image: int
    fewer_images: int
    trained_on_simulated_data: bool


def route_in_parts(request: RouteRequest) -> None:
    """Decide every question of `request.questions`, in parts, into the folder `request.out`.

    Raises:
        VLRouterBenchError: the input, the router, the options or the folder do not go together, or every row is bad.
        BudgetError, CalibrationError, PoolMismatchError: what no row could be decided with.
    """
    start = time.perf_counter()
    source, out = request.table_files()
    chosen = request.engine_options()
    chosen.check()
    stated = _stated_options(request)
    with console.stage("look through the questions"):
        encoders = request.text_encoder, request.image_encoder
        done = done_job(StatedJob(ROUTE, request.router, encoders, source, out, stated, request.parts))
        found = done or _look_through(request, stated)
    if found.note:
        console.warn(found.note)
    result = found.job.as_done() if isinstance(found, DoneJob) else _decide(found, chosen)
    if not result.decided:
        raise RouterError(
            f"expected rows that can be decided in {source}, found none of {result.bad:,}. {out}/errors-*.parquet says "
            "why of each."
        )
    _show(request, result, found.note, time.perf_counter() - start, simulated=found.job.simulated)


def _look_through(request: RouteRequest, stated: Mapping[str, object]) -> RouteJob:
    from vlrouterbench.routing.options import RoutingOptions
    from vlrouterbench.routing.parts.route_job import RouteRequest as JobRequest
    from vlrouterbench.routing.parts.route_job import route_job

    console.quiet_libraries()
    source, out = request.table_files()
    options = RoutingOptions(candidates=request.names, average_cost_usd=request.average_cost_usd, **request.budget)
    options = replace(options, when_unfamiliar=request.if_unfamiliar)
    bad_image = TEXT_ONLY if request.allow_text_only else RAISE
    return route_job(JobRequest(request.source(), source, out, options, stated, request.parts, bad_image))


def _decide(routing: RouteJob, chosen: EngineOptions) -> JobResult:
    """Do the parts that are missing."""
    engine, job = chosen.open(), routing.job
    if routing.average_cost_usd is not None:
        with console.stage("look for the weight that keeps the average") as job.progress:
            routing = routing.weigh(engine, AllowedWork.of)
    with console.stage("decide") as job.progress:
        return routing.run(engine, AllowedWork.of)


def _stated_options(request: RouteRequest) -> dict[str, object]:
    """The options that decisions depend on, by the names of their flags."""
    goal = request.goal()
    stated = {
        **request.budget,
        "average_cost_usd": request.average_cost_usd,
        "candidates": request.names,
        "allow_text_only": request.allow_text_only or None,
        "when_unfamiliar": str(request.if_unfamiliar) if request.acts_if_unfamiliar else None,
        "objective": None if request.objective is None else str(goal.objective),
        "beta": None if request.objective is None else goal.beta,
        "cost_bounds": None if goal.given_bounds is None else list(goal.given_bounds),
    }
    return {name: value for name, value in stated.items() if value is not None}


def _show(request: RouteRequest, result: JobResult, note: str, seconds: float, *, simulated: bool) -> None:
    (_, out), rows, mean = request.table_files(), result.decided + result.bad, result.average_estimated_cost_usd
    summary: PartsSummary = {
        "rows": rows,
        "decided": result.decided,
        "bad": result.bad,
        "out": str(out),
        "parts": len(result.facts),
        "parts_found": result.found,
        "engine": request.engine or LOCAL,
        "seconds": seconds,
        "chosen": result.chosen,
        "average_estimated_cost_usd": mean,
        "average_cost_usd": request.average_cost_usd,
        "without_image": result.without_image,
        "fewer_images": result.fewer_images,
        "trained_on_simulated_data": simulated,
    }
    table = console.plain_table("", ("candidate", "rows", "share %"))
    for name, count in result.chosen.items():
        table.add_row(name, f"{count:,}", f"{100 * count / result.decided:.1f}")
    before = f", {result.found:,} of them before" if result.found else ""
    console.show(
        {**summary, **request.objective_facts(note)},
        f"{result.decided:,} of {rows:,} rows decided in {len(result.facts):,} parts{before}",
        table,
        *([_spending(mean, request.average_cost_usd)] if mean is not None else []),
        *([f"rows decided without their image: {result.without_image:,}"] if result.without_image else []),
        *([f"rows decided without some of their images: {result.fewer_images:,}"] if result.fewer_images else []),
        *([f"bad rows: {result.bad:,}; errors-*.parquet says why of each"] if result.bad else []),
        *([SIMULATED_ROUTER] if simulated else []),
        f"decisions: {out}",
    )


def _spending(mean: float, average: float | None) -> str:
    asked = "" if average is None else f"; asked for {SAMPLES_PER_COST_UNIT * average:.4g}"
    return f"expected cost: {SAMPLES_PER_COST_UNIT * mean:.4g} $/10K on average{asked}"

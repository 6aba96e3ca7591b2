"""A job of `route --questions` from what was asked for: what can be wrong is looked for, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vlrouterbench.core.parts.part import plan_parts
from vlrouterbench.core.parts.work import Engine, PartWork
from vlrouterbench.routers.base.budget_account import check_average
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.sample_input import RAISE
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.parts.budget_work import CurveWork, weigh
from vlrouterbench.routing.parts.job import Job, JobResult, input_record
from vlrouterbench.routing.parts.manifest import ROUTE, JobRecord, begun, check_same, key_of, parts_of, read_manifest
from vlrouterbench.routing.parts.part_files import done_part
from vlrouterbench.routing.parts.pieces_file import read_pieces
from vlrouterbench.routing.parts.route_work import RouteWork
from vlrouterbench.routing.parts.router_files import router_files_sha256
from vlrouterbench.routing.parts.router_source import RouterSource, encoder_identity, router_sha256
from vlrouterbench.routing.parts.shard_rows import PartRows, ShardReader
from vlrouterbench.routing.parts.shards import find_shards
from vlrouterbench.training.pool.opened import check_open_pool
from vlrouterbench.version import __version__

Sent = Callable[[PartWork], PartWork]
"""Work -> the same, with what else a process needs that opens it."""


@dataclass(frozen=True)
class RouteRequest:
    """What is asked for.

    Attributes:
        source: the router.
        questions: as for `find_shards`.
        out: folder of the files.
        options: how rows are decided; an average is of the whole job.
        stated: what of the options decisions depend on, as the manifest states it.
        parts: number of parts; None for as many as the job was begun with, else one per so many rows.
        on_bad_image: as for `PreTrainedRouter.route`.
    """

    source: RouterSource
    questions: Path
    out: Path
    options: RoutingOptions = RoutingOptions()
    stated: Mapping[str, object] = field(default_factory=dict)
    parts: int | None = None
    on_bad_image: str = RAISE


@dataclass(frozen=True)
class RouteJob:
    """A job that can be run.

    Attributes:
        job: its folder, manifest and parts.
        work: what does a part.
        router: as this process has it.
        note: what of its objective cannot be met, else empty.
        average_cost_usd: what the whole job may cost on average, None for any.
    """

    job: Job
    work: RouteWork
    router: PreTrainedRouter
    note: str
    average_cost_usd: float | None

    def weigh(self, engine: Engine, sent: Sent = lambda work: work) -> RouteJob:
        """The job at the weight that keeps its average, by a first pass; as it is where there is no average.

        Raises:
            BudgetError: even the cheapest decisions cost more; others as for `Engine.run`.
        """
        if self.average_cost_usd is None:
            return self
        pool = check_open_pool(self.router, self.work.source.router)
        weight = weigh(self.job, sent(CurveWork(self.work)), engine, pool, self.average_cost_usd)
        options = replace(self.work.options, usd_weight=weight)
        return replace(self, work=replace(self.work, options=options, job=key_of(self.job.manifest)))

    def run(self, engine: Engine, sent: Sent = lambda work: work) -> JobResult:
        """Do the parts that are missing; errors as for `Engine.run`."""
        return self.job.run(sent(self.work), engine)


def route_job(request: RouteRequest) -> RouteJob:
    """Look through the input, the router and the folder, and fix the parts.

    Raises:
        VLRouterBenchError: they do not go together.
        BudgetError, CalibrationError, PoolMismatchError: what no row could be decided with.
    """
    average = request.options.average_cost_usd
    if average is not None:
        check_average(average)
    before = read_manifest(request.out)
    files = find_shards(request.questions)
    router, note = request.source.open()
    if average is not None:
        check_open_pool(router, request.source.router)
    options = replace(request.options, name=request.source.name, average_cost_usd=None)
    options.check(router)
    stamps, reader = files.stamps(), ShardReader(files.root)
    record = input_record(files, reader, None if before is None else before["input"])
    pieces = reader.pieces or read_pieces(request.out, record)
    fixed = len(before["parts"]) if before is not None and request.parts is None else request.parts
    digest = router_sha256(router)
    made: JobRecord = {
        "command": ROUTE,
        "version": __version__,
        "input": record,
        "router": {"name": request.source.name, "sha256": digest},
        "encoder": encoder_identity(router),
        "options": dict(request.stated),
        "parts": [part.record() for part in plan_parts([shard["rows"] for shard in record["shards"]], fixed)],
    }
    if before is not None:
        check_same(request.out, before, made)
    manifest = before or begun(made)
    out = request.out
    rows = PartRows(files.root, files.names, pieces, stamps)
    work = RouteWork(request.source, digest, options, rows, request.on_bad_image, out.absolute(), key_of(manifest))
    simulated = bool(router.config.training.get("benchmark", {}).get("simulated"))
    files_sha256 = router_files_sha256(request.source.router, *request.source.encoders)
    if files_sha256 is not None:
        manifest["loaded"] = {"files_sha256": files_sha256, "objective_note": note, "simulated": simulated}
    job = Job(out, manifest, parts_of(manifest), lambda part: done_part(out, part, key_of(manifest)), pieces, simulated)
    return RouteJob(job, work, router, note, average)

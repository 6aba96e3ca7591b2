"""Grading again what was answered before: no candidate is asked.

Decisions
- Predictions are those of the table of outcomes, so that tables can be graded again wherever they were moved to.
- A judge is asked, where the new grading is one: its verdicts are kept with the answers.
- What a grading does not change stays as the measurement reported it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import SourceError, VLRouterBenchError
from vlrouterbench.data.prices.read import read_pool
from vlrouterbench.data.schema import LATENCY
from vlrouterbench.measuring.answers import Answer, opened
from vlrouterbench.measuring.asking.engine import OUT_OF_MONEY, Job, Lane, Run
from vlrouterbench.measuring.endpoints.endpoint import Endpoint
from vlrouterbench.measuring.grading.kinds import JUDGE, Grading
from vlrouterbench.measuring.judge_estimate import JudgeEstimate, estimate_of_jobs
from vlrouterbench.measuring.measure import Progress, ask_lanes
from vlrouterbench.measuring.measurement import Measurement
from vlrouterbench.measuring.money import SpendingLimit, checked_limit, usd
from vlrouterbench.measuring.outcomes import OUTCOMES_FILE, OUTCOMES_SCHEMA
from vlrouterbench.measuring.report import REPORT_FILE, MeasureReport, write_report
from vlrouterbench.measuring.tables import CANDIDATES_FILE, read_written_samples
from vlrouterbench.measuring.writing import write_graded

_KEPT = ("measurement", "prompt_template", "paid_usd", "maybe_paid_usd", "max_usd", "overrun_bound", "interrupted")


def regrade(
    folder: Path,
    grading: Grading,
    *,
    judge: Endpoint | None = None,
    max_usd: float | None = None,
    agree: Callable[[JudgeEstimate], None] | None = None,
    progress: Progress | None = None,
) -> MeasureReport:
    """Grade the answers of a folder of tables again; samples that name their grading keep it.

    Args:
        folder: as measure wrote it.
        grading: of samples that name none.
        judge: who judges, where that is the grading.
        max_usd: limit on what judging may cost, with all that was paid before.
        agree: called with what the judge will cost before it is asked; what it raises ends the grading.
        progress: called while the judge is asked.

    Raises:
        SourceError: the folder is none that measure wrote.
        GradingError: a gold answer cannot be used by the new grading.
        VLRouterBenchError: a limit that is none, or that no verdict fits into; nothing is changed then.
    """
    checked_limit(max_usd)
    samples = read_written_samples(folder, grading)
    before = _report(folder)
    endpoints = _candidates(folder, before)
    needed = judge if any(one.kind == JUDGE for one in samples.gradings) or grading.kind == JUDGE else None
    measurement = Measurement(samples, str(before["prompt_template"]), endpoints, needed)
    outcomes = _outcomes(folder)
    if measurement.judge is None:
        report = write_graded(measurement, _answers(measurement, outcomes), folder, None)
        stopped: dict[str, str] = {}
    else:
        with opened(folder) as store:
            limit = SpendingLimit(max_usd, sum(store.spent_usd()))
            jobs = partial(_judge_jobs, measurement, outcomes)
            foreseen = estimate_of_jobs(measurement.judge, jobs(), store)
            if agree is not None and foreseen.requests:
                agree(foreseen)
            total = sum(1 for _ in jobs())
            lane = Lane(measurement.judge, jobs())
            ask_lanes([lane], total, Run(store, limit), progress)
            if lane.stopped == OUT_OF_MONEY and not (lane.answered or lane.kept):
                raise VLRouterBenchError(
                    f"expected a --max-usd that one verdict of {measurement.judge.name} fits into, with "
                    f"{limit.spent_usd:.4g} USD that were paid before, found {max_usd:g}. Nobody was asked, and the "
                    "grades are as they were."
                )
            report = write_graded(measurement, _answers(measurement, outcomes), folder, store)
            before["paid_usd"], before["maybe_paid_usd"] = store.spent_usd()
            stopped = {lane.endpoint.name: lane.stopped} if lane.stopped else {}
    merged: Any = {**report, **{name: before[name] for name in _KEPT if name in before}}
    if max_usd is not None:
        merged["max_usd"] = max_usd
    merged["stopped"] = {**before.get("stopped", {}), **stopped}
    merged["complete"] = bool(before.get("complete")) and not stopped
    write_report(merged, folder)
    return merged


def _report(folder: Path) -> dict[str, Any]:
    path = folder / REPORT_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"expected {REPORT_FILE} of a measurement in {folder}: {error}.") from error
    if not isinstance(content, dict) or "prompt_template" not in content:
        raise SourceError(f"expected the report of a measurement in {path}, found another content.")
    return content


def _candidates(folder: Path, report: dict[str, Any]) -> tuple[Endpoint, ...]:
    """The candidates with their prices; where they were asked does not matter here."""
    models = {entry["name"]: entry["model"] for entry in report["candidates"]}
    pool = read_pool(folder / CANDIDATES_FILE, allow_unlikely=True)
    return tuple(
        Endpoint(c.name, models.get(c.name, c.name), c.input_price, c.output_price, base_url=f"measured/{c.name}")
        for c in pool.candidates
    )


def _outcomes(folder: Path) -> pa.Table:
    path = folder / OUTCOMES_FILE
    if not path.is_file():
        raise SourceError(f"expected {OUTCOMES_FILE} of a measurement in {folder}, found none.")
    table = pq.read_table(path)
    if lacking := [name for name in OUTCOMES_SCHEMA.names if name not in table.column_names]:
        raise SourceError(f"expected outcomes that measure wrote in {path}, found none of {', '.join(lacking)}.")
    return table


def _judge_jobs(measurement: Measurement, outcomes: pa.Table) -> Iterator[Job]:
    return measurement.judge_jobs(_answers(measurement, outcomes))


def _answers(measurement: Measurement, outcomes: pa.Table) -> Iterator[tuple[int, str, Answer]]:
    """The answers of a table of outcomes, by rows of the samples."""
    row_of = {sample_id: row for row, sample_id in enumerate(measurement.samples.table["sample_id"].to_pylist())}
    by_name = {endpoint.name: endpoint for endpoint in measurement.endpoints}
    for batch in outcomes.to_batches(max_chunksize=1_000):
        for cells in batch.to_pylist():
            yield row_of[cells["sample_id"]], cells["candidate"], _answer(cells, by_name[cells["candidate"]])


def _answer(cells: dict[str, Any], endpoint: Endpoint) -> Answer:
    failed = cells["prediction"] is None
    cost = 0.0 if failed else usd(endpoint, cells["input_tokens"], cells["output_tokens"])
    return Answer(
        key="",
        text=cells["prediction"] or "",
        error=(cells["error"] or "no answer") if failed else "",
        finish_reason=cells["finish_reason"] or "",
        refused=cells["refused"],
        input_tokens=cells["input_tokens"],
        output_tokens=cells["output_tokens"],
        counted=cells["tokens_counted_here"],
        latency_s=cells[LATENCY],
        attempts=cells["attempts"],
        encoded_anew=cells["image_encoded_anew"],
        cost_usd=cost,
    )

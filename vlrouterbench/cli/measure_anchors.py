"""`vlrouterbench candidates add --endpoint`: the anchor samples of a router, asked of a new candidate by itself.

Decisions
- It is a measurement as any other: an estimate first, every answer kept, and a rerun that goes on. Its tables lie
  beside the new router, in `<out>-measured`.
- A benchmark holds no answers: they come from the table that it was built from, or another with the same sample_id.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vlrouterbench.core.errors import RouterError, VLRouterBenchError

if TYPE_CHECKING:
    from vlrouterbench.data.table import RoutingTable
    from vlrouterbench.measuring.endpoints.endpoint import Endpoint, EndpointFile
    from vlrouterbench.routers.pool.open_pool import OpenPoolRouter


class AnchorRequest(Protocol):
    """The options of `candidates add` that a measurement needs."""

    @property
    def endpoint(self) -> str | None:
        """Name in the endpoints file."""

    @property
    def endpoints(self) -> Path | None:
        """The endpoints file."""

    @property
    def answers(self) -> Path | None:
        """Table with gold answers."""

    @property
    def out(self) -> Path:
        """Folder of the changed router."""

    @property
    def count(self) -> int:
        """Anchor samples."""

    @property
    def grading(self) -> str | None:
        """Of samples that name none."""

    @property
    def max_usd(self) -> float | None:
        """Limit on money."""

    @property
    def yes(self) -> bool:
        """Whether the estimate is agreed to."""

    @property
    def allow_unlikely_prices(self) -> bool:
        """Whether prices stand as they are."""


def read_endpoint(request: AnchorRequest) -> tuple[EndpointFile, Endpoint, Path]:
    """The endpoint that `--endpoint` names, its file, and the table of answers.

    Raises:
        VLRouterBenchError: one of the three options is missing.
    """
    from vlrouterbench.measuring.endpoints.read import read_endpoints

    if request.endpoint is None or request.endpoints is None or request.answers is None:
        raise VLRouterBenchError(
            "expected --endpoint NAME, --endpoints FILE and --answers TABLE (sample_id, answer) together, or "
            "--outcomes FILE with --name, --input-price and --output-price."
        )
    file = read_endpoints(request.endpoints, allow_unlikely=request.allow_unlikely_prices)
    return file, file.find(request.endpoint), request.answers


def measure_anchors(request: AnchorRequest, router: OpenPoolRouter, table: RoutingTable) -> Path:
    """Ask an endpoint about the anchor samples of a router.

    Args:
        request: whom, and under which limits.
        router: chooses the samples.
        table: the benchmark that it was trained on.

    Returns:
        The table of outcomes.
    """
    import numpy as np

    from vlrouterbench.cli import console
    from vlrouterbench.cli.measure import agree_to, estimate_texts, fail_where_stopped, shown_progress
    from vlrouterbench.measuring.grading.kinds import parse_grading
    from vlrouterbench.measuring.measure import measure, rows_done
    from vlrouterbench.measuring.measurement import Measurement
    from vlrouterbench.measuring.money import estimate
    from vlrouterbench.measuring.outcomes import OUTCOMES_FILE
    from vlrouterbench.measuring.prompts import DEFAULT_TEMPLATE
    from vlrouterbench.measuring.sample_sources import benchmark_samples, read_answer_table
    from vlrouterbench.measuring.samples import take_in
    from vlrouterbench.measuring.tables import check_out

    file, endpoint, answers = read_endpoint(request)
    try:
        rows = np.array(router.anchor_set(request.count))
    except ValueError as error:
        raise RouterError(f"--count: {error}") from error
    folder = request.out.with_name(f"{request.out.name}-measured")
    check_out(folder)
    grading = None if request.grading is None else parse_grading(request.grading)
    with console.stage("read anchor samples"):
        found = benchmark_samples(table.split("train").take(rows), read_answer_table(answers), str(answers))
        samples = take_in(found, folder, grading)
    measurement = Measurement(samples, DEFAULT_TEMPLATE, (endpoint,))
    done = rows_done(measurement, folder)
    estimates = estimate(samples, DEFAULT_TEMPLATE, (endpoint,), done)
    if any(entry.requests for entry in estimates):
        agree_to(estimate_texts(estimates), request.max_usd, yes=request.yes)
    with console.stage("ask", with_note=True) as progress:
        report = measure(
            measurement,
            folder,
            prices_from=file.path.name,
            max_usd=request.max_usd,
            progress=shown_progress(progress),
        )
    fail_where_stopped(report, folder)
    return folder / OUTCOMES_FILE

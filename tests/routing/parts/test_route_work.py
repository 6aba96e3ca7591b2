"""A part of questions: a process that does one after the other holds no more after the twelfth than after the third."""

import gc
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.parts.engines import LOCAL, EngineOptions
from vlrouterbench.routing.options import RoutingOptions
from vlrouterbench.routing.parts.route_job import RouteRequest, route_job
from vlrouterbench.routing.parts.router_source import RouterSource

PARTS, ROWS = 12, 60
"""Parts, and rows of each."""


@pytest.fixture
def no_collector():
    """What holds itself in a circle stays: of few large things the collector would not look at it for hours."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(("family", "average"), [("linear", None), ("flagship", 1.0)])
def test_a_process_holds_nothing_of_the_parts_that_it_has_done(
    trained_folders, tmp_path, no_collector, family, average
):
    questions = [f"What is the {number}?" if number % 10 else "" for number in range(PARTS * ROWS)]
    ids = [f"q{number}" for number in range(PARTS * ROWS)]
    pq.write_table(pa.table({"sample_id": ids, "question": questions}), tmp_path / "q.parquet", row_group_size=100)
    source, options = RouterSource(str(trained_folders[family])), RoutingOptions(average_cost_usd=average)
    routing = route_job(RouteRequest(source, tmp_path / "q.parquet", tmp_path / "out", options, parts=PARTS))
    held = list[int]()
    routing.job.progress = lambda done, rows: held.append(sys.getallocatedblocks())
    passed = routing.run if average is None else routing.weigh
    passed(EngineOptions(LOCAL, actors=1).open())
    assert len(held) == PARTS
    assert (held[-1] - held[2]) / (PARTS - 3) < 2 * ROWS  # a decision alone is three blocks

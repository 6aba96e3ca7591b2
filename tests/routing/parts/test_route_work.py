"""Parts of questions: what a process holds of those that are done, and what changes under a job that runs."""

import gc
import os
import shutil
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.errors import SourceError, VLRouterBenchError
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


@pytest.fixture
def tables(tmp_path):
    """Two tables of two questions each."""
    folder = tmp_path / "questions"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(f"sample_id,question\n{name}1,Why?\n{name}2,What?\n")
    return folder


def of(tables, router, out, **more):
    return route_job(RouteRequest(RouterSource(str(router)), tables, out, parts=2, **more))


@pytest.mark.parametrize("change", ["written", "of another time", "gone"])
def test_a_table_that_changes_while_a_job_runs_gives_no_part(trained_folders, tables, tmp_path, change):
    """Rows of another input than the manifest states would be in it, and nothing would tell."""
    routing, content = of(tables, trained_folders["linear"], tmp_path / "out"), (tables / "b.csv").read_text()

    def changed(done, rows):
        if change == "gone":
            (tables / "b.csv").unlink()
        elif change == "written":
            (tables / "b.csv").write_text(content.replace("What", "Where"))
        else:
            os.utime(tables / "b.csv", (1, 1))

    routing.job.progress = changed
    engine = EngineOptions(LOCAL, actors=1).open()
    with pytest.raises(SourceError, match=r"b\.csv: (expected the table that this job was begun with|.*No such file)"):
        routing.run(engine)
    assert [path.name for path in (tmp_path / "out").glob("part-*")] == ["part-00000-of-00002.parquet"]
    (tables / "b.csv").write_text(content)
    assert of(tables, trained_folders["linear"], tmp_path / "out").run(engine).found == 1


def test_of_two_jobs_that_begin_in_one_folder_at_once_one_is_refused(trained_folders, tables, tmp_path):
    """Both were looked through while nothing was there."""
    router, out, engine = trained_folders["linear"], tmp_path / "out", EngineOptions(LOCAL, actors=1).open()
    first, second = of(tables, router, out), of(tables, router, out, stated={"allow_text_only": True})
    assert first.run(engine).decided == 4
    whole = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(VLRouterBenchError, match="holds another job: --allow-text-only was not given, and is true"):
        second.run(engine)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == whole
    late = of(tables, router, tmp_path / "late", stated={"allow_text_only": True})
    late.job.progress = lambda done, rows: shutil.copy(out / "manifest.json", tmp_path / "late" / "manifest.json")
    with pytest.raises(VLRouterBenchError, match="late holds another job"):
        late.run(engine)

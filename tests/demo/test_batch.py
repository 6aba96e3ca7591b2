"""Batches of the page: good rows are decided, bad rows are listed, a file that is no table stops everything."""

import sys

import pyarrow.parquet as pq
import pytest

from tests.demo.bad_files import bomb_bytes, image_bytes, zip_of
from tests.warm import run_python
from vlrouterbench.demo.batch import BatchFiles, BatchRouting, routed_html
from vlrouterbench.demo.controls import CEILING, Preference
from vlrouterbench.routing.limits import QuestionError
from vlrouterbench.routing.routed_table import SCHEMA


@pytest.fixture
def routing(workspace):
    return BatchRouting(workspace.router, "flagship", Preference())


def csv(tmp_path, *lines, name="table.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_bad_rows_are_listed_and_good_rows_done(routing, tmp_path):
    table = csv(
        tmp_path,
        "sample_id,question,image,options",
        "a,What is it?,one.png,red|blue",
        "b,What is it?,none.png,",
        "c,,,",
        "d,Why?,,",
        "a,Again?,,",
        "e,Broken?,broken.png,",
        "f,Bomb?,bomb.png,",
    )
    images = {"deep/one.png": image_bytes(), "broken.png": image_bytes()[:40], "bomb.png": bomb_bytes()}
    result = routing.run(BatchFiles(table, zip_of(tmp_path / "images.zip", images)))
    assert [row["sample_id"] for row in result.decisions] == ["a", "d"]
    assert [bad["row"] for bad in result.bad] == [2, 3, 5, 6, 7]
    problems = {bad["row"]: bad["problem"] for bad in result.bad}
    assert "not in the archive" in problems[2] and "neither" in problems[3] and "earlier row" in problems[5]
    assert "cannot be read" in problems[6] and "cannot be read" in problems[7]


def test_the_file_of_decisions_says_what_route_decides(routing, workspace, tmp_path):
    table = csv(tmp_path, "question", "Which is larger?", "How many are there?")
    path = routing.run(BatchFiles(table)).write(tmp_path / "decisions.parquet")
    rows = pq.read_table(path)
    assert rows.schema.equals(SCHEMA)
    weight = Preference().budget(workspace.router)
    expected = [workspace.router.route(q, **weight).candidate for q in ("Which is larger?", "How many are there?")]
    assert rows["candidate"].to_pylist() == expected
    assert rows["sample_id"].to_pylist() == ["1", "2"]
    assert all(0 <= chance <= 1 for chance in rows["estimated_accuracy"].to_pylist())


def test_progress_counts_every_row(routing, tmp_path):
    seen = []
    routing.run(BatchFiles(csv(tmp_path, "question", "A?", '""', "C?")), lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_budget_that_no_candidate_fits_is_the_rows_own_error(workspace, tmp_path):
    routing = BatchRouting(workspace.router, "flagship", Preference(CEILING, usd_per_10k=1e-9))
    result = routing.run(BatchFiles(csv(tmp_path, "question", "A?")))
    assert not result.decisions and "Raise the budget" in result.bad[0]["problem"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00\x01", "not readable"),
        (b"PAR1 but nothing else", "not readable"),
        (b"text\nWhat?\n", "needs a column question"),
        (b"question\n", "no row: expected a question"),
        (b"", "not readable"),
        (b"question,b\n1,2,3\n", "not readable"),
    ],
)
def test_a_file_that_is_no_table_stops_the_batch(routing, tmp_path, content, said):
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(QuestionError, match=said):
        routing.run(BatchFiles(tmp_path / "table"))


def test_bad_rows_show_names_as_text(routing, tmp_path):
    table = csv(tmp_path, "question,image", 'Q?,"<img src=x onerror=alert(1)>"')
    html = routed_html(routing.run(BatchFiles(table, zip_of(tmp_path / "p.zip", {"a.png": image_bytes()}))))
    assert "<img" not in html and "&lt;img" in html


MEMORY = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from vlrouterbench.demo.batch import BatchFiles, BatchRouting
from vlrouterbench.demo.controls import Preference
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routing.limits import QuestionError

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

folder = Path(sys.argv[2])
routing = BatchRouting(AutoRouter.from_pretrained(sys.argv[1]), "saved", Preference())
(folder / "fine.csv").write_text("question\\nA?\\n")
routing.run(BatchFiles(folder / "fine.csv"))
rows = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), pa.array(["x" * 2**27]))
pq.write_table(pa.table({"question": rows}), folder / "table.parquet", compression="zstd")
del rows
pa.default_memory_pool().release_unused()
before = resident()
try:
    routing.run(BatchFiles(folder / "table.parquet"))
except QuestionError as error:
    print("bytes or more in memory" in str(error), (resident() - before) // 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads its memory where Linux states it")
def test_the_memory_that_a_refused_table_took_is_given_back(workspace, tmp_path):
    workspace.router.save_pretrained(tmp_path / "router")
    done = run_python("-c", MEMORY, tmp_path / "router", tmp_path)
    refused, grown = done.stdout.split()
    assert refused == "True" and int(grown) < 100, done.stderr

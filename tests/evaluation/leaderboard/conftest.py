"""A benchmark of own tables, and submissions for it as folders with nothing but decisions."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.hub.conftest import client, closed_endpoint, fake_hub  # noqa: F401  (a Hub for submissions that lie there)
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers


@pytest.fixture(scope="session")
def benchmark(tmp_path_factory):
    """A benchmark folder without images."""
    root = tmp_path_factory.mktemp("leaderboard")
    write_own_tables(root / "own", images=False)
    build_benchmark(root / "own", root / "benchmark")
    return root / "benchmark"


@pytest.fixture(scope="session")
def scored(benchmark):
    """The samples that are scored."""
    return load_table(benchmark).split("test")


@pytest.fixture
def submit(tmp_path, scored):
    """Writes a submission that asks one candidate per sample; gives its file."""

    def write(name, choose, router="mine"):
        ids = scored.column("sample_id")
        rows = [
            {"router": router, "sample_id": sample_id, "candidate": choose(place)}
            for place, sample_id in enumerate(ids)
        ]
        path = tmp_path / "submissions" / name / "decisions.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return write


@pytest.fixture
def evaluation(benchmark, tmp_path):
    """Folder and records of an evaluation of three policies."""
    names = ["oracle", "mixture", "strongest"]
    records = evaluate_routers(benchmark, names, tmp_path / "evaluation", EvaluationOptions(time_routers=False))
    return tmp_path / "evaluation", records

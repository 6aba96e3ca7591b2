"""How long answers took: read from own tables, checked, kept in the benchmark's outcomes, and absent where it was."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.data.sources.editing import rows_of, write_rows
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.held_out import leave_candidate_out
from vlrouterbench.data.table import load_table


def timed(folder, seconds):
    """Give every outcome a latency: a function of its place, None where it was not timed."""
    rows = rows_of(folder, "outcomes")
    write_rows(folder, "outcomes", [row | {"latency_s": seconds(place)} for place, row in enumerate(rows)])


def test_latencies_stand_at_their_sample_and_candidate(own_tables, tmp_path):
    timed(own_tables, lambda place: None if place % 5 == 0 else 0.25 * place)
    build_benchmark(own_tables, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    expected = {(row["sample_id"], row["candidate"]): row["latency_s"] for row in rows_of(own_tables, "outcomes")}
    for row, sample_id in enumerate(table.column("sample_id")):
        for column, name in enumerate(table.pool.names):
            want = expected[sample_id, name]
            assert np.isnan(table.latency[row, column]) if want is None else table.latency[row, column] == want
    test = table.split("train")
    assert test.latency.shape == test.quality.shape
    assert leave_candidate_out(table, "middle").latency.shape[1] == 2
    (path,) = (tmp_path / "benchmark" / "outcomes").glob("*.parquet")
    assert "latency_s" in pq.read_schema(path).names


@pytest.mark.parametrize("seconds", [None, lambda place: None])
def test_without_latencies_there_is_neither_a_column_nor_a_matrix(own_tables, tmp_path, seconds):
    if seconds is not None:
        timed(own_tables, seconds)
    build_benchmark(own_tables, tmp_path / "benchmark")
    assert load_table(tmp_path / "benchmark").latency is None
    (path,) = (tmp_path / "benchmark" / "outcomes").glob("*.parquet")
    assert "latency_s" not in pq.read_schema(path).names


@pytest.mark.parametrize("wrong", [-0.1, float("inf")])
def test_a_latency_that_is_none_is_refused_with_its_row(own_tables, tmp_path, wrong):
    timed(own_tables, lambda place: wrong if place == 3 else 1.0)
    with pytest.raises(SourceError, match=r"row 4: expected a number >= 0 in latency_s"):
        build_benchmark(own_tables, tmp_path / "benchmark")


def test_a_latency_that_is_no_number_is_refused(own_tables, tmp_path):
    timed(own_tables, lambda place: "fast")
    with pytest.raises(SourceError, match="latency_s"):
        build_benchmark(own_tables, tmp_path / "benchmark")

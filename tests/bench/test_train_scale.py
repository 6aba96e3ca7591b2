"""bench train-scale: both sizes under the contract's names, on rows that a larger split shares with a smaller one."""

import numpy as np
import pytest

from vlrouterbench.bench import feature_rows, train_scale
from vlrouterbench.bench.feature_rows import write_feature_benchmark
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem


@pytest.fixture
def few_rows(monkeypatch):
    monkeypatch.setattr(feature_rows, "HELD_OUT", {"validation": 60, "test": 60})
    monkeypatch.setattr(feature_rows, "BLOCK", 100)


def test_a_small_comparison_has_the_contracts_fields(few_rows, monkeypatch):
    def train_here(benchmark, family, out):
        table = load_table(benchmark)
        save_router(train_router(family, Problem(table, encode_benchmark(table))), out)
        return 2.0, 1.0, 0.5

    monkeypatch.setattr(train_scale, "run_training", train_here)
    result = train_scale.bench_train_scale(scale=0.0003)
    assert result["name"] == "train-scale" and result["simulated"] and result["family"] == "flagship"
    small, large = result["trained"]
    assert (small["rows"], large["rows"]) == (150, 300)
    assert 0 < small["accuracy"] < 1 and 0 < large["average_cost_usd"] and large["router_mib"] > 0
    # One second of the processor each: twice the rows in the same time.
    assert result["ratio"] == pytest.approx(2.0)


def test_a_larger_split_contains_the_smaller_and_held_out_rows_are_the_same(few_rows, tmp_path):
    tables = [load_table(write_feature_benchmark(tmp_path / str(rows), rows)) for rows in (150, 260)]
    for split in ("train", "validation", "test"):
        parts = [table.split(split) for table in tables]
        features = [encode_benchmark(table).of(part).numpy() for table, part in zip(tables, parts, strict=True)]
        count = len(parts[0])
        assert np.array_equal(features[0], features[1][:count])
        assert (
            np.array_equal(parts[0].cost, parts[1].cost[:count])
            and (parts[0].quality == parts[1].quality[:count]).all()
        )
    assert tables[0].cost_bounds == tables[1].cost_bounds and len(tables[1].split("train")) == 260


def test_a_training_that_fails_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(train_scale.sys, "executable", "/bin/false")
    with pytest.raises(RouterError, match="training flagship failed"):
        train_scale.run_training(tmp_path, "flagship", tmp_path / "router")

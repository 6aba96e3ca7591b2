"""Prices stand apart from tokens: another sheet gives other costs with no rebuild."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.errors import UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table

SHEET = "name,input_price,output_price\nsmall,1,2\nmiddle,3,4\nlarge,5,6\n"
PRICES = {"small": (1.0, 2.0), "middle": (3.0, 4.0), "large": (5.0, 6.0)}


def test_new_prices_give_what_a_rebuild_under_them_gives(own_tables, tmp_path):
    (tmp_path / "sheet.csv").write_text(SHEET)
    build_benchmark(own_tables, tmp_path / "old")
    build_benchmark(own_tables, tmp_path / "new", BuildOptions(prices=tmp_path / "sheet.csv"))
    repriced = load_table(tmp_path / "old").with_prices(PRICES, source="sheet.csv")
    rebuilt = load_table(tmp_path / "new")
    np.testing.assert_array_equal(repriced.cost, rebuilt.cost)
    assert repriced.cost_bounds == rebuilt.cost_bounds
    assert repriced.report["price_sheet"] == rebuilt.report["price_sheet"] == "sheet.csv"


def test_unnamed_candidates_keep_their_prices_and_unknown_ones_are_an_error(own_tables, tmp_path):
    build_benchmark(own_tables, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    repriced = table.with_prices({"large": (0.0, 1.0)}, source="mine")
    np.testing.assert_array_equal(repriced.cost[:, :2], table.cost[:, :2])
    np.testing.assert_allclose(repriced.cost[:, 2], 30 / 1e6)
    with pytest.raises(UnknownNameError, match='Did you mean "large"'):
        table.with_prices({"larg": (0.0, 1.0)}, source="mine")


def test_a_cost_that_the_source_fixed_stands_under_every_sheet(own_tables, tmp_path):
    outcomes = pq.read_table(own_tables / "outcomes.parquet")
    fixed = [0.5 if row == 0 else None for row in range(outcomes.num_rows)]
    pq.write_table(outcomes.append_column("cost_usd", pa.array(fixed, pa.float64())), own_tables / "outcomes.parquet")
    build_benchmark(own_tables, tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    row = table.column("sample_id").index("s00")
    assert table.cost[row, 0] == table.with_prices(PRICES, source="sheet").cost[row, 0] == 0.5

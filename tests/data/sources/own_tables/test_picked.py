"""Some of the candidates of own tables, and costs in a column of another name."""

import pytest

from tests.data.sources.editing import edit, rows_of
from vlrouterbench.core.errors import SourceError, UnknownNameError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table


def test_outcomes_of_candidates_that_are_not_picked_are_no_error(own_tables, tmp_path):
    names = [row["candidate"] for row in rows_of(own_tables, "outcomes")[:3]]
    report = build_benchmark(own_tables, tmp_path / "out", BuildOptions(models=(names[2], names[0])))
    assert (report["candidates"], report["pairs_kept"], report["left_out"]) == (2, 24, [])
    with pytest.raises(UnknownNameError, match="unknown model in --models"):
        build_benchmark(own_tables, tmp_path / "other", BuildOptions(models=("nobody",)))


def test_costs_are_read_from_the_column_that_is_named(own_tables, tmp_path):
    def costs(rows):
        for row in rows:
            row.update(price_paid=0.25)

    edit(own_tables, "outcomes", costs)
    build_benchmark(own_tables, tmp_path / "out", BuildOptions(cost_column="price_paid"))
    assert load_table(tmp_path / "out").mean_cost.tolist() == [0.25] * 3
    with pytest.raises(SourceError, match="Missing: paid"):
        build_benchmark(own_tables, tmp_path / "other", BuildOptions(cost_column="paid"))

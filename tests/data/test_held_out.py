"""Held-out splits: nothing of what is left out is seen in training."""

import numpy as np
import pytest

from vlrouterbench.core.errors import UnknownNameError
from vlrouterbench.data.held_out import leave_candidate_out, leave_dataset_out


def test_a_left_out_dataset_is_all_of_test_and_none_of_training(simulated_table):
    held = leave_dataset_out(simulated_table, "ChartQA_TEST")
    for row in held.samples.select(["dataset", "split"]).to_pylist():
        assert (row["dataset"] == "ChartQA_TEST") == (row["split"] == "test")
    whole = np.array(simulated_table.column("dataset")) == "ChartQA_TEST"
    assert len(held.split("test")) == whole.sum()


def test_no_group_of_a_left_out_dataset_stays_in_training(simulated_table):
    from dataclasses import replace

    import pyarrow as pa

    datasets = np.array(simulated_table.column("dataset"))
    shared = simulated_table.samples.to_pandas()["group_id"].to_numpy(dtype=object)
    first, other = np.flatnonzero(datasets == "ChartQA_TEST")[0], np.flatnonzero(datasets == "DocVQA_VAL")[0]
    shared[other] = shared[first]
    place = simulated_table.samples.schema.get_field_index("group_id")
    samples = simulated_table.samples.set_column(place, "group_id", pa.array(shared.tolist()))
    held = leave_dataset_out(replace(simulated_table, samples=samples), "ChartQA_TEST")
    assert simulated_table.column("sample_id")[other] not in held.column("sample_id")


def test_rows_keep_their_places_so_that_stored_features_serve(simulated_table):
    held = leave_dataset_out(simulated_table, "OCRBench")
    ids = np.array(simulated_table.column("sample_id"))
    assert held.column("sample_id") == ids[held.rows].tolist()


def test_a_left_out_candidate_leaves_its_columns_and_its_bound(simulated_table):
    dearest = simulated_table.report["cost_bounds_usd"]["cmax_candidate"]
    smaller = leave_candidate_out(simulated_table, dearest)
    assert dearest not in smaller.pool.names
    assert smaller.quality.shape == (len(simulated_table), len(simulated_table.pool) - 1)
    assert smaller.cost_bounds[1] < simulated_table.cost_bounds[1]
    assert smaller.cost_bounds[0] == simulated_table.cost_bounds[0]


def test_unknown_names_get_the_nearest_right_one(simulated_table):
    with pytest.raises(UnknownNameError, match='Did you mean "OCRBench"'):
        leave_dataset_out(simulated_table, "OCRbench2")
    with pytest.raises(UnknownNameError, match='Did you mean "GPT-4o"'):
        leave_candidate_out(simulated_table, "GPT4o")

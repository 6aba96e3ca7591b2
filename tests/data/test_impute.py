"""Nothing is imputed unless asked for, and then every value is counted."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.impute import TASK_OF_DATASET
from vlrouterbench.data.table import load_table


def without_tokens(folder):
    """Drop the output tokens of the first two rows and the input tokens of the first."""
    rows = pq.read_table(folder / "outcomes.parquet").to_pylist()
    rows[0]["output_tokens"] = rows[1]["output_tokens"] = rows[0]["input_tokens"] = None
    pq.write_table(pa.Table.from_pylist(rows), folder / "outcomes.parquet")
    return folder


def test_missing_tokens_stay_missing_by_default(own_tables, tmp_path):
    report = build_benchmark(without_tokens(own_tables), tmp_path / "benchmark")
    table = load_table(tmp_path / "benchmark")
    row = table.column("sample_id").index("s00")
    assert report["imputed"] == {}
    assert np.isnan(table.cost[row, :2]).all() and not np.isnan(table.cost[row, 2])


def test_imputed_tokens_are_the_references_and_are_counted(own_tables, tmp_path):
    report = build_benchmark(without_tokens(own_tables), tmp_path / "benchmark", BuildOptions(impute=True))
    table = load_table(tmp_path / "benchmark")
    row = table.column("sample_id").index("s00")
    assert report["imputed"] == {"output_tokens": 2, "input_tokens": 1}
    # "What is shown in picture 0?" is 8 tokens; an unknown kind of task writes 100.
    assert table.matrices["input_tokens"][row].tolist() == [8 + 256, 100, 100]
    assert table.matrices["output_tokens"][row].tolist() == [100, 100, 30]


def test_every_published_dataset_has_a_kind_of_task():
    assert set(TASK_OF_DATASET) == set(DATASETS)

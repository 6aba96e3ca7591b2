"""A benchmark folder in memory, and what is noticed when its parts do not belong together."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core.errors import BenchmarkError, UnknownNameError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.data.table_images import data_files


@pytest.fixture
def folder(own_tables, tmp_path):
    """A small folder that a test may damage."""
    build_benchmark(own_tables, tmp_path / "out")
    return tmp_path / "out"


def test_matrices_and_rows_belong_together(folder):
    table = load_table(folder)
    for row, sample_id in enumerate(table.column("sample_id")):
        number = int(sample_id.removeprefix("s"))
        assert table.quality[row].tolist() == [float(number < 4), float(number < 8), 1.0]
        assert table.matrices["input_tokens"][row].tolist() == [100 + number] * 3
        assert table.matrices["output_tokens"][row].tolist() == [10, 20, 30]
    assert table.quality.dtype == table.cost.dtype == np.float64
    assert table.pool.names == ("small", "middle", "large")
    assert table.complete.all()
    assert not table.simulated


def test_the_identity_says_which_benchmark_a_figure_comes_from(folder):
    table = load_table(folder)
    assert table.identity == {"name": "own", "sha256": table.report["sha256"], "simulated": False}
    assert table.split("test").identity == table.identity


def test_means_of_a_candidate_are_over_its_measured_pairs(folder):
    table = load_table(folder)
    quality, cost = table.quality.copy(), table.cost.copy()
    quality[:6, 0] = cost[:, 1] = np.nan
    table = replace(table, matrices=table.matrices | {"quality": quality, "cost": cost})
    assert table.mean_quality.tolist() == [quality[6:, 0].sum() / 6, quality[:, 1].sum() / 12, 1.0]
    assert table.mean_cost[0] == pytest.approx(cost[:, 0].mean())
    assert np.isnan(table.mean_cost[1])


def test_files_stand_in_the_order_train_validation_test(simulated_folder, simulated_table):
    sides = [path.name.split("-", 1)[0] for path in data_files(simulated_folder)]
    assert sides == sorted(sides, key=("train", "validation", "test").index)
    assert list(dict.fromkeys(simulated_table.column("split"))) == ["train", "validation", "test"]


def test_splits_partition_the_table(simulated_table):
    parts = [simulated_table.split(name) for name in ("train", "validation", "test")]
    assert np.concatenate([part.rows for part in parts]).tolist() == list(range(400))
    for part in parts:
        assert len(part) == simulated_table.report["splits"][part.column("split")[0]]
        assert np.array_equal(part.quality, simulated_table.quality[part.rows], equal_nan=True)
        assert part.cost_bounds == simulated_table.cost_bounds


def test_an_unknown_split_gets_the_nearest_right_one(simulated_table):
    with pytest.raises(UnknownNameError, match='Did you mean "validation"'):
        simulated_table.split("valid")


def test_an_empty_split_is_an_error(simulated_table):
    with pytest.raises(BenchmarkError, match="expected samples in the split test"):
        simulated_table.split("train").split("test")


def test_rows_can_be_taken_by_index_or_mask(simulated_table):
    mask = np.zeros(400, dtype=bool)
    mask[[3, 5]] = True
    by_mask, by_index = simulated_table.take(mask), simulated_table.take(np.array([5, 3]))
    assert by_mask.column("sample_id") == by_index.column("sample_id")[::-1]
    assert np.array_equal(by_mask.cost, simulated_table.cost[[3, 5]])
    assert by_mask.take(np.array([1])).rows.tolist() == [5]


def test_images_come_in_row_order_also_from_a_part(own_tables, folder):
    table = load_table(folder)
    part = table.take(np.array([1, 4, 7, 11]))
    expected = [(own_tables / "images" / f"{int(i[1:])}.png").read_bytes() for i in part.column("sample_id")]
    assert list(part.iter_images()) == expected
    assert len(list(table.iter_images())) == 12


@pytest.mark.parametrize("rows", [[4, 1], [1, 1, 4]], ids=["unsorted", "repeated"])
def test_images_of_rows_out_of_order_are_an_error_not_a_shift(folder, rows):
    with pytest.raises(BenchmarkError, match="each once: sort the rows first"):
        list(load_table(folder).take(np.array(rows)).iter_images())


def test_verify_accepts_an_unchanged_and_a_moved_folder(folder):
    sha256 = load_table(folder, verify=True).sha256
    shutil.move(folder, folder.parent / "moved")
    assert load_table(folder.parent / "moved", verify=True).sha256 == sha256


@pytest.mark.parametrize("pattern", ["data/*.parquet", "outcomes/*.parquet", "candidates.parquet"])
def test_verify_notices_an_altered_table(folder, pattern):
    path = next(folder.glob(pattern))
    pq.write_table(pq.read_table(path), path, compression="zstd")
    load_table(folder)
    with pytest.raises(BenchmarkError, match=r"not the ones its build_report\.json was written for"):
        load_table(folder, verify=True)


def test_verify_notices_a_foreign_table(folder):
    path = next(folder.glob("data/*.parquet"))
    shutil.copy(path, folder / "outcomes" / "more.parquet")
    with pytest.raises(BenchmarkError, match="Build it again"):
        load_table(folder, verify=True)


def test_no_benchmark_folder_is_an_error_that_says_how_to_make_one(tmp_path):
    for target in (tmp_path, tmp_path / "absent"):
        with pytest.raises(BenchmarkError, match=r"expected a benchmark folder.*vlrouterbench build SOURCE"):
            load_table(target)


def test_a_report_that_is_no_json_is_an_error(folder):
    (folder / "build_report.json").write_text("{")
    with pytest.raises(BenchmarkError, match="not readable as JSON"):
        load_table(folder)


def test_a_lost_part_is_an_error(folder):
    (folder / "candidates.parquet").unlink()
    with pytest.raises(BenchmarkError, match=r"candidates\.parquet, found none"):
        load_table(folder)


def test_no_tables_at_all_is_an_error(folder):
    shutil.rmtree(folder / "data")
    with pytest.raises(BenchmarkError, match="expected tables in"):
        load_table(folder)


def test_a_lost_shard_is_noticed(folder):
    next(folder.glob("data/*.parquet")).unlink()
    with pytest.raises(BenchmarkError, match="expected (12 samples|tables) in"):
        load_table(folder)


def test_a_damaged_shard_is_an_error_that_names_it(folder):
    path = next(folder.glob("data/*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BenchmarkError, match=rf"{path.name} is not readable as parquet"):
        load_table(folder)


def test_a_pool_that_is_not_the_tables_own_is_an_error(folder):
    path = folder / "candidates.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take([1, 0, 2]), path)
    with pytest.raises(BenchmarkError, match=r"its columns are for small, middle, large; candidates\.parquet lists"):
        load_table(folder)


def test_the_report_in_memory_is_the_one_on_disk(folder):
    assert load_table(folder).report == json.loads((folder / "build_report.json").read_text())

"""The builder behind the name: configs, keywords, splits, and one benchmark's rows as the table reads them."""

import numpy as np
import pytest

from tests.tables import write_own_tables
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.hub.builder import content_key, simulated_benchmark


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A benchmark home and a cache of its own."""
    monkeypatch.setenv("VLROUTERBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VLROUTERBENCH_REPO_ID", raising=False)
    return tmp_path / "home"


@pytest.fixture
def load(home, tmp_path):
    import datasets

    def load(*args, **options):
        return datasets.load_dataset("vl-routerbench", *args, cache_dir=str(tmp_path / "cache"), **options)

    return load


@pytest.fixture
def own(home, tmp_path):
    build_benchmark(write_own_tables(tmp_path / "own", num_samples=40), home / "vl-routerbench")
    return home / "vl-routerbench"


def test_rows_are_those_of_the_table(load, own):
    found, table = load(), load_table(own)
    assert set(found) == {"train", "validation", "test"}
    for split, rows in found.items():
        part = table.split(split)
        assert rows["sample_id"][:] == part.column("sample_id")
        quality = np.array([[row[name] for name in table.pool.names] for row in rows["quality"]])
        np.testing.assert_array_equal(quality, part.quality)
        cost = np.array([[row[name] for name in table.pool.names] for row in rows["cost"]])
        np.testing.assert_array_equal(cost, part.cost)


def test_one_table_configs_have_all_rows(load, own):
    assert len(load("outcomes", split="train")) == 120
    assert load("candidates", split="train")["name"][:] == ["small", "middle", "large"]


def test_a_group_config_has_that_group_alone(load, home):
    rows = load("simulated-stem", num_samples=80, split="train")
    assert len(rows) and set(rows["task_group"]) == {"STEM"}


def test_a_config_without_rows_is_refused_by_name(load, own):
    with pytest.raises(Exception, match='has no rows for the config "stem"'):
        load("stem")


def test_size_and_seed_of_a_simulated_benchmark_are_keywords(load, home):
    first = load("simulated", num_samples=30)
    other = load("simulated", num_samples=30, seed=1)
    larger = load("simulated", num_samples=40)
    sizes = [sum(map(len, found.values())) for found in (first, other, larger)]
    assert sizes == [30, 30, 40]
    assert first["train"]["question"][:] != other["train"]["question"][:]


def test_a_simulated_benchmark_says_so(load, home):
    rows = load("simulated", num_samples=30, split="train")
    assert "SIMULATED" in rows.info.description
    assert load_table(simulated_benchmark(30)).simulated


def test_a_simulated_benchmark_is_drawn_once(home):
    folder = simulated_benchmark(30)
    stamp = (folder / "build_report.json").stat().st_mtime_ns
    assert simulated_benchmark(30) == folder
    assert (folder / "build_report.json").stat().st_mtime_ns == stamp
    assert simulated_benchmark(30, 1) != folder


def test_an_unknown_config_lists_the_known_ones(load, home):
    with pytest.raises(ValueError, match="simulated"):
        load("simulatde")


def test_the_cache_key_changes_with_the_registered_contents(own, tmp_path, monkeypatch):
    first = content_key()
    build_benchmark(write_own_tables(tmp_path / "again", num_samples=40, seed=3), own)
    second = content_key()
    monkeypatch.setenv("VLROUTERBENCH_REPO_ID", "owner/vl-routerbench")
    assert len({first, second, content_key()}) == 3


def test_without_a_benchmark_the_error_is_ours(load, home):
    with pytest.raises(BenchmarkError, match="found none: the Hub cannot be reached"):
        load()

"""`encode` and `evaluate` with an engine: what one process writes, to the last byte, also after a kill."""

import json
import shutil

import pytest

from tests.killing import killed_before, steps_of
from tests.series import LONG, SERIES
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.features import reading
from vlrouterbench.features.options import EncodingWork

HERE = ("--actors", 1, "--parts", 2)
"""Parts that are done in this process."""


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "benchmark"
    build_from_logs(simulate_logs(num_samples=60, seed=0), folder)
    return folder


@pytest.fixture
def benchmark(small_folder, tmp_path):
    """A benchmark of which nothing is encoded."""
    return shutil.copytree(small_folder, tmp_path / "benchmark")


@pytest.fixture
def encoded(program, benchmark):
    """Encodes it with some options; gives what is stored then, by path."""

    def run(*more):
        done = program("encode", benchmark, *more)
        assert done.status == 0, done.err
        return stored(benchmark)

    return run


def stored(benchmark):
    """What is whole: a process that is killed may leave its hidden half, which the next writer of that file removes."""
    folder = benchmark.with_name(f"{benchmark.name}.features")
    paths = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in paths.items() if not any(part[0] == "." for part in name.parts)}


def forget(benchmark):
    shutil.rmtree(benchmark.with_name(f"{benchmark.name}.features"), ignore_errors=True)


def test_parts_are_stored_as_one_process_stores_them(encoded, benchmark, monkeypatch):
    monkeypatch.setattr(reading, "SHARD_SIZE", 10)
    whole = encoded("--num-proc", 1)
    assert len(whole) > 4
    forget(benchmark)
    assert encoded(*HERE) == whole


@pytest.mark.faults
def test_encoding_that_was_killed_goes_on_with_what_is_missing(
    encoded, benchmark, program, monkeypatch, record_property
):
    """`make faults` kills at every step."""
    monkeypatch.setattr(reading, "SHARD_SIZE", 20)
    encoded("--num-proc", 1)  # what a process makes once, such as a library's cache, is no step of the others
    forget(benchmark)
    steps = steps_of(lambda: encoded(*HERE))
    whole, chosen = stored(benchmark), range(len(steps)) if LONG else [len(steps) // 2]
    for step in chosen:
        forget(benchmark)
        assert killed_before(step, lambda: program("encode", benchmark, *HERE))
        assert stored(benchmark).items() <= whole.items()
        assert encoded(*HERE) == whole
    record_property(SERIES, f"{len(chosen)} kills of encoding in parts, all ended by a rerun")


def test_an_evaluation_whose_samples_are_encoded_in_parts_has_the_same_results(
    program, benchmark, trained_folders, tmp_path
):
    asked = ("evaluate", benchmark, "--router", trained_folders["flagship"], "--allow-leaks", "--no-baselines")
    for name, more in (("one", ()), ("parts", HERE)):
        forget(benchmark)
        done = program(*asked, "--out", tmp_path / name, *more)
        assert done.status == 0, done.err
    for name in ("decisions.parquet", "estimates.parquet", "controls.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    assert results(tmp_path / "one") == results(tmp_path / "parts")


def results(folder):
    """What `results.json` states, less what was timed."""
    records = json.loads((folder / "results.json").read_text())
    return [{name: value for name, value in record.items() if name != "throughput"} for record in records]


def test_engines_that_cannot_be_are_refused_before_anything_is_encoded(program, benchmark):
    for more, said in (
        (("--engine", "raay"), 'unknown engine "raay". Did you mean "ray"?'),
        (("--ray-address", "auto"), "--ray-address belongs to --engine ray, found --engine local"),
    ):
        done = program("encode", benchmark, *more)
        assert done.status == 1 and said in done.err
    assert not benchmark.with_name(f"{benchmark.name}.features").exists()
    with pytest.raises(BenchmarkError, match="expected --engine or several launched processes, found both"):
        EncodingWork(world_size=2, engine=LocalEngine(1))

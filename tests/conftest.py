"""Fixtures for the whole suite: it runs with no network, and finds outside data through one variable.

`VLROUTERBENCH_TEST_DATA` (default `../shared/data` beside the project) holds real logs and tables; tests that need them
skip with that reason where they are absent.
"""

import atexit
import gc
import os
import sys
import tempfile
from pathlib import Path

# Set before any library reads them: no Hub, and caches that this run alone uses.
_CACHE = tempfile.TemporaryDirectory(prefix="vlrouterbench-tests-")
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_EVALUATE_OFFLINE="1",
    HF_HOME=f"{_CACHE.name}/huggingface",
    VLROUTERBENCH_HOME=f"{_CACHE.name}/home",
)
# Compiled code is kept and found again, whatever the shell says: three processes and their children import the same.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A million objects of libraries stay to the end: they are searched for garbage less at imports, and not at the end.
gc.set_threshold(10_000)
atexit.register(gc.freeze)
# Small products on several threads of a busy machine take ten times as long as on one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

from tests.browsing import open_browser  # noqa: E402
from tests.once import built_once  # noqa: E402
from tests.series import SERIES  # noqa: E402
from tests.slow import SLOW  # noqa: E402
from vlrouterbench.data.build import build_from_logs  # noqa: E402
from vlrouterbench.data.simulation.simulate import simulate_logs  # noqa: E402
from vlrouterbench.data.table import load_table  # noqa: E402

PROJECT = Path(__file__).resolve().parent.parent
DATA_VARIABLE = "VLROUTERBENCH_TEST_DATA"


def pytest_xdist_auto_num_workers(config):
    """Half as many again as there are cores: a third of the suite's time is waiting for servers, browsers and locks.

    On two cores three processes took 835 s and four 896 s, of which they spent 1,376 and 1,471 s of processor time.
    """
    cores = os.cpu_count() or 1
    return cores + cores // 2


def pytest_configure(config):
    """Several processes take files in the order of collection, instead of those with most tests first."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Mark what `make test-fast` leaves out, and let it come first: no process is left with a long file at the end."""
    for item in items:
        if item.path.relative_to(PROJECT / "tests").as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_terminal_summary(terminalreporter):
    """Print what series of kills and of random inputs tried."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    for name, count in (pair for report in reports for pair in report.user_properties):
        if name == SERIES:
            terminalreporter.write_line(f"series: {count}")


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """What tests write is thrown away: no write waits until the disk has it, which takes 5 to 100 ms each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def _only_a_files_own_objects_are_searched_for_cycles():
    """A million objects of imported libraries never die, and every training searches them: half a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def project_root():
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def data_root():
    """Real logs and tables from outside the project."""
    folder = Path(os.environ.get(DATA_VARIABLE, PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}: set {DATA_VARIABLE}")
    return folder


@pytest.fixture(scope="session")
def simulated_folder(tmp_path_factory):
    """A simulated benchmark of 400 samples, as hard as the published table says routing is, built once."""
    return built_once(
        tmp_path_factory,
        "simulated/benchmark",
        lambda folder: build_from_logs(simulate_logs(num_samples=400, seed=0, difficulty="published"), folder),
    )


@pytest.fixture(scope="session")
def simulated_table(simulated_folder):
    """The simulated benchmark, loaded."""
    return load_table(simulated_folder)


@pytest.fixture(scope="session")
def simulated_problem(simulated_table):
    """The simulated benchmark with its features, as a trainer sees it."""
    from vlrouterbench.features.encode import encode_benchmark
    from vlrouterbench.training.problem import Problem

    return Problem(simulated_table, encode_benchmark(simulated_table))


@pytest.fixture(scope="session")
def trained_folders(simulated_problem, tmp_path_factory):
    """Family name -> folder of a router trained on the simulated benchmark."""
    from tests.families import arguments_for
    from vlrouterbench.routers.registry import ROUTERS
    from vlrouterbench.training.fit import save_router, train_router

    def build(folder):
        for family in ROUTERS:
            arguments = arguments_for(family, cost_weights=(10.0, float("inf")), num_epochs=8)
            save_router(train_router(family, simulated_problem, arguments), folder / family)

    root = built_once(tmp_path_factory, "trained/routers", build)
    return {family: root / family for family in ROUTERS}


@pytest.fixture(scope="session")
def easy_folder(tmp_path_factory):
    """A simulated benchmark of 500 samples in the easy setting, built once."""
    return built_once(
        tmp_path_factory,
        "easy/benchmark",
        lambda folder: build_from_logs(simulate_logs(num_samples=500, seed=0, difficulty="easy"), folder),
    )


@pytest.fixture(scope="session")
def text_router_folder(easy_folder, tmp_path_factory):
    """Folder of a VLC router over a small random encoder of texts, which reads at most 24 tokens."""
    from tests.families import packed_problem
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router

    def build(folder):
        arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=4)
        save_router(train_router("vlc", packed_problem(easy_folder, "tiny-bert", max_tokens=24), arguments), folder)

    return built_once(tmp_path_factory, "end-to-end/of-texts", build)


@pytest.fixture(scope="session")
def estimating_folder(easy_folder, tmp_path_factory):
    """Folder of an end-to-end router that estimates, over a small random encoder of texts."""
    from tests.families import packed_problem
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router

    def build(folder):
        problem = packed_problem(easy_folder, "tiny-bert", max_tokens=32)
        save_router(train_router("vlc-estimates", problem, RouterTrainingArguments(num_epochs=8)), folder)

    return built_once(tmp_path_factory, "end-to-end/estimates", build)


@pytest.fixture(scope="session")
def end_to_end_folders(easy_folder, tmp_path_factory):
    """Family name -> folder of an end-to-end router trained on the easy benchmark, on small random backbones."""
    from tests.families import SMALL_BACKBONES, packed_problem
    from vlrouterbench.training.arguments import RouterTrainingArguments
    from vlrouterbench.training.fit import save_router, train_router

    def build(folder):
        for family, backbone in SMALL_BACKBONES.items():
            problem = packed_problem(easy_folder, backbone)
            arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=8)
            save_router(train_router(family, problem, arguments), folder / family)

    root = built_once(tmp_path_factory, "end-to-end/routers", build)
    return {family: root / family for family in SMALL_BACKBONES}


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """`vlrouterbench run` with few samples, and what it left."""
    from tests.story import read_story, tell

    return read_story(built_once(tmp_path_factory, "story/place", tell))


@pytest.fixture(scope="module")
def browser():
    """A real browser, for tests marked so; of one file, since while it runs so does its event loop in this thread."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def own_tables(tmp_path):
    """A folder of own tables: 12 samples in 2 datasets, 3 candidates, small images; tests damage it as they need."""
    folder = tmp_path / "own"
    (folder / "images").mkdir(parents=True)
    (folder / "candidates.csv").write_text("name,input_price,output_price\nsmall,0.1,0.1\nmiddle,0.5,1\nlarge,2,8\n")
    samples, outcomes = [], []
    for number in range(12):
        colour = (20 * number, 255 - 20 * number, 90)
        Image.new("RGB", (24 + number, 16), colour).save(folder / "images" / f"{number}.png")
        samples.append(
            {
                "sample_id": f"s{number:02d}",
                "question": f"What is shown in picture {number}?",
                "dataset": "animals" if number % 2 else "plants",
                "image": f"images/{number}.png",
                "options": ["a", "b"] if number % 3 == 0 else [],
            }
        )
        for place, name in enumerate(("small", "middle", "large")):
            outcomes.append(
                {
                    "sample_id": f"s{number:02d}",
                    "candidate": name,
                    "quality": float(number < 4 * (place + 1)),
                    "input_tokens": 100 + number,
                    "output_tokens": 10 * (place + 1),
                }
            )
    pq.write_table(pa.Table.from_pylist(samples), folder / "samples.parquet")
    pq.write_table(pa.Table.from_pylist(outcomes), folder / "outcomes.parquet")
    return folder


@pytest.fixture
def golden_matrices():
    """Quality and cost of 5 samples x 3 candidates, small enough to compute everything by hand."""
    quality = np.array([[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 1]], dtype=float)
    cost = np.tile([0.001, 0.002, 0.008], (5, 1))
    return quality, cost

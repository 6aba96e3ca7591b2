"""The examples of `docs/examples` run as their first lines say, through the program, from a benchmark to a table."""

import json
import sys

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import run_program
from tests.outside import registries_restored
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark


@pytest.fixture
def example(project_root):
    """Gives the path of an example; what it registers is forgotten afterwards, and so is the module."""
    folder, path, known = project_root / "docs" / "examples", list(sys.path), set(sys.modules)
    with registries_restored():
        yield lambda name: str(folder / name)
    sys.path[:] = path
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in sys.modules[name].__file__:
            del sys.modules[name]


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    """A benchmark with candidates small, middle and large."""
    root = tmp_path_factory.mktemp("examples")
    write_own_tables(root / "source")
    build_benchmark(root / "source", root / "benchmark")
    return root / "benchmark"


def done(*arguments):
    """The summary of a command that ends well."""
    finished = run_program(*arguments, "--json")
    assert finished.status == 0, finished.err
    return json.loads(finished.out)


def test_the_router_is_trained_evaluated_studied_and_swept_by_its_name(example, benchmark, tmp_path):
    plugin = ("--plugin", example("share_router.py"))
    trained = done(
        "train", benchmark, *plugin, "--router", "share", "--out", tmp_path / "router", "--cost-weight", "10"
    )
    assert set(trained["chosen"]) == {"cost_weight", "floor"}
    out = tmp_path / "evaluation"
    asked = ("--router", tmp_path / "router", "--router", "share", "--no-baselines")
    results = done(*plugin, "evaluate", benchmark, *asked, "--out", out)
    assert [record["router"] for record in results["results"]] == ["router", "share"]
    study = done("study", benchmark, "--router", "share", "--router", "mixture", "--seed", "0", *plugin)
    assert study["first"] == "share"
    swept = done("sweep", benchmark, "--router", "share", "--cost-weight", "1", "--out", tmp_path / "sweep", *plugin)
    assert swept["router"] == "share"


def test_the_encoder_is_stored_trained_on_and_carried(example, benchmark, tmp_path):
    plugin = f"--plugin={example('brightness_encoder.py')}"
    done("encode", benchmark, plugin, "--image", "brightness", "--num-proc", "2")
    done("train", benchmark, plugin, "--router", "prototype", "--image", "brightness", "--out", tmp_path / "router")
    config = json.loads((tmp_path / "router" / "config.json").read_text())
    assert config["encoder"]["image"] == "brightness"
    carried = (tmp_path / "router" / "brightness_encoder.py").read_text()
    assert "class BrightnessEncoder" in carried and "register" not in carried


def test_the_source_is_built_from_lines_of_scores(example, tmp_path):
    folder = tmp_path / "quiz"
    folder.mkdir()
    lines = [f"{int(n % 2 == 0)} 1 what is shown in number {n}?" for n in range(60)]
    (folder / "scores.txt").write_text("\n".join(["weak strong", *lines]))
    report = done("build", folder, "--plugin", example("score_lines_source.py"), "--out", tmp_path / "built")
    assert (report["samples"], report["candidates"], report["pairs_kept"]) == (60, 2, 120)
    # 100 tokens at 0.1 and 10 at 0.4 USD per million: 14 millionths of a dollar, by hand.
    assert report["cost_bounds_usd"]["cmin"] == pytest.approx(1.4e-5)


def test_the_function_is_scored_by_its_registered_name(example, benchmark, tmp_path):
    out = tmp_path / "evaluation"
    plugin = ("--plugin", example("own_function.py"))
    results = done(
        "evaluate",
        benchmark,
        *plugin,
        "--router",
        "hard-words",
        "--router",
        "mixture",
        "--no-baselines",
        "--tables",
        "--out",
        out,
    )
    assert [record["router"] for record in results["results"]] == ["hard-words", "mixture"]
    rows = pq.read_table(out / "decisions.parquet").to_pylist()
    assert {row["candidate"] for row in rows if row["router"] == "hard-words"} == {"small", "large"}
    assert "hard-words" in (out / "results.tex").read_text() and "hard-words" in (out / "report.html").read_text()

"""The wheel: built from a copy of the tree, installed out of reach of the checkout, and used there. No network."""

import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from vlrouterbench import __version__

pytestmark = pytest.mark.release

SOURCES = ("vlrouterbench", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1", "PIP_NO_INDEX": "1"}


def run(*arguments, cwd, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env=environment | OFFLINE | variables,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(project_root, tmp_path_factory):
    tree = tmp_path_factory.mktemp("tree")
    for name in SOURCES:
        source = project_root / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    # Tests beside the package, as in the checkout: they must not get in.
    (tree / "tests").mkdir()
    (tree / "tests" / "__init__.py").touch()
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", out, tree, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Script folder of a fresh environment with the wheel: dependencies are this environment's, the checkout is not."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    inside = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A plain path line adds a folder and does not run the .pth files in it, so no editable install leaks in.
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    (inside / "dependencies.pth").write_text("".join(f"{place}\n" for place in sorted(places)))
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--force-reinstall", "--ignore-installed", wheel, cwd=folder)
    return scripts


@pytest.fixture
def elsewhere(tmp_path):
    """An empty working folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def test_the_wheel_holds_the_whole_package_and_no_tests(wheel, project_root):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = project_root / "vlrouterbench"
    expected = {path.relative_to(project_root).as_posix() for path in package.rglob("*.py")}
    expected |= {path.relative_to(project_root).as_posix() for path in package.glob("*/templates/*")}
    expected |= {path.relative_to(project_root).as_posix() for path in package.glob("training/configs/*")}
    expected |= {"vlrouterbench/py.typed"}
    assert "vlrouterbench/evaluation/templates/report.html" in expected
    assert "vlrouterbench/metrics/rank_score/rank_score.py" in expected
    assert expected <= names, f"not in the wheel: {sorted(expected - names)}"
    tops = {name.split("/")[0] for name in names}
    assert tops == {"vlrouterbench", f"vlrouterbench-{__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name]


def test_every_file_of_the_package_that_is_no_code_is_in_the_wheel(wheel, project_root):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = {
        path.relative_to(project_root).as_posix()
        for path in (project_root / "vlrouterbench").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= names, f"not in the wheel: {sorted(files - names)}"


def test_the_wheel_states_name_licence_entry_point_and_readme(wheel):
    with zipfile.ZipFile(wheel) as archive:
        info = f"vlrouterbench-{__version__}.dist-info"
        metadata = archive.read(f"{info}/METADATA").decode()
        assert (
            "vlrouterbench = vlrouterbench.cli.main:run_and_exit" in archive.read(f"{info}/entry_points.txt").decode()
        )
        assert any(name.startswith(info) and name.endswith("LICENSE") for name in archive.namelist())
    assert f"\nVersion: {__version__}\n" in metadata
    assert "Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "# " in metadata.split("\n\n", 1)[1]


def test_the_installed_package_is_not_the_checkout(installed, elsewhere):
    found = run(installed / "python", "-c", "import vlrouterbench; print(vlrouterbench.__file__)", cwd=elsewhere)
    assert Path(found.strip()).is_relative_to(installed.parent)


def test_the_installed_program_runs_the_whole_story_in_an_empty_folder(installed, elsewhere, tmp_path):
    home = {"VLROUTERBENCH_HOME": str(tmp_path / "home"), "HF_HOME": str(tmp_path / "huggingface")}
    out = ("--num-samples", "150", "--out", "story", "--json")
    content = json.loads(run(installed / "vlrouterbench", "run", *out, cwd=elsewhere, **home))
    assert content["out"] == "story"
    assert len(content["results"]) == 10
    assert all(result["benchmark"]["simulated"] for result in content["results"])
    assert (elsewhere / "story" / "evaluation" / "report.html").is_file()
    assert (elsewhere / "story" / "routers" / "mlp" / "README.md").is_file()
    assert [path.name for path in elsewhere.iterdir()] == ["story"]


def test_the_installed_metric_loads_with_evaluate(installed, elsewhere, tmp_path):
    code = (
        "import evaluate, json, vlrouterbench\n"
        "metric = evaluate.load(vlrouterbench.METRIC_PATH)\n"
        "found = metric.compute(predictions=[0, 1], quality=[[1.0, 0.0], [0.0, 1.0]],\n"
        "                       cost=[[0.001, 0.01], [0.001, 0.01]], cost_bounds=(0.001, 0.01))\n"
        "print(json.dumps(found))\n"
    )
    home = {"HF_HOME": str(tmp_path / "huggingface")}
    found = json.loads(run(installed / "python", "-c", code, cwd=elsewhere, **home).splitlines()[-1])
    assert found["accuracy"] == 1
    # Mean cost 0.0055: C = log2(0.01 / 0.0055) / log2(10) = 0.25964, S = 1.1 C / (0.1 + C).
    assert found["rank_score"] == pytest.approx(79.41, abs=0.05)


def test_nothing_was_built_in_the_checkout(wheel, project_root):
    """The build ran on a copy: the newest file of a build folder, if there is one, is older than the wheel."""
    built = [path.stat().st_mtime for path in (project_root / "build").rglob("*") if path.is_file()]
    assert all(stamp < wheel.stat().st_mtime for stamp in built)

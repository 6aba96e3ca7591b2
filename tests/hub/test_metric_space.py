"""The metric's Space: a folder that stands by itself, made from the package's only copy of the metric."""

import configparser
import importlib.metadata
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import evaluate
import pytest
import yaml

import vlrouterbench
from vlrouterbench.cards.space_card import PYTHON_VERSION
from vlrouterbench.hub import wheel
from vlrouterbench.hub.metric_space import stage_metric
from vlrouterbench.hub.repo_files import HubError

WHEEL = f"vlrouterbench-{vlrouterbench.__version__}-py3-none-any.whl"
FILES = {"README.md", "app.py", "constants.py", "errors.py", "rank_score.py", "requirements.txt", "trade_off.py", WHEEL}


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def closure(requirements):
    """Names of the distributions that a list of requirements brings with it."""
    pending, found = [re.match(r"[\w.-]+", line).group() for line in requirements], set()
    while pending:
        name = re.sub(r"[-_.]+", "-", pending.pop()).lower()
        if name in found:
            continue
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        pending += [re.match(r"[\w.-]+", need).group() for need in needs if "extra ==" not in need]
    return found


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    return stage_metric("rank_score", tmp_path_factory.mktemp("space") / "rank_score", "owner/rank_score")


@pytest.fixture
def inputs(golden_matrices):
    quality, cost = golden_matrices
    return {
        "predictions": [0, 1, 2, 0, 0],
        "quality": quality.tolist(),
        "cost": cost.tolist(),
        "cost_bounds": [0.001, 0.008],
        "groups": ["a", "a", "b", "b", "b"],
    }


def test_the_folder_holds_what_a_space_needs_and_the_wheel(space):
    assert set(contents(space)) == FILES
    front = yaml.safe_load((space / "README.md").read_text().split("---")[1])
    assert (front["sdk"], front["app_file"], front["license"]) == ("gradio", "app.py", "apache-2.0")
    assert front["python_version"] == PYTHON_VERSION
    assert {"evaluate", "metric"} <= set(front["tags"])
    assert f"owner/rank_score/resolve/main/{WHEEL}" in (space / "README.md").read_text()


@pytest.fixture(scope="module")
def lean_python(space, tmp_path_factory):
    """An interpreter of its own that has the Space's requirements, with what they bring, and nothing else.

    Their files are this environment's, so that no network is needed.
    """
    root = tmp_path_factory.mktemp("lean")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "venv"], check=True, timeout=120)
    python = root / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    (root / "packages").mkdir()
    for name in closure((space / "requirements.txt").read_text().splitlines()):
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            (root / "packages" / top).symlink_to(Path(distribution.locate_file(top)).resolve())
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    inside = Path(subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.strip())
    (inside / "packages.pth").write_text(f"{root / 'packages'}\n")
    return python


def test_it_loads_in_a_clean_environment_that_has_only_its_requirements(space, lean_python, inputs, tmp_path):
    code = f"""
import importlib.util, json
absent = [n for n in ("vlrouterbench", "torch", "transformers", "sklearn", "scipy") if importlib.util.find_spec(n)]
import evaluate
found = evaluate.load({str(space)!r}).compute(**json.loads({json.dumps(json.dumps(inputs))}))
print(json.dumps([absent, found]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [lean_python, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    strangers, found = json.loads(done.stdout.splitlines()[-1])
    assert not strangers
    assert found == evaluate.load(vlrouterbench.METRIC_PATH, cache_dir=str(tmp_path)).compute(**inputs)
    # The chooser of the golden table: 4 of 5 right at 0.0026 USD.
    assert found["rank_score"] == pytest.approx(76.6542, abs=1e-4)


def test_requirements_are_the_packages_own_pins(space, project_root):
    config = configparser.ConfigParser()
    config.read(project_root / "setup.cfg")
    pins = config["options"]["install_requires"].split("\n")
    lines = (space / "requirements.txt").read_text().splitlines()
    assert lines and set(lines) <= set(pins)


def test_the_example_of_the_card_runs(space, monkeypatch):
    code = re.search(r"```python\n(.*?)```", (space / "README.md").read_text(), re.DOTALL).group(1)
    values = {}
    exec(code.replace("owner/rank_score", str(space)).replace("metric.compute(", "found = metric.compute("), values)
    assert values["found"]["accuracy"] == 1 and set(values["found"]["per_group"]) == {"charts", "maths"}


def test_the_page_computes_its_example_and_shows_what_is_wrong_with_an_input(space, inputs):
    page = runpy.run_path(str(space / "app.py"))
    assert json.loads(page["example_text"]()) == page["EXAMPLE"]
    assert page["figures"](page["example_text"]())["accuracy"] == 1
    assert page["figures"](json.dumps(inputs))["rank_score"] == pytest.approx(76.6542, abs=1e-4)
    del inputs["cost_bounds"]
    assert "cost_bounds=(cmin, cmax)" in page["figures"](json.dumps(inputs))["error"]
    assert "JSON object" in page["figures"]("[1]")["error"] and page["figures"]("{")["error"]


def test_script_page_and_card_follow_the_repositorys_name(inputs, tmp_path):
    out = stage_metric(vlrouterbench.METRIC_PATH, tmp_path / "my-score", "me/my-score")
    assert set(contents(out)) == FILES - {"rank_score.py"} | {"my-score.py"}
    assert evaluate.load(str(out), cache_dir=str(tmp_path)).compute(**inputs)["accuracy"] == 0.8
    assert runpy.run_path(str(out / "app.py"))["figures"](json.dumps(inputs))["accuracy"] == 0.8
    assert 'evaluate.load("me/my-score"' in (out / "README.md").read_text()


def test_staging_again_gives_the_same_bytes_and_spares_strange_files(space, tmp_path):
    assert contents(stage_metric("rank_score", tmp_path / "again", "owner/rank_score")) == contents(space)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(HubError, match="found thesis.tex"):
        stage_metric("rank_score", tmp_path / "mine", "owner/rank_score")


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(HubError, match="expected the metric's folder"):
        stage_metric(tmp_path, tmp_path / "out", "owner/rank_score")
    with pytest.raises(HubError, match="of the form owner/name"):
        stage_metric("rank_score", tmp_path / "out", "rank_score")
    assert not (tmp_path / "out").exists()


def test_without_a_checkout_there_is_no_wheel_and_the_card_promises_none(tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "_SOURCES", ("nowhere.cfg",))
    assert "no checkout (no nowhere.cfg)" in wheel.why_no_wheel()
    out = stage_metric("rank_score", tmp_path / "rank_score", "owner/rank_score")
    assert set(contents(out)) == FILES - {WHEEL}
    assert ".whl" not in (out / "README.md").read_text()


def test_a_pushed_metric_is_a_gradio_space_with_what_was_staged(fake_hub, client, space):
    address = client(
        fake_hub.endpoint,
        """
        from vlrouterbench.hub.metric_space import push_metric
        answer = push_metric("rank_score", "owner/rank_score")
        """,
    )
    assert address == f"{fake_hub.endpoint}/spaces/owner/rank_score"
    pushed = {
        name: data for name, data in fake_hub.files("space", "owner/rank_score").items() if name != ".gitattributes"
    }
    assert pushed == contents(space)

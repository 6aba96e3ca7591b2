"""The demo's Space folder: pinned as the package was tried, complete when staged, running from its own wheel."""

import configparser
import re
import runpy
import subprocess
import sys

import pytest
import yaml

import vlrouterbench
from vlrouterbench.hub import wheel
from vlrouterbench.hub.demo_space import stage_space
from vlrouterbench.hub.repo_files import HubError

WHEEL = f"vlrouterbench-{vlrouterbench.__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def source(project_root):
    return project_root / "spaces" / "routing_demo"


@pytest.fixture(scope="module")
def staged(source, tmp_path_factory):
    return stage_space(source, tmp_path_factory.mktemp("staged") / "space")


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pins(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(";")[0].strip().split("==") for line in lines if "==" in line and not line.startswith("#"))


def test_the_staged_folder_is_the_spaces_own_files_and_the_wheel(staged, source):
    own = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    found = contents(staged)
    assert set(found) == {*own, WHEEL}
    assert {name: found[name] for name in own} == own


def test_what_a_run_left_beside_the_app_stays_behind(staged, source, tmp_path):
    for name, content in contents(source).items():
        if not name.startswith("state"):
            (tmp_path / "copy").mkdir(exist_ok=True)
            (tmp_path / "copy" / name).write_bytes(content)
    (tmp_path / "copy" / "state").mkdir()
    (tmp_path / "copy" / "state" / "made.json").write_text("{}")
    assert contents(stage_space(tmp_path / "copy", tmp_path / "out")) == contents(staged)
    (tmp_path / "copy" / "notes.txt").write_text("mine")
    with pytest.raises(HubError, match=r"found notes\.txt"):
        stage_space(tmp_path / "copy", tmp_path / "out")


def test_another_folder_is_no_space(tmp_path):
    with pytest.raises(HubError, match="sdk: gradio"):
        stage_space(tmp_path, tmp_path / "out")


def test_without_a_checkout_there_is_no_wheel_and_nothing_is_staged(source, tmp_path, monkeypatch):
    monkeypatch.setattr(wheel, "_SOURCES", ("nowhere.cfg",))
    with pytest.raises(HubError, match="expected a checkout"):
        stage_space(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_requirements_are_all_of_the_packages_own_as_they_were_tried(source, project_root):
    config = configparser.ConfigParser()
    config.read(project_root / "setup.cfg")
    needed = config["options"]["install_requires"] + config["options.extras_require"]["demo"]
    names = {re.match(r"[\w.-]+", line).group() for line in needed.split("\n") if line}
    found, tried = pins(source / "requirements.txt"), pins(project_root / "constraints.txt")
    assert set(found) == names
    assert found == {name: tried[name] for name in found}
    assert next(iter(found)) == "torch"


def test_the_card_names_the_same_library_version_and_the_app(source):
    front = yaml.safe_load((source / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert front["sdk"] == "gradio" and front["sdk_version"] == pins(source / "requirements.txt")["gradio"]
    assert (source / front["app_file"]).is_file() and front["license"] == "apache-2.0"
    assert len(front["short_description"]) <= 60


def test_the_app_is_importable_without_being_served(source):
    assert runpy.run_path(str(source / "app.py"), run_name="imported")["STATE"] == source / "state"


def test_the_staged_app_takes_the_package_from_the_wheel_beside_it(staged, tmp_path):
    """From another folder and in isolated mode nothing of the checkout is on the path; imports come from the wheel."""
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(staged / 'app.py')!r}, run_name='imported')\n"
        "import vlrouterbench\n"
        "from vlrouterbench.routing.limits import LIMITS\n"
        "print(vlrouterbench.__file__)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(staged / "state" / "package-"))
    assert not list((staged / "state").glob("*.half"))


def test_a_dry_run_writes_the_staged_folder(source, staged, tmp_path, capsys):
    from vlrouterbench.cli.main import main

    out = tmp_path / "out"
    assert main(["push", "space", str(source), "owner/name", "--dry-run", "--out", str(out)]) == 0
    fresh = {name: data for name, data in contents(staged).items() if not name.startswith("state/")}
    assert contents(out) == fresh and f"would upload {out}" in capsys.readouterr().out


def test_the_metrics_space_keeps_no_copy_of_the_metric(project_root):
    folder = project_root / "spaces" / "rank_score"
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    assert "vlrouterbench push metric rank_score" in (folder / "README.md").read_text(encoding="utf-8")

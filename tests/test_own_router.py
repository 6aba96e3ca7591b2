"""The page for people who bring a router: its blocks, in order, in an empty folder, end with what the page says."""

import json
import re
import shlex
import sys

import pytest

from tests.cli.conftest import run_program
from tests.outside import registries_restored
from tests.warm import run_python


@pytest.fixture(scope="module")
def blocks(project_root):
    """(language, content) of every block of the page."""
    page = (project_root / "docs" / "own_router.md").read_text(encoding="utf-8")
    return re.findall(r"```(\w+)\n(.*?)```", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def followed(blocks, tmp_path_factory):
    """The folder in which the page was followed."""
    folder, path = tmp_path_factory.mktemp("own-router"), list(sys.path)
    with pytest.MonkeyPatch.context() as patch, registries_restored():
        patch.chdir(folder)
        for language, content in blocks:
            if language == "bash":
                for line in content.strip().splitlines():
                    program, *arguments = shlex.split(line)
                    done = run_program(*arguments)
                    assert program == "vlrouterbench" and done.status == 0, f"{line}\n{done.err}"
            elif not (folder / "my_routers.py").exists():
                (folder / "my_routers.py").write_text(content, encoding="utf-8")
    sys.path[:] = path
    sys.modules.pop("my_routers", None)
    return folder


def test_the_page_ends_with_a_table_intervals_latex_and_figures(followed):
    evaluation = followed / "my_evaluation"
    records = {record["router"]: record for record in json.loads((evaluation / "results.json").read_text())}
    baselines = {"oracle", "strongest", "cheapest", "mixture"}
    assert set(records) == {"centroid", "by-length", "knn", "flagship", *baselines}
    for name, record in records.items():
        assert set(record["differences"]) == set(records) - {name}
        assert all(len(one["ci95"]) == 2 for one in record["differences"].values())
    assert all(name in (evaluation / "results.tex").read_text() for name in ("centroid", "by-length"))
    assert {"frontier.svg", "frontier.png"} <= {path.name for path in (evaluation / "figures").iterdir()}
    rows = json.loads((followed / "my_study" / "study.json").read_text())["routers"]
    assert {row["router"] for row in rows} >= {"centroid", "by-length", "knn", "mixture"}
    assert (followed / "to_push" / "my_routers.py").is_file()


def test_the_saved_router_of_the_page_is_loaded_as_it_says(followed, blocks):
    code = [content for language, content in blocks if language == "python"][1]
    done = run_python("-c", code, cwd=followed)
    assert done.returncode == 0, done.stderr
    candidates = json.loads((followed / "routers" / "centroid" / "config.json").read_text())["candidates"]
    assert done.stdout.split()[-1] in {candidate["name"] for candidate in candidates}

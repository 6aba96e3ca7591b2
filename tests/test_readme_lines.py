"""The README's four lines run as printed, in order, after its first command, with no network."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm import run_python


@pytest.fixture(scope="module")
def clone(project_root, story, tmp_path_factory):
    """A folder with what `make run` leaves, drawn smaller, and the image that the lines name."""
    folder = tmp_path_factory.mktemp("clone")
    image = "spaces/routing_demo/screenshot.png"
    (folder / image).parent.mkdir(parents=True)
    shutil.copy(project_root / image, folder / image)
    shutil.copytree(story.place / "runs", folder / "runs")
    return folder


def _block(project_root, language):
    section = (project_root / "README.md").read_text(encoding="utf-8").split("## Four lines\n")[1]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL).group(1).strip()


def _environment(folder, project_root):
    return os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HOME": str(folder / "huggingface"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(project_root),
        "VLROUTERBENCH_HOME": str(folder / "home"),
    }


def test_the_lines_in_python_run_as_printed(clone, project_root):
    imports, *lines = ast.parse(_block(project_root, "python")).body
    assert isinstance(imports, ast.Import) and len(lines) == 3
    code = "\n".join([ast.unparse(imports), *(f"print(repr({ast.unparse(line)}))" for line in lines)])
    done = run_python("-c", code, cwd=clone, env=_environment(clone, project_root))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.startswith("DatasetDict(") and "num_rows" in said
    assert "RoutingDecision(candidate=" in said
    assert "'rank_score': 100.0" in said


def test_the_line_for_accelerate_runs_as_printed(clone, project_root):
    line = _block(project_root, "bash")
    assert line.startswith("accelerate launch -m vlrouterbench train ") and "\n" not in line
    environment, command = _environment(clone, project_root), ["bash", "-c", line]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0 and "saved to runs/my_router" in done.stdout, done.stderr
    assert (clone / "runs" / "my_router" / "model.safetensors").is_file()

"""A saved router needs this package no more: `AutoModel` with its own code files decides the same."""

import ast
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests.interpreters import WITHOUT
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.registry import ROUTERS

# Libraries that a machine which only routes need not have.
ABSENT = ("vlrouterbench", "datasets", "pyarrow", "pandas", "evaluate", "gradio", "accelerate", "sklearn", "scipy")
SCRIPT = (
    WITHOUT
    + """
import importlib.util, json, sys

given = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, given["absent"]) for finder in sys.meta_path]
assert not any(importlib.util.find_spec(name) for name in given["absent"])

from transformers import AutoConfig, AutoModel

answers = {}
for family, folder in given["folders"].items():
    router = AutoModel.from_pretrained(folder, trust_remote_code=True)
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    decisions = [router.route(**question).as_dict() for question in given["questions"]]
    answers[family] = {"decisions": decisions, "type": config.model_type, "training": router.training}
answers["imported"] = [name for name in given["absent"] if name in sys.modules]
json.dump(answers, sys.stdout)
"""
)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    Image.effect_noise((320, 200), 60).convert("RGB").save(folder / "noise.png")
    Image.new("RGB", (64, 480), "white").save(folder / "paper.jpg")
    return [
        {"question": "What is the average of the tallest bars?", "image": str(folder / "noise.png")},
        {"question": "Read the total.", "image": str(folder / "paper.jpg"), "hint": "Look closely."},
        {"question": "Which one is left?", "image": str(folder / "noise.png"), "options": ["the cat", "the dog"]},
        {"question": "What is the derivative of x^2?"},
        {"question": "Who is it?", "image": str(folder / "noise.png"), "candidates": ["GPT-4o", "SmolVLM2"]},
    ]


@pytest.fixture(scope="module")
def answers(trained_folders, questions, tmp_path_factory):
    """What an interpreter without the package says."""
    folder = tmp_path_factory.mktemp("elsewhere")
    given = {
        "absent": ABSENT,
        "folders": {family: str(path) for family, path in trained_folders.items()},
        "questions": questions,
    }
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HOME": str(folder / "huggingface"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(given),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("family", ROUTERS)
def test_decisions_and_scores_are_the_same_without_the_package(family, answers, trained_folders, questions):
    router = AutoRouter.from_pretrained(trained_folders[family])
    assert answers[family]["decisions"] == [router.route(**question).as_dict() for question in questions]


@pytest.mark.parametrize("family", ROUTERS)
def test_config_and_mode_are_right_without_the_package(family, answers):
    assert answers[family]["type"] == f"vlrouter-{family}"
    assert answers[family]["training"] is False


def test_nothing_else_was_imported(answers):
    assert answers["imported"] == []


@pytest.mark.parametrize("family", ROUTERS)
def test_folder_holds_no_pickle_and_only_json_safetensors_code_and_card(family, trained_folders):
    paths = list(trained_folders[family].rglob("*"))
    assert all(path.is_file() for path in paths)
    assert {path.suffix for path in paths} == {".json", ".safetensors", ".py", ".md"}
    assert {"config.json", "model.safetensors", "README.md", f"modeling_{family.replace('-', '_')}.py"} <= {
        path.name for path in paths
    }


@pytest.mark.parametrize("family", ROUTERS)
def test_code_files_import_only_each_other_and_what_the_card_names(family, trained_folders):
    folder = trained_folders[family]
    allowed = {"numpy", "torch", "PIL", "transformers", "safetensors", "huggingface_hub"}
    # Of the optional reader of text in pictures, which is asked for by name.
    allowed |= {"rapidocr"} | set(sys.stdlib_module_names)
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1 and (folder / f"{node.module}.py").is_file(), path.name
            elif isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] in allowed, path.name
            elif isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path.name

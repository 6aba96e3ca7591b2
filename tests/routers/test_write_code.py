"""A saved router needs this package no more: `AutoModel` with its own code files decides the same."""

import ast
import base64
import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from PIL import Image

from tests.families import ENCODER
from tests.interpreters import WITHOUT
from vlrouterbench.routers import PreTrainedRouter, RouterConfig
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.saved_router import DIGESTS_FILE
from vlrouterbench.routers.encoders.builtin.image import BuiltinImage
from vlrouterbench.routers.encoders.builtin.text import BuiltinText
from vlrouterbench.routers.encoders.hub.blocks import HubText
from vlrouterbench.routers.families.modeling_mlp import MLPRouter
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.routers.write_code import CodeError, flat_sources, write_code

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
    samples = [question for question in given["questions"] if "candidates" not in question]
    answers[family]["batch"] = [decision.as_dict() for decision in router.route_batch(samples)]
    if family in given["again"]:
        router.save_pretrained(f"again/{family}")
        router = AutoModel.from_pretrained(f"again/{family}", trust_remote_code=True)
        answers[family]["again"] = [router.route(**question).as_dict() for question in given["questions"]]
answers["imported"] = [name for name in given["absent"] if name in sys.modules]
json.dump(answers, sys.stdout)
"""
)


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    Image.effect_noise((320, 200), 60).convert("RGB").save(folder / "noise.png")
    Image.new("RGB", (64, 480), "white").save(folder / "paper.jpg")
    url = f"data:image/jpeg;base64,{base64.b64encode((folder / 'paper.jpg').read_bytes()).decode()}"
    part = {"type": "image_url", "image_url": {"url": url}}
    return [
        {"question": "What is the average of the tallest bars?", "image": str(folder / "noise.png")},
        {"question": "Read the total.", "image": str(folder / "paper.jpg"), "hint": "Look closely."},
        {"question": "Which one is left?", "image": str(folder / "noise.png"), "options": ["the cat", "the dog"]},
        {"question": "What is the derivative of x^2?"},
        {"question": "Who is it?", "image": str(folder / "noise.png"), "candidates": ["GPT-4o", "SmolVLM2"]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "And here?"}, part]}], "options": "a|b"},
    ]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """An empty folder, in which an interpreter without the package runs and saves routers below `again`."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def answers(trained_folders, own_router, questions, elsewhere):
    """What that interpreter answers by every family, and by a router of one's own."""
    folders = trained_folders | {"own": own_router[0]}
    return answers_without_the_package(folders, questions, elsewhere, again=("mlp", "own"))


def answers_without_the_package(folders, questions, folder, again=()):
    """Decisions of saved routers, by a second interpreter that runs in an empty folder and saves some again."""
    given = {
        "absent": ABSENT,
        "folders": {family: str(path) for family, path in folders.items()},
        "questions": questions,
        "again": again,
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
def test_a_list_is_decided_alike_without_the_package(family, answers, questions):
    alone = zip(questions, answers[family]["decisions"], strict=True)
    assert answers[family]["batch"] == [decision for question, decision in alone if "candidates" not in question]


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
    # Of the optional reader of text in images, which is asked for by name.
    allowed |= {"rapidocr"} | set(sys.stdlib_module_names)
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1 and (folder / f"{node.module}.py").is_file(), path.name
            elif isinstance(node, ast.ImportFrom):
                assert node.module.split(".")[0] in allowed, path.name
            elif isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path.name


OWN = """
    \"\"\"A router of one's own: a weighted sum of the features.\"\"\"

    from vlrouterbench.routers import PreTrainedRouter, RouterConfig, frozen


    class WeightedConfig(RouterConfig):
        model_type = "vlrouter-weighted"

        def __init__(self, factor=1.0, **kwargs):
            self.factor = factor
            super().__init__(**kwargs)


    class WeightedRouter(PreTrainedRouter):
        config_class = WeightedConfig
        title = "Weighted"

        def __init__(self, config):
            super().__init__(config)
            self.weights = frozen(self.feature_dim, self.num_candidates)
            self.post_init()

        def score(self, features):
            return self.config.factor * features @ self.weights
    """


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported, and import it."""
    written = []

    def make(source, name):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        written.append(name)
        return __import__(name)

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    for name in written:
        del sys.modules[name]


@pytest.fixture(scope="module")
def own_router(questions, tmp_path_factory):
    """Folder and decisions of a saved router of one's own, whose module is forgotten again."""
    root = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        (root / "weighted_router.py").write_text(textwrap.dedent(OWN), encoding="utf-8")
        made = __import__("weighted_router")
        names = [{"name": name, "mean_cost_usd": 0.001} for name in ("GPT-4o", "SmolVLM2", "other")]
        router = made.WeightedRouter(made.WeightedConfig(candidates=names, encoder=ENCODER, factor=2.0)).eval()
        router.weights.copy_(torch.randn(router.weights.shape, generator=torch.Generator().manual_seed(0)))
        router.save_pretrained(root / "saved")
        del sys.modules["weighted_router"]
    return root / "saved", [router.route(**question).as_dict() for question in questions]


def test_a_router_of_ones_own_is_loaded_and_saved_again_without_the_package(answers, own_router):
    assert answers["own"]["decisions"] == answers["own"]["again"] == own_router[1]


@pytest.mark.parametrize("family", ["mlp"])
def test_what_was_saved_again_holds_the_same_code(family, answers, trained_folders, elsewhere):
    folder = trained_folders[family]
    assert answers[family]["again"] == answers[family]["decisions"]
    for path in folder.glob("*.py"):
        assert (elsewhere / "again" / family / path.name).read_text("utf-8") == path.read_text("utf-8")


@pytest.mark.parametrize("family", ["mlp"])
def test_what_was_saved_again_without_the_package_keeps_the_digests_of_training_samples(
    family, answers, trained_folders, elsewhere
):
    saved = [(path / DIGESTS_FILE).read_bytes() for path in (trained_folders[family], elsewhere / "again" / family)]
    assert saved[0] == saved[1]


def test_a_router_over_built_in_features_carries_little_code_and_none_of_other_encoders():
    files = set(flat_sources([MLPRouter], {"text": {"builtin": BuiltinText}, "image": {"builtin": BuiltinImage}}))
    assert len(files) <= 15
    assert not [name for name in files if "hub" in name or "ocr" in name or "backbone" in name]


def test_a_router_with_a_pretrained_text_encoder_carries_the_code_that_reads_it():
    files = set(flat_sources([MLPRouter], {"text": {"hub": HubText}, "image": {"builtin": BuiltinImage}}))
    assert {"encoders_hub_blocks", "encoders_builtin_image"} <= files


def test_names_that_the_package_of_routers_passes_on_are_imported_from_where_they_are_defined(module):
    made = module(OWN, "weighted_router")
    source = flat_sources([made.WeightedRouter], {})["weighted_router"]
    imports = [line for line in source.splitlines() if line.startswith("from .")]
    assert imports == [
        "from .modeling_router import PreTrainedRouter, frozen",
        "from .configuration_router import RouterConfig",
    ]


def test_two_modules_of_one_flat_name_are_refused(module):
    made = module(OWN, "modeling_mlp")
    with pytest.raises(CodeError, match=r"would both be written as modeling_mlp.py. Rename one of them"):
        flat_sources([made.WeightedRouter, MLPRouter], {})


def test_an_import_without_a_flat_form_is_refused(module):
    source = OWN.replace("    from vlrouterbench", "    import vlrouterbench.routers.base\n    from vlrouterbench", 1)
    made = module(source, "weighted_router")
    with pytest.raises(CodeError, match=r"weighted_router has `import vlrouterbench.routers.base`, .* Use `from "):
        flat_sources([made.WeightedRouter], {})


@pytest.mark.parametrize("home", ["__main__", "no_such_module"])
def test_a_class_without_a_source_file_is_refused(home, tmp_path):
    own = type("OwnRouter", (PreTrainedRouter,), {"__module__": __name__, "config_class": RouterConfig})
    own.__module__ = home
    with pytest.raises(CodeError, match=f"an importable source file of {home}, .*Define the class in a module of its"):
        write_code(tmp_path, {"AutoModel": own}, {})
    assert not list(tmp_path.iterdir())

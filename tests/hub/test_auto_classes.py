"""With the package imported, transformers' Auto classes load a router without the flag, and never ask on stdin."""

import json

import pytest

from tests.families import small_router
from tests.warm import run_python, run_whole_python
from vlrouterbench.routers.registry import FAMILIES, ROUTERS

IMPORTS = {
    "transformers first": "from transformers import AutoConfig, AutoModel\nimport vlrouterbench",
    "vlrouterbench first": "import vlrouterbench\nfrom transformers import AutoConfig, AutoModel",
    "Auto classes before": "import transformers\ntransformers.AutoModel, transformers.AutoProcessor\n"
    "import vlrouterbench\nfrom transformers import AutoConfig, AutoModel",
}
LOAD = """
import json, sys
answers = {}
for family, folder in json.loads(sys.argv[1]).items():
    for flag in ({}, {"trust_remote_code": False}, {"trust_remote_code": True}):
        config, router = AutoConfig.from_pretrained(folder, **flag), AutoModel.from_pretrained(folder, **flag)
        answers.setdefault(family, []).append([type(config).__module__, type(router).__module__])
print(json.dumps(answers))
"""
LAST = "vlrouterbench first"
"""The order of imports in whose interpreter the rest is asked as well."""
REST = """
from transformers import AutoProcessor
from vlrouterbench.routers.families.modeling_knn import KNNRouterConfig
config = KNNRouterConfig(candidates=[], encoder=json.loads(sys.argv[2]))
print(type(AutoModel.from_config(config)).__name__)
for folder in json.loads(sys.argv[3]):
    processor = AutoProcessor.from_pretrained(folder)
    inputs = processor(text=["What is shown?"], images=None, return_tensors="pt")
    router = AutoModel.from_pretrained(folder)
    chosen = router.config.id2label[int(router(**inputs).logits.argmax())]
    assert chosen == router.route("What is shown?").candidate
    print(type(processor).__module__)
"""


def run(code, *arguments):
    """What a second interpreter prints, its stdin closed."""
    done = run_python("-c", code, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Family -> folder of a saved router; with code in it that says when it is run."""
    root = tmp_path_factory.mktemp("saved")
    for family in ROUTERS:
        small_router(family).save_pretrained(root / family)
        for path in (root / family).glob("modeling_*.py"):
            path.write_text("raise RuntimeError('code of the folder was run')\n")
    return {family: str(root / family) for family in ROUTERS}


@pytest.fixture(scope="module")
def said(folders, end_to_end_folders):
    """What the interpreter prints that is asked for the rest as well, by line."""
    asked = (folders, small_router("knn").config.encoder, [str(folder) for folder in end_to_end_folders.values()])
    return run(IMPORTS[LAST] + LOAD + REST, *map(json.dumps, asked)).splitlines()


@pytest.mark.parametrize("order", IMPORTS)
def test_every_family_loads_with_the_package_s_own_classes_whatever_the_flag(order, folders, request):
    if order == LAST:
        answers = json.loads(request.getfixturevalue("said")[0])
    else:
        answers = json.loads(run(IMPORTS[order] + LOAD, json.dumps(folders)))
    assert answers.keys() == ROUTERS.keys()
    for family, loaded in answers.items():
        module = ROUTERS[family].__module__
        assert loaded == [[module, module]] * 3 or loaded == [[ROUTERS[family].config_class.__module__, module]] * 3


def test_a_router_is_made_from_a_configuration(said):
    assert said[1] == "KNNRouter"


def test_importing_the_package_imports_neither_torch_nor_transformers():
    heavy = ("torch", "transformers", "datasets")
    code = f"import sys, vlrouterbench\nprint([name for name in {heavy} if name in sys.modules])"
    done = run_whole_python("-c", code)
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stderr


def test_importing_transformers_after_the_package_imports_no_family():
    code = (
        "import sys, vlrouterbench\nfrom transformers import AutoConfig, AutoModel\n"
        "print([name for name in sys.modules if name.startswith('vlrouterbench.routers')])"
    )
    done = run_whole_python("-c", code)
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stderr


def test_processors_of_end_to_end_routers_load_too(said, end_to_end_folders):
    assert said[2:] == ["vlrouterbench.routers.backbones.processing_router"] * len(end_to_end_folders)


def test_every_family_has_a_model_type_of_its_own():
    assert len({family.config_class.model_type for family in FAMILIES.values()}) == len(FAMILIES)

"""`pipeline("vlm-routing")` decides as `route`: with the package without a flag, and without the package with one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import pipeline

from tests.families import small_router
from tests.interpreters import WITHOUT
from tests.routers.test_write_code import ABSENT
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.asking import RoutingPipeline
from vlrouterbench.routers.base.configuration_router import PIPELINE, PIPELINES
from vlrouterbench.routers.base.decision import CalibrationError
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.routers.write_code import flat_name

WITH_PACKAGE = """
import json, sys
import vlrouterbench
from transformers import pipeline
given = json.load(sys.stdin)
flags = ({}, {"trust_remote_code": False}, {"trust_remote_code": True})
"""
WITHOUT_PACKAGE = (
    WITHOUT
    + """
import json, sys
given = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, given["absent"]) for finder in sys.meta_path]
from transformers import pipeline
try:
    pipeline(given["task"], model=given["folders"]["linear"], trust_remote_code=False)
    refused = None
except ValueError as error:
    refused = str(error)
flags = ({"trust_remote_code": True},)
"""
)
ASK = """
answers = {}
for name, folder in given["folders"].items():
    for flag in flags:
        route = pipeline(given["task"], model=folder, **flag)
        answers.setdefault(name, []).append({
            "module": type(route).__module__,
            "one": route(given["samples"][0]),
            "many": route(given["samples"], batch_size=2),
            "chat": route(given["samples"][-1]["messages"]),
            "chats": route([given["samples"][-1]["messages"]] * 2),
        })
answers["refused"] = globals().get("refused")
answers["ours"] = [name for name in sys.modules if name.split(".")[0] == "vlrouterbench"]
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Samples in every form that one may have, the last a chat."""
    path = tmp_path_factory.mktemp("images") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(path)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the total?"}]
    return [
        {"question": "What is shown?", "image": str(path)},
        {"question": "Which one?", "images": [str(path)], "options": ["a cat", "a dog"], "hint": "Look closely."},
        {"question": "Who wrote it?"},
        {"messages": turns},
    ]


@pytest.fixture
def router():
    made = small_router("linear")
    made.head.weight.data.copy_(torch.randn(made.head.weight.shape, generator=torch.Generator().manual_seed(0)))
    return made


@pytest.fixture
def folder(router, tmp_path):
    router.save_pretrained(tmp_path / "router")
    return tmp_path / "router"


def asked(code, folders, samples, where):
    """What a second interpreter answers, run in an empty folder, its stdin no terminal."""
    given = {"absent": ABSENT, "folders": {name: str(path) for name, path in folders.items()}}
    environment = dict(os.environ) if "import vlrouterbench" in code else _without_path()
    done = subprocess.run(
        [sys.executable, "-c", code + ASK],
        input=json.dumps(given | {"samples": samples, "task": PIPELINE}),
        cwd=where,
        env=environment | {"HF_HOME": str(where / "huggingface"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _without_path():
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def assert_decides_as_route(answer, router, samples):
    expected = [decision.as_dict() for decision in router.route_batch(samples)]
    assert answer["one"] == expected[0] and answer["many"] == expected
    assert answer["chat"] == expected[-1] and answer["chats"] == [expected[-1]] * 2


def test_with_the_package_no_flag_is_needed_and_any_flag_does(folder, end_to_end_folders, samples, tmp_path):
    folders = {"linear": folder, "vlc": end_to_end_folders["vlc"]}
    answers = asked(WITH_PACKAGE, folders, samples, tmp_path)
    for name, path in folders.items():
        assert [answer["module"] for answer in answers[name]] == [RoutingPipeline.__module__] * 3
        for answer in answers[name]:
            assert_decides_as_route(answer, AutoRouter.from_pretrained(path), samples)


def test_without_the_package_the_flag_is_enough_and_without_it_is_refused(
    folder, trained_folders, end_to_end_folders, samples, tmp_path
):
    folders = {"linear": folder, "flagship": trained_folders["flagship"], "vlc": end_to_end_folders["vlc"]}
    answers = asked(WITHOUT_PACKAGE, folders, samples, tmp_path)
    assert answers["ours"] == []
    assert "trust_remote_code=True" in answers["refused"]
    for name, path in folders.items():
        assert answers[name][0]["module"].startswith("transformers_modules.")
        assert_decides_as_route(answers[name][0], AutoRouter.from_pretrained(path), samples)


@pytest.mark.parametrize("family", FAMILIES)
def test_config_json_names_the_pipeline_and_the_class_here_does_not(family, tmp_path):
    config = FAMILIES[family].config_class(candidates=[{"name": "a", "mean_cost_usd": None}])
    assert config.custom_pipelines == {}
    config.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())["custom_pipelines"]
    address = f"{flat_name(RoutingPipeline.__module__)}.{RoutingPipeline.__name__}"
    assert saved == PIPELINES == {PIPELINE: {"impl": address, "pt": ["AutoModel"]}}
    assert FAMILIES[family].config_class.from_pretrained(tmp_path).custom_pipelines == {}


@pytest.mark.parametrize("size", [None, 1, 3, 64])
def test_a_list_of_any_batch_size_is_decided_as_each_alone(router, samples, size):
    route = pipeline(PIPELINE, model=router, batch_size=size)
    many = samples * 3
    assert route(many) == [router.route(**sample).as_dict() for sample in many]
    assert json.loads(json.dumps(route(many))) == route(many)
    assert route([]) == [] and route(tuple(samples[:1])) == route(samples[:1])


def test_a_generator_is_decided_while_it_runs(router, samples):
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield samples[2]

    decisions = pipeline(PIPELINE, model=router)(endless(), batch_size=2)
    assert [next(decisions) for _ in range(3)] == [router.route(**samples[2]).as_dict()] * 3
    assert len(taken) == 4


def test_data_sets_are_decided_row_by_row(router, samples):
    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(samples)

        def __getitem__(self, place):
            return samples[place]

    assert list(pipeline(PIPELINE, model=router)(Rows())) == pipeline(PIPELINE, model=router)(samples)


def test_options_of_route_are_taken_at_the_start_and_at_each_call(router, trained_folders, samples):
    route = pipeline(PIPELINE, model=router, candidates=["a", "b"])
    assert set(route(samples[0])["score"]) == {"a", "b"} and set(route(samples[0], candidates=["c"])["score"]) == {"c"}
    with pytest.raises(CalibrationError, match="usd_weight"):
        route(samples[0], usd_weight=1.0)
    with pytest.raises(TypeError, match="top_k"):
        route(samples, top_k=3)
    dearest = pipeline(PIPELINE, model=str(trained_folders["flagship"]), usd_weight=0.0)
    assert (
        dearest(samples[2])
        == AutoRouter.from_pretrained(trained_folders["flagship"]).route(**samples[2], usd_weight=0.0).as_dict()
    )
    broken = {"question": "What?", "image": b"rubbish"}
    assert route(broken, on_bad_image="text-only")["image_used"] is False


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([{"question": "a"}, {"question": "b"}, {"question": 3.5j}], r"samples\[2\]: expected question as a text"),
        ({"question": ""}, "neither a question nor an image"),
        ("What is it?", "expected samples as a list of dicts, found str"),
        (7, "expected samples as a list of dicts, found int"),
        ([{"role": "system", "content": "Be brief."}], "a turn of the user, found none"),
    ],
)
def test_what_is_no_sample_is_refused_by_its_place(router, inputs, said):
    with pytest.raises(RouterInputError, match=said):
        pipeline(PIPELINE, model=router)(inputs, batch_size=2)


def test_a_pipeline_is_saved_as_its_router(router, folder, tmp_path):
    pipeline(PIPELINE, model=router).save_pretrained(tmp_path / "saved")
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {path.name for path in folder.iterdir()}
    assert pipeline(PIPELINE, model=str(tmp_path / "saved"))({"question": "Who?"})["candidate"] in "abc"

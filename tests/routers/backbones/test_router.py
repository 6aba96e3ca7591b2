"""End-to-end routers: what they decide by, how they are saved, and that `route` is the training path."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from tests.families import SMALL_BACKBONES, packed_problem
from tests.interpreters import WITHOUT
from vlrouterbench.features.inputs import router_inputs
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.registry import END_TO_END
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router

each_family = pytest.mark.parametrize("family", SMALL_BACKBONES)
QUESTIONS = [{"question": "Which entry has the highest value?"}, {"question": "Who?", "options": ["a", "b"]}]
ELSEWHERE = (
    WITHOUT
    + """
import json, sys
from importlib.util import find_spec

given = json.load(sys.stdin)
absent = ("vlrouterbench", "datasets", "pyarrow", "pandas", "accelerate", "sklearn", "scipy")
sys.meta_path[:] = [Without(finder, absent) for finder in sys.meta_path]
assert not any(find_spec(name) for name in absent)
from transformers import AutoModel, AutoProcessor

answers = {}
for family, folder in given["folders"].items():
    router = AutoModel.from_pretrained(folder, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    rows = processor(text=[given["questions"][0]["question"]])["features"]
    decisions = [router.route(**question).as_dict() for question in given["questions"]]
    answers[family] = {"decisions": decisions, "processed": router.score(rows)[0].tolist()}
json.dump(answers, sys.stdout)
"""
)


@pytest.fixture(scope="module")
def problems(easy_folder):
    return {backbone: packed_problem(easy_folder, backbone) for backbone in set(SMALL_BACKBONES.values())}


def test_every_family_is_tried():
    """The one that estimates has tests of its own, which these would be too."""
    assert {*SMALL_BACKBONES, "vlc-estimates"} == set(END_TO_END)


@each_family
def test_route_gives_the_scores_of_the_training_path(family, end_to_end_folders, problems):
    router = AutoRouter.from_pretrained(end_to_end_folders[family])
    validation = problems[SMALL_BACKBONES[family]].validation
    with torch.no_grad():
        scores = router.score(problems[SMALL_BACKBONES[family]].validation_features)
    few = validation.take(np.arange(4))
    for row, sample in zip(scores, router_inputs(few), strict=False):
        decision = router.route(sample.question, sample.image, options=sample.options, hint=sample.hint)
        assert list(decision.score.values()) == pytest.approx(row.tolist(), abs=1e-5)


@each_family
def test_another_picture_changes_the_scores_and_so_does_none(family, end_to_end_folders):
    router = AutoRouter.from_pretrained(end_to_end_folders[family])
    noise = Image.effect_noise((200, 120), 80).convert("RGB")
    pictures = [noise, noise.transpose(Image.Transpose.FLIP_TOP_BOTTOM), Image.new("RGB", (200, 120)), None]
    answers = [tuple(router.route("What is shown?", picture).score.values()) for picture in pictures]
    assert len(set(answers)) == len(pictures)


@each_family
def test_a_long_text_and_an_odd_one_are_read(family, end_to_end_folders):
    router = AutoRouter.from_pretrained(end_to_end_folders[family])
    for text in ("why " * 3000, "", "\ud800 \u65e5\u672c"):
        image = None if text else Image.new("RGB", (20, 12))
        assert all(np.isfinite(list(router.route(text, image=image).score.values())))


@each_family
def test_saved_again_it_decides_the_same(family, end_to_end_folders, tmp_path):
    router = AutoRouter.from_pretrained(end_to_end_folders[family])
    router.save_pretrained(tmp_path / "again")
    again = AutoRouter.from_pretrained(tmp_path / "again")
    for question in QUESTIONS:
        assert again.route(**question).as_dict() == router.route(**question).as_dict()


def test_without_the_package_all_decide_the_same(end_to_end_folders, text_router_folder, estimating_folder, tmp_path):
    end_to_end_folders = end_to_end_folders | {"of texts": text_router_folder, "estimates": estimating_folder}
    given = {"folders": {name: str(path) for name, path in end_to_end_folders.items()}, "questions": QUESTIONS}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(given),
        cwd=tmp_path,
        env=environment | {"HF_HOME": str(tmp_path / "huggingface"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    for family, folder in end_to_end_folders.items():
        decisions = [AutoRouter.from_pretrained(folder).route(**question).as_dict() for question in QUESTIONS]
        assert answers[family]["decisions"] == decisions
        assert answers[family]["processed"] == pytest.approx(list(decisions[0]["score"].values()), abs=1e-5)


@each_family
def test_folder_holds_no_pickle(family, end_to_end_folders):
    suffixes = {path.suffix for path in end_to_end_folders[family].rglob("*")}
    assert suffixes == {".json", ".safetensors", ".py", ".md"}


def test_a_frozen_backbone_stays_as_it_was_and_the_head_learns(problems):
    options = {"freeze_backbone": True}
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, options=options)
    router = train_router("vlc", problems["tiny-lxmert"], arguments).router
    longer = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2, options=options)
    other = train_router("vlc", problems["tiny-lxmert"], longer).router
    before, after = (dict(r.backbone.model.named_parameters()) for r in (router, other))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(router.head.weight, other.head.weight)

"""`AutoProcessor` then the model: logits as `route` scores, in the package and where it is not installed."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

from tests.families import ENCODER, SMALL_BACKBONES
from tests.hub_models import save_image_model, save_text_model
from tests.interpreters import WITHOUT
from tests.routers.test_write_code import ABSENT
from tests.tables import write_own_tables
from tests.test_saved_before import SAVED
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.data.table import load_table
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.encoders.builtin.text import BuiltinText
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, FeatureProcessor
from vlrouterbench.routers.encoders.ocr.blocks import OcrImage, ReadImage
from vlrouterbench.routers.encoders.sample_input import RouterInput, RouterInputError
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem

QUESTIONS = ["What is the average of the tallest bars?", "Qu'est-ce que c'est ?", ""]
OPTIONS, HINTS = [["yes", "no"], [], ["π"]], ["", "Look closely.", ""]
SCRIPT = (
    WITHOUT
    + """
import json, sys

given = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, given["absent"]) for finder in sys.meta_path]

from transformers import AutoModel, AutoProcessor

answers = {}
for family, folder in given["folders"].items():
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    router = AutoModel.from_pretrained(folder, trust_remote_code=True)
    answers[family] = [
        router(**processor(text=[text], images=[image], return_tensors="pt")).logits[0].tolist()
        for text, image in zip(given["texts"], given["images"])
    ]
    assert "vlrouterbench" not in sys.modules
json.dump(answers, sys.stdout)
"""
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return [str(path), None, str(path)]


def scores_of_route(router, images):
    return [
        list(router.route(text, image, options=options, hint=hint).score.values())
        for text, image, options, hint in zip(QUESTIONS, images, OPTIONS, HINTS, strict=True)
    ]


@pytest.mark.parametrize("family", ROUTERS)
def test_logits_of_one_sample_are_the_scores_of_route_bit_for_bit(family, trained_folders, images):
    processor, router = (auto.from_pretrained(trained_folders[family]) for auto in (AutoProcessor, AutoModel))
    assert type(processor) is FeatureProcessor and type(router) is ROUTERS[family]
    logits = [
        router(**processor(text=[text], images=[image], options=[options], hints=[hint])).logits[0].tolist()
        for text, image, options, hint in zip(QUESTIONS, images, OPTIONS, HINTS, strict=True)
    ]
    assert logits == scores_of_route(router, images)


@pytest.mark.parametrize("family", ROUTERS)
def test_a_batch_has_the_features_of_its_samples(family, trained_folders, images):
    processor = AutoProcessor.from_pretrained(trained_folders[family])
    router = AutoRouter.from_pretrained(trained_folders[family])
    inputs = processor(text=QUESTIONS, images=images, options=OPTIONS, hints=HINTS, return_tensors="pt")
    logits = router(**inputs).logits
    assert torch.allclose(logits, torch.tensor(scores_of_route(router, images)).to(logits), rtol=1e-4, atol=1e-5)
    without = router(**processor(text=QUESTIONS, images=None, return_tensors="pt")).logits
    assert without.shape == (3, 17)


@pytest.mark.parametrize("family", SMALL_BACKBONES)
def test_end_to_end_routers_have_the_same_interface(family, end_to_end_folders, images):
    folder = end_to_end_folders[family]
    processor, router = AutoProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    inputs = processor(text=QUESTIONS[:2], images=images[:2], options=OPTIONS[:2], hints=HINTS[:2], return_tensors="pt")
    expected = torch.tensor(scores_of_route(router, images)[:2])
    assert torch.allclose(router(**inputs).logits, expected, atol=1e-4)


def asked(images):
    return list(zip(QUESTIONS[:2], images[:2], strict=True))


def outside(folders, images, where):
    """Logits of some samples by each router's processor and itself, in an interpreter without the package."""
    given = {"absent": ABSENT, "folders": folders, "texts": QUESTIONS[:2], "images": images[:2]}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(given),
        cwd=where,
        env={"HF_HOME": str(where / "hf"), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers.keys() == folders.keys()
    return answers


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Fusion -> folder of a router whose encoders are pretrained models in local folders."""
    root = tmp_path_factory.mktemp("pretrained")
    models = {
        "text": str(save_text_model(root / "e5-small-v2")),
        "image": str(save_image_model(root / "siglip-tiny", "siglip")),
    }
    build_benchmark(write_own_tables(root / "own", num_samples=30), root / "benchmark")
    table = load_table(root / "benchmark")
    folders = {}
    for fusion in ("concat", "text-only", "image-only"):
        problem = Problem(table, encode_benchmark(table, FeatureOptions(**models, fusion=fusion, device="cpu")))
        save_router(train_router("prototype", problem), root / fusion)
        folders[fusion] = str(root / fusion)
    return folders


def test_routers_over_pretrained_encoders_have_the_same_interface(pretrained, images):
    for folder in pretrained.values():
        processor, router = AutoProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder)
        inputs = processor(text=QUESTIONS, images=images, options=OPTIONS, hints=HINTS, return_tensors="pt")
        expected = torch.tensor(scores_of_route(router, images))
        assert torch.allclose(router(**inputs).logits.to(expected), expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def saved_again(tmp_path_factory):
    """Name -> folder of a router of 0.x that was loaded and saved again."""
    root, folders = tmp_path_factory.mktemp("again"), {}
    for name in ("mlp", "vlc"):
        AutoRouter.from_pretrained(saved_by_0_x(name, root / name)).save_pretrained(root / f"again-{name}")
        folders[f"again-{name}"] = str(root / f"again-{name}")
    return folders


@pytest.fixture(scope="module")
def answers(trained_folders, end_to_end_folders, pretrained, saved_again, images, tmp_path_factory):
    """What one interpreter without the package answers by all of these routers."""
    trained = {family: str(folder) for family, folder in (trained_folders | end_to_end_folders).items()}
    return outside(trained | pretrained | saved_again, images, tmp_path_factory.mktemp("elsewhere"))


def test_outside_the_package_logits_are_the_same(answers, trained_folders, end_to_end_folders, images):
    for family, folder in (trained_folders | end_to_end_folders).items():
        router = AutoRouter.from_pretrained(folder)
        assert answers[family] == [list(router.route(text, image).score.values()) for text, image in asked(images)]


def test_outside_the_package_so_do_routers_over_pretrained_encoders(answers, pretrained, images):
    for fusion, folder in pretrained.items():
        router = AutoRouter.from_pretrained(folder)
        expected = [list(router.route(text, image).score.values()) for text, image in asked(images)]
        assert np.allclose(answers[fusion], expected, rtol=1e-4, atol=1e-5)


def saved_by_0_x(name, where):
    """A router's folder as 0.x saved it, less the settings of a processor, which an end-to-end router had already."""
    shutil.copytree(SAVED / "routers" / name, where)
    (where / "processor_config.json").unlink(missing_ok=True)
    return str(where)


@pytest.mark.parametrize("name", ["mlp", "knn", "flagship-changed-pool", "vlc", "zooter"])
def test_a_folder_of_0_x_has_a_processor_without_settings_of_one(name, images, tmp_path):
    folder = saved_by_0_x(name, tmp_path / name)
    processor, router = AutoProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    logits = [router(**processor(text=[text], images=[image])).logits[0].tolist() for text, image in asked(images)]
    assert logits == [list(router.route(text, image).score.values()) for text, image in asked(images)]


def test_a_folder_of_0_x_that_is_saved_again_has_one_outside_the_package(answers, saved_again, images):
    for name, folder in saved_again.items():
        router = AutoRouter.from_pretrained(folder)
        assert answers[name] == [list(router.route(text, image).score.values()) for text, image in asked(images)]


def test_what_blocks_read_comes_back_to_the_last_bit():
    block = BuiltinText(4)
    for text in (*QUESTIONS, "x" * 5000):
        (raw,) = block.read([RouterInput(text, ("a", "b"))])
        again = block.raw_of(block.values_of(raw))
        assert all(
            np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(raw, again, strict=True)
        )
    read = ReadImage(1.0, np.ones(OcrImage(2, 2).state("statistics_mean").shape, np.float32), "a\n€\U0001f600")
    again = OcrImage(2, 2).raw_of(OcrImage(2, 2).values_of(read))
    assert again.text == read.text and again.flag == 1.0 and np.array_equal(again.statistics, read.statistics)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"images": [None, None]}, "images: expected one for each of 1 texts, found 2"),
        ({"options": [["a"], ["b"]]}, "options: expected one for each of 1 texts, found 2"),
        ({"images": [["a.png", "b.png"]]}, "expected an image file, found nothing at a.png"),
        ({"images": ["absent.png"]}, "expected an image file, found nothing at absent.png"),
        ({"return_tensors": "np"}, "expected return_tensors=\"pt\", found 'np'"),
    ],
)
def test_what_a_processor_cannot_use_is_refused(given, found):
    with pytest.raises(RouterInputError, match=found):
        FeatureProcessor(ENCODER)(text=["What is it?"], **given)


def test_values_of_a_modality_that_is_missing_or_not_read_are_refused():
    values = torch.zeros(1, 1)
    with pytest.raises(ValueError, match="expected text_values and image_values as .* found text_values"):
        FeatureEncoder(ENCODER).features_of_packed({"text_values": values, "image_values": None})
    with pytest.raises(ValueError, match="expected text_values as .* found text_values and image_values"):
        FeatureEncoder(ENCODER | {"fusion": "text-only"}).features_of_packed(
            {"text_values": values, "image_values": values}
        )

"""What version 0.1.0 saved still loads and decides the same; `fixtures/v0/README.md` says how it was made."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from tests.interpreters import WITHOUT
from vlrouterbench import AutoRouter, load_table

SAVED = Path(__file__).parent / "fixtures" / "v0"
RECORD = json.loads((SAVED / "decisions.json").read_text(encoding="utf-8"))
CODE_FILES = json.loads((SAVED / "code_files.json").read_text(encoding="utf-8"))
NAMES = sorted(CODE_FILES)
WITHOUT_ENCODER = "mlp-pretrained-text"
"""A router whose pretrained text encoder is not kept here: it decides on features that are given."""
ABSENT = ("vlrouterbench", "datasets", "pyarrow", "pandas", "evaluate", "gradio", "accelerate", "sklearn", "scipy")

# Deciding is written once, as text: an interpreter without this package cannot import it from here.
DECIDE = """
def decide(router, asked):
    if "features" in asked:
        import torch
        rest = {name: value for name, value in asked.items() if name != "features"}
        return router.decide_one(torch.tensor([asked["features"]]), **rest).as_dict()
    return router.route(**asked).as_dict()
"""
SCRIPT = (
    WITHOUT
    + DECIDE
    + """
import importlib.util, json, sys

given = json.load(sys.stdin)
sys.meta_path[:] = [Without(finder, given["absent"]) for finder in sys.meta_path]
assert not any(importlib.util.find_spec(name) for name in given["absent"])

from transformers import AutoModel

answers = {}
for name, folder in given["folders"].items():
    router = AutoModel.from_pretrained(folder, trust_remote_code=True)
    answers[name] = [decide(router, asked) for asked in given["questions"][name]]
json.dump(answers, sys.stdout)
"""
)


def decide(router, asked):
    """The decision on one recorded question, as `as_dict` gives it."""
    names = {}
    exec(DECIDE, names)
    return names["decide"](router, asked)


def draw_pictures(folder):
    """Pictures by name, drawn by arithmetic and saved without loss, so that they are the same on every machine."""
    down, across = np.mgrid[0:120, 0:160]
    bars = np.where((across // 20) % 2 * (down > 10 * (across // 20)), 40, 230)
    ramp = (down + across) * 255 // 278
    drawn = {
        "bars": np.stack([bars, bars, (bars + ramp) // 2], axis=-1),
        "checks": np.stack([(down // 8 + across // 8) % 2 * 200 + 30, ramp, 255 - ramp], axis=-1),
        "paper": np.where((down % 12 < 3) & (across % 7 < 5) & (across > 16) & (across < 144), 20, 250)[..., None]
        * np.ones(3, dtype=int),
    }
    for name, pixels in drawn.items():
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}.png")
    return {name: folder / f"{name}.png" for name in drawn}


def asked_of(name, pictures):
    """The recorded questions of a router, each picture's name replaced by its path."""
    return [
        asked | ({"image": str(pictures[asked["image"]])} if "image" in asked else {})
        for asked in RECORD["questions"][RECORD["asked"][name]]
    ]


def assert_same(found, recorded):
    """Every recorded field is there and equal, numbers to 1e-6; the wording of the reason is free."""
    assert len(found) == len(recorded)
    for decision, before in zip(found, recorded, strict=True):
        assert set(before) <= set(decision)
        for field in set(before) - {"reason"}:
            expected = before[field]
            if isinstance(expected, dict):
                # Costs are small numbers, so only their relative difference says something.
                least = 1e-12 if field == "estimated_cost_usd" else 1e-6
                expected = pytest.approx(expected, rel=1e-6, abs=least)
            assert decision[field] == expected, field


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Router folders as they were saved: the code files are kept once for all of them."""
    root = tmp_path_factory.mktemp("saved")
    for name, files in CODE_FILES.items():
        shutil.copytree(SAVED / "routers" / name, root / name)
        for file in files:
            shutil.copy(SAVED / "code" / file, root / name)
    return {name: root / name for name in NAMES}


@pytest.fixture(scope="module")
def without_package(folders, pictures, tmp_path_factory):
    """What an interpreter without the package decides, by the code files beside the weights alone."""
    folder = tmp_path_factory.mktemp("elsewhere")
    given = {
        "absent": ABSENT,
        "folders": {name: str(path) for name, path in folders.items()},
        "questions": {name: asked_of(name, pictures) for name in NAMES},
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


def test_every_saved_router_has_recorded_decisions():
    assert NAMES == sorted(RECORD["decisions"]) == sorted(path.name for path in (SAVED / "routers").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_router_saved_before_decides_the_same(name, folders, pictures):
    router = AutoRouter.from_pretrained(folders[name])
    assert_same([decide(router, asked) for asked in asked_of(name, pictures)], RECORD["decisions"][name])


@pytest.mark.parametrize("name", NAMES)
def test_a_router_saved_before_decides_the_same_where_the_package_is_absent(name, without_package):
    assert_same(without_package[name], RECORD["decisions"][name])


@pytest.mark.parametrize("name", NAMES)
def test_a_router_saved_before_and_saved_again_decides_the_same(name, folders, pictures, tmp_path):
    AutoRouter.from_pretrained(folders[name]).save_pretrained(tmp_path / "again")
    router = AutoRouter.from_pretrained(tmp_path / "again")
    assert_same([decide(router, asked) for asked in asked_of(name, pictures)], RECORD["decisions"][name])


def test_a_benchmark_built_before_loads_with_its_sizes_and_sums():
    table, before = load_table(SAVED / "benchmark", verify=True), RECORD["benchmark"]
    assert {split: len(table.split(split)) for split in before["samples"]} == before["samples"]
    assert list(table.pool.names) == before["candidates"]
    assert table.sha256 == before["sha256"]
    assert table.simulated is True
    assert table.cost_bounds == pytest.approx(before["cost_bounds_usd"], rel=1e-9)
    assert np.nansum(table.quality, axis=0) == pytest.approx(before["quality"], rel=1e-9)
    assert np.nansum(table.cost, axis=0) == pytest.approx(before["cost_usd"], rel=1e-9)
    assert sum(image is not None for image in table.iter_images()) == before["images"]


def test_load_dataset_reads_a_benchmark_built_before():
    loaded, before = datasets.load_dataset(str(SAVED / "benchmark")), RECORD["benchmark"]
    assert {split: rows.num_rows for split, rows in loaded.items()} == before["samples"]
    row = loaded["test"][0]
    assert {name: row[name] for name in before["row"]} == before["row"]
    assert row["image"].size == tuple(before["image_size"])

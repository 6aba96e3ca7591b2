"""Commands as several processes launched together: the work is shared, what is written and said is written once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import run_program
from tests.hub_models import save_image_model, save_text_model
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training import trainer

CONFIGS = Path(trainer.__file__).parent / "configs"

LAUNCH = (
    "accelerate.commands.launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no"
)


CONFIGURED = f"accelerate.commands.launch --config_file {CONFIGS / 'ddp.yaml'} --num_processes 2"


def _run(*arguments, launched, launch=LAUNCH):
    """A command of the program on the CPU, as this process or as two others; its stdout."""
    on_the_cpu = {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""}
    if not launched:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in on_the_cpu.items():
                patch.setenv(name, value)
            ended = run_program(*arguments)
        assert ended.status == 0, ended.err
        return ended.out
    done = subprocess.run(
        [sys.executable, "-m", *launch.split(), "-m", "vlrouterbench", *map(str, arguments)],
        env={**os.environ, **on_the_cpu},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    image = save_image_model(root / "siglip-tiny", "siglip")
    return ("--text", save_text_model(root / "e5-small-v2"), "--image", image, "--num-proc", "1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One benchmark twice: for one process, and for two."""
    root = tmp_path_factory.mktemp("launched")
    own = write_own_tables(root / "own", num_samples=300)
    for name in ("one", "two"):
        build_benchmark(own, root / name / "benchmark")
    return {name: root / name for name in ("one", "two")}


def test_two_processes_store_the_same_bytes_as_one_and_report_once(folders, flags):
    stored, said = {}, {}
    for name, folder in folders.items():
        said[name] = _run("encode", folder / "benchmark", *flags, launched=name == "two")
        features = folder / "benchmark.features"
        stored[name] = {path.relative_to(features): path.read_bytes() for path in features.rglob("*.safetensors")}
    assert stored["one"] == stored["two"] and len(stored["one"]) == 5
    assert said["two"].count("300 samples") == 1 == said["one"].count("300 samples")


def test_two_processes_train_one_router(folders, tmp_path):
    asked = ("train", folders["two"] / "benchmark", "--router", "linear", "--cost-weight", "inf", "--num-epochs", "3")
    said = _run(*asked, "--out", tmp_path / "router", launched=True)
    assert said.count("saved to") == 1
    assert AutoRouter.from_pretrained(tmp_path / "router").config.candidate_names == ["small", "middle", "large"]


def test_two_processes_train_one_end_to_end_router_as_one_does(folders, tmp_path):
    """The global batch defines the run: without dropout 1 x 16 and 2 x 8 agree but for rounding."""
    asked = ("--router", "vlc", "--backbone", "tiny-siglip", "--cost-weight", "10", "--num-epochs", "1")
    asked += ("--batch-size", "16", "--option", "dropout=0.0")
    scores = {}
    for name, folder in folders.items():
        command = ("train", folder / "benchmark", *asked, "--out", tmp_path / name)
        said = _run(*command, launched=name == "two", launch=CONFIGURED)
        assert said.count("saved to") == 1
        router = AutoRouter.from_pretrained(tmp_path / name)
        assert router.config.training["num_processes"] == {"one": 1, "two": 2}[name]
        scores[name] = list(router.route("What is the total?").score.values())
    assert scores["one"] == pytest.approx(scores["two"], abs=1e-4)

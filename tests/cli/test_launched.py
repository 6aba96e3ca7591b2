"""Commands as several processes launched together: the work is shared, what is written and said is written once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import run_program
from tests.hub_models import save_image_model, save_text_model
from tests.launched_commands import BEFORE_EACH
from tests.tables import write_own_tables
from vlrouterbench.data.build import build_benchmark
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training import trainer

CONFIGS = Path(trainer.__file__).parent / "configs"

ON_THE_CPU = {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""}
LAUNCH = f"accelerate.commands.launch --config_file {CONFIGS / 'ddp.yaml'} --num_processes 2 -m tests.launched_commands"
END_TO_END = ("--router", "vlc", "--backbone", "tiny-siglip", "--cost-weight", "10", "--num-epochs", "1")
END_TO_END += ("--batch-size", "16", "--option", "dropout=0.0")
STREAMED = ("--router", "linear", "--cost-weight", "10", "--num-epochs", "3", "--batch-size", "16")
STREAMED += ("--max-samples", "32")
LINEAR = ("--router", "linear", "--cost-weight", "inf", "--num-epochs", "3")


def _run(*arguments):
    """A command of the program as this process on the CPU; its stdout."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ON_THE_CPU.items():
            patch.setenv(name, value)
        ended = run_program(*arguments)
    assert ended.status == 0, ended.err
    return ended.out


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    image = save_image_model(root / "siglip-tiny", "siglip")
    return ("--text", save_text_model(root / "e5-small-v2"), "--image", image, "--num-proc", "1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Each of two benchmarks twice: for one process, and for two. The first has several shares of vectors."""
    root = tmp_path_factory.mktemp("launched")
    for kind, num_samples in (("encoded", 300), ("trained", 120)):
        own = write_own_tables(root / kind / "own", num_samples=num_samples)
        for name in ("one", "two"):
            build_benchmark(own, root / kind / name / "benchmark")
    return {name: {kind: root / kind / name for kind in ("encoded", "trained")} for name in ("one", "two")}


@pytest.fixture(scope="module")
def said(folders, flags):
    """What two processes print by each of four commands, launched together once."""
    root = folders["two"]["trained"]
    benchmark = root / "benchmark"
    commands = [
        ("encode", folders["two"]["encoded"] / "benchmark", *flags),
        ("train", benchmark, *LINEAR, "--out", root / "linear"),
        ("train", benchmark, *STREAMED, "--out", root / "streamed"),
        ("train", benchmark, *END_TO_END, "--out", root / "vlc"),
    ]
    (root / "commands.json").write_text(json.dumps([[str(one) for one in command] for command in commands]))
    done = subprocess.run(
        [sys.executable, "-m", *LAUNCH.split(), str(root / "commands.json")],
        env={**os.environ, **ON_THE_CPU},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    first, *parts = done.stdout.split(BEFORE_EACH)
    return dict(zip(("before", "encode", "linear", "streamed", "vlc"), (first, *parts), strict=True))


def test_two_processes_store_the_same_bytes_as_one_and_report_once(said, folders, flags):
    alone, stored = _run("encode", folders["one"]["encoded"] / "benchmark", *flags), {}
    for name, kinds in folders.items():
        features = kinds["encoded"] / "benchmark.features"
        stored[name] = {path.relative_to(features): path.read_bytes() for path in features.rglob("*.safetensors")}
    assert stored["one"] == stored["two"] and len(stored["one"]) == 5
    assert said["encode"].count("300 samples") == 1 == alone.count("300 samples")


def test_two_processes_train_one_router(said, folders):
    assert said["linear"].count("saved to") == 1
    router = AutoRouter.from_pretrained(folders["two"]["trained"] / "linear")
    assert router.config.candidate_names == ["small", "middle", "large"]


def test_two_processes_that_stream_shards_of_their_own_train_what_one_trains(said, folders):
    """The stream is dealt out batch by batch: 1 x 16 and 2 x 8 rows agree but for rounding."""
    one, weights = folders["one"]["trained"], {}
    alone = _run("train", one / "benchmark", *STREAMED, "--out", one / "streamed")
    assert said["streamed"].count("saved to") == 1 == alone.count("saved to")
    for name, kinds in folders.items():
        weights[name] = AutoRouter.from_pretrained(kinds["trained"] / "streamed").head.weight
    assert weights["one"].abs().sum() > 0
    torch.testing.assert_close(weights["one"], weights["two"], atol=1e-5, rtol=1e-4)


def test_two_processes_train_one_end_to_end_router_as_one_does(said, folders):
    """The global batch defines the run: without dropout 1 x 16 and 2 x 8 agree but for rounding."""
    one, scores = folders["one"]["trained"], {}
    alone = _run("train", one / "benchmark", *END_TO_END, "--out", one / "vlc")
    assert said["vlc"].count("saved to") == 1 == alone.count("saved to")
    for name, kinds in folders.items():
        router = AutoRouter.from_pretrained(kinds["trained"] / "vlc")
        assert router.config.training["num_processes"] == {"one": 1, "two": 2}[name]
        scores[name] = list(router.route("What is the total?").score.values())
    assert scores["one"] == pytest.approx(scores["two"], abs=1e-4)

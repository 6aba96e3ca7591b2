"""FSDP: two processes that share a router's weights train what one process trains, and go on after a stop."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.sharded_runs import ARGUMENTS, problem_without_dropout
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.training import make_trainer, sharding, trainer
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router

CONFIG = Path(make_trainer.__file__).parent / "configs" / "fsdp.yaml"


@pytest.fixture(scope="module")
def few_samples(tmp_path_factory):
    """A benchmark in the easy setting with 9 batches per epoch."""
    folder = tmp_path_factory.mktemp("few") / "benchmark"
    build_from_logs(simulate_logs(num_samples=200, seed=0, difficulty="easy"), folder)
    return folder


@pytest.fixture(scope="module")
def sharded(few_samples, tmp_path_factory):
    """What two processes on the CPU wrote."""
    out = tmp_path_factory.mktemp("sharded")
    launch = ("-m", "accelerate.commands.launch", "--config_file", CONFIG, "--num_processes", "2")
    done = subprocess.run(
        [sys.executable, *map(str, launch), "-m", "tests.training.sharded_runs", str(few_samples), str(out)],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return out


def _weights(folder):
    return load_file(folder / "model.safetensors")


def test_two_processes_share_the_weights_and_train_what_one_trains(sharded, few_samples):
    said = json.loads((sharded / "said.json").read_text())
    assert said["processes"] == 2
    # Each held its half, but for tensors too small to be cut.
    assert 0.45 < said["largest_share"] < 0.6
    trained = train_router("vlc", problem_without_dropout(few_samples), ARGUMENTS)
    router = AutoRouter.from_pretrained(sharded / "whole")
    assert router.config.training["num_processes"] == 2
    got = _weights(sharded / "whole")
    assert all(torch.allclose(p, got[name], atol=1e-5) for name, p in trained.router.named_parameters())
    assert said["score"] == pytest.approx(trained.chosen.validation_rank_score, abs=0.5)


def test_a_divided_run_that_was_stopped_ends_with_the_same_weights(sharded):
    one, other = _weights(sharded / "whole"), _weights(sharded / "resumed")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert json.loads((sharded / "said.json").read_text())["resumed_at"] == 7
    assert not (sharded / "never").exists()


def test_a_divided_run_with_adapters_in_bfloat16_saves_a_plain_router_in_float32(sharded):
    whole, adapted = _weights(sharded / "whole"), _weights(sharded / "bf16")
    assert {tensor.dtype for tensor in adapted.values()} == {torch.float32}
    backbone = {name for name in whole if name.startswith("backbone.")}
    assert backbone == {name for name in adapted if name.startswith("backbone.")}
    card = (sharded / "bf16" / "README.md").read_text()
    assert "2 processes on cpu, its weights divided among them (FSDP)" in card and "Adapters of rank 4" in card
    assert "**Not run**: training on several GPUs" in card


def test_only_end_to_end_routers_are_divided(simulated_problem, monkeypatch):
    monkeypatch.setattr(trainer, "is_sharded", lambda: True)
    with pytest.raises(RouterError, match=r"Linear .* is not divided among processes.*ddp\.yaml"):
        train_router("linear", simulated_problem, RouterTrainingArguments(cost_weights=(10.0,)))


def test_the_first_version_of_fsdp_is_refused(monkeypatch):
    class TwoProcesses:
        num_processes = 2

        def __init__(self, **_):
            pass

    monkeypatch.setattr("accelerate.PartialState", TwoProcesses)
    for name, value in {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RouterError, match="expected fsdp_version: 2 .* found 1"):
        sharding.is_sharded()

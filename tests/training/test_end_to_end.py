"""End-to-end training: it learns what the easy simulated benchmark shows, and a run that was killed ends the same."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.cli.conftest import run_program
from tests.families import SMALL_BACKBONES, packed_problem
from tests.series import LONG
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.build import build_from_logs
from vlrouterbench.data.simulation.simulate import simulate_logs
from vlrouterbench.data.table import load_table
from vlrouterbench.evaluation.evaluate import EvaluationOptions, evaluate_routers
from vlrouterbench.features.encode import encode_benchmark
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.best_epochs import last_checkpoint
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.length_buckets import LengthBuckets
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.samples import FeatureDataset

TRAIN = ("train", "--router", "vlc", "--cost-weight", "10", "--num-epochs", "4", "--batch-size", "32")


def test_all_four_beat_the_best_fixed_mixture_on_test(easy_folder, end_to_end_folders, tmp_path):
    routers = [str(end_to_end_folders[family]) for family in SMALL_BACKBONES]
    options = EvaluationOptions(time_routers=False)
    records = evaluate_routers(easy_folder, ["mixture", *routers], tmp_path / "evaluated", options)
    mixture, *trained = (record["rank_score"] for record in records)
    assert min(trained) > mixture + 5


@pytest.mark.parametrize("family", ["vlc", "knn"])
def test_a_router_has_the_same_bytes_whatever_was_stored_before(family, tmp_path):
    benchmark = tmp_path / "benchmark"
    build_from_logs(simulate_logs(num_samples=60, seed=0, difficulty="easy"), benchmark)
    files = []
    for store in ("empty", "filled"):
        if family == "vlc":
            problem, arguments = packed_problem(benchmark), RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1)
        else:
            table = load_table(benchmark)
            problem, arguments = Problem(table, encode_benchmark(table)), RouterTrainingArguments()
        save_router(train_router(family, problem, arguments), tmp_path / store)
        paths = sorted(path for path in (tmp_path / store).rglob("*") if path.is_file())
        files.append({path.name: path.read_bytes() for path in paths})
    assert [name for name in files[0] if files[0][name] != files[1].get(name)] == []
    assert files[0].keys() == files[1].keys()


@pytest.fixture(scope="module")
def undisturbed(easy_folder, tmp_path_factory):
    """A router trained by the command in one go."""
    out = tmp_path_factory.mktemp("undisturbed") / "router"
    ended = run_program(*TRAIN, easy_folder, "--out", out)
    assert ended.status == 0, ended.err
    return out


@pytest.mark.faults
@pytest.mark.parametrize("steps", [3, 12] if LONG else [12])
def test_a_run_killed_at_a_step_and_resumed_ends_with_the_same_weights(steps, undisturbed, easy_folder, tmp_path):
    """Steps 3 and 12 lie in the first and the second epoch."""
    killed = tmp_path / "killed"
    asked = [*TRAIN, easy_folder, "--out", killed]
    command = [sys.executable, "-m", "vlrouterbench", *map(str, asked), "--checkpoint-every", str(steps)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    training = tmp_path / "killed.training"
    while running.poll() is None and not _checkpoint(training):
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert _checkpoint(training) and not killed.exists()
    ended = run_program(*asked, "--checkpoint-every", "1000", "--resume")
    assert ended.status == 0, ended.err
    one, other = (load_file(folder / "model.safetensors") for folder in (undisturbed, killed))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not training.exists()


def _checkpoint(training):
    return next((found for run in training.glob("*") if (found := last_checkpoint(run))), None)


def test_a_checkpoint_that_was_cut_short_is_passed_over(tmp_path):
    for step, whole in ((5, True), (10, True), (15, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if whole:
            (tmp_path / f"checkpoint-{step}" / "best_epochs.json").write_text("{}")
    assert last_checkpoint(tmp_path).name == "checkpoint-10"
    assert last_checkpoint(tmp_path / "nothing") is None


def test_gradient_accumulation_does_what_one_batch_does(easy_folder):
    """Without dropout two passes of 16 are one of 32, but for rounding."""
    problem = packed_problem(easy_folder, "tiny-siglip")

    def trained(parts):
        arguments = RouterTrainingArguments(
            cost_weights=(10.0,),
            num_epochs=1,
            batch_size=32,
            options={"dropout": 0.0},
            gradient_accumulation=parts,
        )
        router = train_router("vlc", problem, arguments).router
        with torch.no_grad():
            return router.score(problem.validation_features)

    assert torch.allclose(trained(1), trained(2), atol=1e-2)


def test_workers_take_the_same_batches_in_the_same_order(easy_folder, monkeypatch):
    """The weights tell; dropout is on, so they also tell whether workers disturb what it draws."""
    problem, taken_here = packed_problem(easy_folder, "tiny-lxmert"), []
    take = FeatureDataset.__getitems__

    def taking(dataset, places):
        taken_here.append(len(places))
        return take(dataset, places)

    monkeypatch.setattr(FeatureDataset, "__getitems__", taking)

    def weights(num_workers):
        arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2, num_workers=num_workers)
        return list(train_router("vlc", problem, arguments).router.parameters())

    one = weights(0)
    assert taken_here
    taken_here.clear()
    other = weights(2)
    assert not taken_here, "batches were taken by this process"
    assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_bfloat16_trains_and_the_saved_weights_are_float32(easy_folder):
    problem = packed_problem(easy_folder, "tiny-siglip")
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, bf16=True)
    router = train_router("cosine", problem, arguments).router
    assert {parameter.dtype for parameter in router.parameters()} == {torch.float32}


@pytest.mark.parametrize(("count", "size", "held"), [(100, 10, 100), (103, 10, 110), (7, 10, 7)])
def test_the_last_batch_is_filled_up_with_the_first_samples(count, size, held):
    sampler = LengthBuckets(np.arange(count), size, seed=0)
    places = list(sampler)
    assert len(places) == len(sampler) == held
    assert sorted(places[:count]) == list(range(count))
    assert places[count:] == places[: held - count]


def test_an_epoch_holds_every_sample_once_and_batches_hold_like_lengths():
    lengths = np.random.default_rng(0).integers(1, 60, 1000)
    sampler = LengthBuckets(lengths, 10, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(1000))
    assert list(sampler) == first
    sampler.epoch = 1
    assert list(sampler) != first
    spread = lengths[np.array(first)].reshape(100, 10).std(axis=1).mean()
    assert spread < lengths.std() / 4


@pytest.mark.parametrize(("backbone", "able"), [("tiny-siglip", True), ("tiny-lxmert", False)])
def test_gradient_checkpointing_trains_or_says_which_model_cannot(backbone, able, easy_folder):
    problem = packed_problem(easy_folder, backbone)

    def scores(**options):
        arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, options={"dropout": 0.0} | options)
        router = train_router("vlc", problem, arguments).router
        with torch.no_grad():
            return router.score(problem.validation_features)

    if able:
        assert torch.allclose(scores(gradient_checkpointing=True), scores(), atol=1e-5)
    else:
        with pytest.raises(RouterError, match="LxmertModel .* cannot do it"):
            scores(gradient_checkpointing=True)


def test_features_and_rows_of_bytes_are_told_apart(easy_folder, simulated_problem):
    with pytest.raises(RouterError, match="vlc learns from images and texts, found features"):
        train_router("vlc", simulated_problem)
    with pytest.raises(RouterError, match="linear learns from features"):
        train_router("linear", packed_problem(easy_folder))

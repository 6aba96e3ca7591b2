"""LoRA: adapters and head are trained, the rest stays; what is saved is a plain router."""

import subprocess
import sys

import pytest
import torch

from tests.families import packed_problem
from tests.interpreters import WITHOUT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.training import trainer
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router

ROUTE = (
    WITHOUT
    + """
import sys

sys.meta_path[:] = [Without(finder, ["peft"]) for finder in sys.meta_path]
import vlrouterbench
router = vlrouterbench.AutoRouter.from_pretrained(sys.argv[1])
print(router.route(question="What is the total?").candidate)
"""
)


@pytest.fixture(scope="module")
def problem(easy_folder):
    return packed_problem(easy_folder, "tiny-siglip")


def _arguments(**given):
    return RouterTrainingArguments(
        cost_weights=(10.0,), **{"num_epochs": 2, "learning_rate": 5e-3, "lora_rank": 4, **given}
    )


@pytest.fixture(scope="module")
def trained(problem):
    """A router trained with adapters, the weights it started from, and the copy that was trained."""
    seen = {}

    def adapting(router, rank, original=trainer.with_adapters):
        seen["before"] = {name: p.detach().clone() for name, p in router.named_parameters()}
        seen["copy"] = original(router, rank)
        seen["adapted"] = {name: p.detach().clone() for name, p in seen["copy"].named_parameters()}
        return seen["copy"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "with_adapters", adapting)
        # One epoch is kept for certain, so that the copy's weights are those of the router.
        return train_router("vlc", problem, _arguments(num_epochs=1)), seen


def test_only_adapters_head_and_what_has_no_pretrained_weights_move(trained):
    _, seen = trained
    now = dict(seen["copy"].named_parameters())
    moved = {name for name, p in seen["adapted"].items() if not torch.equal(p, now[name])}
    inside = {name for name in now if name.startswith("backbone.model.")}
    assert {name for name in moved & inside if ".lora_" not in name} == set()
    assert {name for name in inside if ".lora_B." in name} <= moved
    assert {"head.weight", "head.bias"} <= moved


def test_merged_weights_give_what_backbone_and_adapters_give(trained, problem):
    found, seen = trained
    rows = problem.validation_features
    with torch.no_grad():
        merged, apart = found.router.score(rows), seen["copy"].eval().score(rows)
    assert torch.allclose(merged, apart, atol=1e-5)
    changed = dict(found.router.named_parameters())
    assert changed.keys() == seen["before"].keys()
    layers = [name for name in changed if name.startswith("backbone.model.") and name.endswith("q_proj.weight")]
    assert layers and all(not torch.equal(changed[name], seen["before"][name]) for name in layers)


def test_the_saved_router_needs_no_peft(trained, tmp_path):
    save_router(trained[0], tmp_path / "router")
    command = [sys.executable, "-c", ROUTE, str(tmp_path / "router")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == trained[0].router.route(question="What is the total?").candidate
    assert trained[0].router.config.training["backbone_training"] == "lora"
    assert "Adapters of rank 4" in (tmp_path / "router" / "README.md").read_text()


class _Stopped(Exception):
    """Stands for what stops a run."""


def test_a_run_with_adapters_that_was_stopped_ends_with_the_same_weights(problem, tmp_path):
    def stop(step, _):
        if step == 8:
            raise _Stopped

    def run(**running):
        checkpoints = {"checkpoint_folder": tmp_path, "checkpoint_every": 3} if running else {}
        return train_router("vlc", problem, _arguments(**checkpoints, **running)).router

    with pytest.raises(_Stopped):
        run(progress=stop)
    steps = []
    resumed = run(resume=True, progress=lambda step, _: steps.append(step))
    assert steps[0] == 7
    one, other = dict(run().named_parameters()), dict(resumed.named_parameters())
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_cannot_be_adapted_is_refused(problem, simulated_problem, monkeypatch):
    with pytest.raises(RouterError, match="mlp has none"):
        train_router("mlp", simulated_problem, _arguments())
    with pytest.raises(RouterError, match="frozen by freeze_backbone"):
        train_router("vlc", problem, _arguments(options={"freeze_backbone": True}))
    with pytest.raises(RouterError, match="lora_rank >= 1, found 0"):
        _arguments(lora_rank=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RouterError, match=r"install \"vlrouterbench\[peft\]\""):
        _arguments()

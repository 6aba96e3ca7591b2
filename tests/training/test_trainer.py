"""The trainer of gradient families: the best epoch is kept, patience ends it, seeds fix it, nothing heavy is needed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from tests.interpreters import WITHOUT
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.families.modeling_linear import LinearRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import save_router, train_router
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.samples import FeatureDataset

TRAIN = (
    WITHOUT
    + """
import json, sys

folder, out, *absent = sys.argv[1:]
sys.meta_path[:] = [Without(finder, absent) for finder in sys.meta_path]
import vlrouterbench
light = [name for name in ("torch", "datasets", "numpy", "transformers", "pyarrow") if name in sys.modules]
table = vlrouterbench.load_table(folder)
problem = vlrouterbench.Problem(table, vlrouterbench.encode_benchmark(table))
arguments = vlrouterbench.RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2)
vlrouterbench.save_router(vlrouterbench.train_router("mlp", problem, arguments), out)
heavy = [name for name in ("datasets", "evaluate", "gradio") if name in sys.modules]
print(json.dumps({"at_import": light, "after_training": heavy}))
"""
)


@dataclass(frozen=True)
class RecordingProblem(Problem):
    """Remembers every score that it gave."""

    scores: list[float] = field(default_factory=list)

    def validation_score(self, decisions):
        self.scores.append(super().validation_score(decisions))
        return self.scores[-1]


@pytest.fixture
def recording(simulated_problem):
    return RecordingProblem(simulated_problem.table, simulated_problem.features)


def _weights(router):
    return torch.cat([p.detach().flatten() for p in router.parameters()])


@pytest.mark.parametrize("family", ["linear", "mlp"])
def test_the_best_epoch_is_kept_and_patience_ends_the_training(family, recording, tmp_path):
    arguments = RouterTrainingArguments(cost_weights=(300.0,), num_epochs=40, patience=3)
    trained = train_router(family, recording, arguments)
    scores = list(recording.scores)
    best = int(np.argmax(scores))
    assert trained.chosen.validation_rank_score == scores[best]
    assert len(scores) < 40, "never stopped: nothing shown about patience"
    assert len(scores) == best + 1 + 3
    # Epochs after the best one were worse, so keeping whichever came last would show here.
    assert min(scores[best + 1 :]) < scores[best]
    save_router(trained, tmp_path / "router")
    loaded = AutoRouter.from_pretrained(tmp_path / "router")
    assert recording.validation_score(loaded.decide(recording.validation_features)) == scores[best]
    assert loaded.config.training["validation_rank_score"] == scores[best]


def test_same_seed_gives_the_same_weights_and_another_seed_others(simulated_problem):
    routers = [
        train_router(
            "mlp", simulated_problem, RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2, seed=s)
        ).router
        for s in (5, 5, 6)
    ]
    one, two, three = (_weights(router) for router in routers)
    assert torch.equal(one, two)
    assert not torch.equal(one, three)


@dataclass(frozen=True)
class RisingProblem(Problem):
    """Likes every epoch better than the one before, so that the last is kept."""

    asked: list[int] = field(default_factory=list)

    def validation_score(self, decisions):
        self.asked.append(len(decisions))
        return float(len(self.asked))


def test_training_lowers_the_loss(simulated_problem):
    simulated_problem = RisingProblem(simulated_problem.table, simulated_problem.features)
    arguments = RouterTrainingArguments(cost_weights=(np.inf,), num_epochs=10)
    trained = train_router("mlp", simulated_problem, arguments).router
    labels = simulated_problem.soft_labels(cost_weight=np.inf, unsolved=arguments.unsolved)
    # An untrained router is about as good as log 17, all candidates alike.
    assert trained(features=simulated_problem.train_features, targets=labels).loss.item() < 0.8 * np.log(17)


def test_encoder_stays_the_fitted_one(simulated_problem, trained_folders):
    router = LinearRouter.from_pretrained(trained_folders["linear"])
    fitted = dict(simulated_problem.features.encoder.named_buffers())
    assert fitted.keys() == dict(router.encoder.named_buffers()).keys()
    assert all(torch.equal(buffer, fitted[name]) for name, buffer in router.encoder.named_buffers())


def test_samples_without_a_label_are_not_trained_on():
    labels = torch.tensor([[1.0, 0], [np.nan, np.nan], [np.nan, 0.7]])
    dataset = FeatureDataset(torch.arange(6.0).reshape(3, 2), labels)
    assert len(dataset) == 2
    batch = dataset.__getitems__([1, 0])[0]
    assert batch["features"].tolist() == [[4, 5], [0, 1]] and torch.equal(
        batch["targets"].nan_to_num(9), labels[[2, 0]].nan_to_num(9)
    )


def test_batch_larger_than_the_split_and_a_last_batch_of_one_work(simulated_problem):
    labels = simulated_problem.soft_labels(cost_weight=10.0, unsolved=RouterTrainingArguments().unsolved)
    count = int((labels.sum(dim=1) > 0).sum())
    for batch_size in (10 * count, count - 1):
        arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=1, batch_size=batch_size)
        trained = train_router("linear", simulated_problem, arguments)
        assert torch.isfinite(_weights(trained.router)).all()


def _train_elsewhere(simulated_folder, out, *absent):
    command = [sys.executable, "-c", TRAIN, str(simulated_folder), str(out), *absent]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_training_needs_neither_datasets_nor_evaluate_nor_gradio(simulated_folder, simulated_problem, tmp_path):
    absent = ("datasets", "evaluate", "gradio", "pandas")
    said = _train_elsewhere(simulated_folder, tmp_path / "without", *absent)
    assert said == {"at_import": [], "after_training": []}
    assert AutoRouter.from_pretrained(tmp_path / "without").config.training["cost_weight"] == 10.0


def test_training_imports_none_of_them_where_they_are_installed(simulated_folder, simulated_problem, tmp_path):
    said = _train_elsewhere(simulated_folder, tmp_path / "with")
    assert said == {"at_import": [], "after_training": []}
    # Another process, the same weights.
    arguments = RouterTrainingArguments(cost_weights=(10.0,), num_epochs=2)
    ours = train_router("mlp", simulated_problem, arguments).router
    assert torch.equal(_weights(AutoRouter.from_pretrained(tmp_path / "with")), _weights(ours))

"""The trainer of gradient families: transformers' Trainer over features and targets.

Decisions
- The best epoch by Rank Score on validation is kept, in memory, the last of equals: a small validation set cannot tell
  a router that has learnt little from one that has learnt more. Training stops when it does not improve. A family with
  decision settings is judged in every epoch by the best of them.
- Routers that are trained together (`shared_trunk.py`) each have their own patience and best epoch, as if alone;
  training stops when the last is done.
- A checkpoint holds weights, optimiser, schedule, random state and the best epochs so far; a run that goes on from it
  ends with the weights of one that was never stopped. One that was being written when the run was killed is passed
  over.
"""

from __future__ import annotations

import gc
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.threads import one_thread
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RunOptions
from vlrouterbench.training.best_epochs import BestEpochs, last_checkpoint
from vlrouterbench.training.lora import with_adapters
from vlrouterbench.training.make_trainer import make_trainer
from vlrouterbench.training.members import Members
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.selection import Trial, best_of, try_settings
from vlrouterbench.training.sharding import copy_to_divide, sharding_asked
from vlrouterbench.training.trained_copy import take_weights

PAYS_FOR_THREADS = 2**26
"""Multiplications of a step's forward pass from which several threads are faster than one (measured on two cores)."""


def train_gradient_router(
    router: PreTrainedRouter,
    problem: Problem,
    training_set: TrainingSet,
    recipe: Recipe,
    running: RunOptions | None = None,
) -> list[Trial]:
    """Train in place and load the best epoch's weights.

    Args:
        router: after what one pass teaches it.
        problem: what it is judged on.
        training_set: what it learns from.
        recipe: how to train.
        running: how the run is carried out.

    Returns:
        One trial: the best epoch's decision setting and its Rank Score on validation.

    Raises:
        RouterError: launched to divide a router that is not end to end.
    """
    running = running or RunOptions()
    targets = router.training_targets(training_set)
    if running.folder is not None:
        from accelerate import PartialState

        # A run goes on from checkpoints of the very same run alone.
        learnt = hashlib.sha256(targets.numpy().tobytes()).hexdigest()
        how = (running.bf16, running.gradient_accumulation, PartialState().num_processes, sharding_asked())
        asked = [problem.table.sha256, router.config.to_dict(), recipe, learnt, how, training_set.seed]
        key = hashlib.sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:16]
        running = replace(running, folder=running.folder / key)
    dataset = FeatureDataset(training_set.features, targets)

    def judge(places: Sequence[int]) -> list[Trial]:
        settings = router.decision_settings(recipe)
        return [best_of(try_settings(router, problem, settings)) for _ in places]

    copied = _copy_to_train(router, dataset, recipe)
    members = Members(copied or router, [router], judge, lambda: take_weights(router, copied) if copied else None)
    ((trial, state),) = train_members(members, (dataset, training_set.seed), recipe, running)
    router.load_state_dict(state, strict=False)
    router.cpu().eval()
    return [trial]


def train_members(
    members: Members, run: tuple[FeatureDataset, int], recipe: Recipe, running: RunOptions | None = None
) -> list[tuple[Trial, dict[str, torch.Tensor]]]:
    """Train a module, judging the routers in it after every epoch.

    Args:
        members: the module, the routers in it and their judge.
        run: training samples, and the seed of their order and of dropout.
        recipe: how to train.
        running: how the run is carried out.

    Returns:
        For every member its best epoch's trial and weights.
    """
    running = running or RunOptions()
    keeper = BestEpochs(members.routers, recipe.patience)
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as passing:
        folder = running.folder or Path(passing)
        trainer = make_trainer(members, keeper, (*run, folder), (recipe, running))
        last = last_checkpoint(folder) if running.resume else None
        if last is not None:
            keeper.restore(last)
        if not keeper.done:
            size = sum(p.numel() for p in members.module.parameters()) * recipe.batch_size
            with one_thread(size < PAYS_FOR_THREADS):
                trainer.train(resume_from_checkpoint=None if last is None else str(last))
        if running.num_workers:
            # Workers end with their loader, which the trainer and what it refers to hold in a circle.
            del trainer
            gc.collect()
    return list(zip(keeper.trials, keeper.states, strict=True))


def _copy_to_train(router: PreTrainedRouter, dataset: FeatureDataset, recipe: Recipe) -> PreTrainedRouter | None:
    """A copy with adapters, or divided among processes, or both; None where the router itself is trained."""
    copied = with_adapters(router, recipe.lora_rank) if recipe.lora_rank else None
    if not sharding_asked():
        return copied
    if not router.end_to_end:
        raise RouterError(
            f"{router.title} learns from features and is small: it is not divided among processes. Launch with "
            "ddp.yaml instead of fsdp.yaml, or without a file."
        )
    return copy_to_divide(copied or router, dataset.features[dataset.counted[:2]])

"""The trainer of gradient families: transformers' Trainer over features and targets.

Decisions
- The best epoch by Rank Score on validation is kept, in memory, the last of equals: a small validation set cannot tell
  a router that has learnt little from one that has learnt more. Training stops when it does not improve. A family with
  decision settings is judged in every epoch by the best of them.
- Routers that are trained together (`side_by_side.py`) each have their own patience and best epoch, as if alone;
  training stops when the last is done.
- A checkpoint holds weights, optimiser, schedule, random state and the best epochs so far; a run that goes on from it
  ends with the weights of one that was never stopped. One that was being written when the run was killed is passed
  over.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.threads import one_thread
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.best_epochs import BestEpochs, last_checkpoint
from vlrouterbench.training.lora import with_adapters
from vlrouterbench.training.make_trainer import make_trainer
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.selection import Trial, best_of, judged, try_settings
from vlrouterbench.training.sharding import copy_to_divide, is_sharded
from vlrouterbench.training.trained_copy import take_weights
from vlrouterbench.training.training_group import TrainingGroup
from vlrouterbench.training.training_run import TrainingRun

PAYS_FOR_THREADS = 2**26
"""Multiplications of a step's forward pass from which several threads are faster than one (measured on two cores)."""


def train_gradient_router(router: PreTrainedRouter, training_set: TrainingSet, run: TrainingRun) -> list[Trial]:
    """Train in place and load the best epoch's weights.

    Args:
        router: after what one pass teaches it.
        training_set: what it learns from.
        run: how it is trained, and what it is judged on.

    Returns:
        One trial: the best epoch's decision setting and its Rank Score on validation.

    Raises:
        RouterError: launched to divide a router that is not end to end.
    """
    dataset = FeatureDataset(training_set.features, router.training_targets(training_set))

    def judge(indices: Sequence[int]) -> list[Trial]:
        settings = router.decision_settings(run.recipe)
        return [best_of(try_settings(router, run.problem, settings)) for _ in indices]

    copied = _copy_to_train(router, dataset, run.recipe)
    collect = partial(take_weights, router, copied) if copied else lambda: None
    ((trial, state),) = train_group(TrainingGroup(copied or router, [router], judge, collect), dataset, run)
    router.load_state_dict(state, strict=False)
    router.cpu().eval()
    return [_completed(router, training_set, run) or trial]


@torch.no_grad()
def _completed(router: PreTrainedRouter, training_set: TrainingSet, run: TrainingRun) -> Trial | None:
    """The best trial once a family has learnt what follows its best epoch; None where nothing does."""
    if not isinstance(router, EstimatingRouter):
        return None
    problem = run.problem
    outcomes = problem.validation_outcomes
    quality = torch.from_numpy(outcomes.quality.astype(np.float32))
    groups = torch.from_numpy(np.unique(outcomes.column("group_id"), return_inverse=True)[1])
    made = router.complete(training_set, problem.validation_features, quality, groups)
    if made is None:
        return None
    router.held_out_estimates = made
    weights = [setting.get("usd_weight", router.config.usd_weight) for setting in router.decision_settings(run.recipe)]
    chosen = (router.choose(router.utility_at(made, weight)) for weight in weights)
    return best_of([judged(problem, {"usd_weight": w}, one) for w, one in zip(weights, chosen, strict=True)])


def train_group(
    group: TrainingGroup, dataset: FeatureDataset, run: TrainingRun
) -> list[tuple[Trial, dict[str, torch.Tensor]]]:
    """Train a module, judging the routers in it after every epoch.

    Args:
        group: the module, the routers in it and their judge.
        dataset: training samples.
        run: how it is trained.

    Returns:
        For every router its best epoch's trial and weights.
    """
    keeper = BestEpochs(group.routers, run.recipe.patience)
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as temporary:
        folder = run.checkpoint_folder(group.routers, dataset.targets) or Path(temporary)
        trainer = make_trainer(group, keeper, dataset, run, folder)
        last = last_checkpoint(folder) if run.arguments.resume else None
        if last is not None:
            keeper.restore(last)
        if not keeper.done:
            size = sum(p.numel() for p in group.module.parameters()) * run.recipe.batch_size
            with one_thread(size < PAYS_FOR_THREADS):
                trainer.train(resume_from_checkpoint=None if last is None else str(last))
        if run.arguments.num_workers:
            # Workers end with their loader, which the trainer and what it refers to hold in a reference cycle.
            del trainer
            gc.collect()
    return list(zip(keeper.trials, keeper.states, strict=True))


def _copy_to_train(router: PreTrainedRouter, dataset: FeatureDataset, recipe: Recipe) -> PreTrainedRouter | None:
    """A copy with adapters, or divided among processes, or both; None where the router itself is trained."""
    copied = with_adapters(router, recipe.lora_rank) if recipe.lora_rank else None
    if not is_sharded():
        return copied
    if not router.end_to_end:
        raise RouterError(
            f"{router.title} learns from features and is small: it is not divided among processes. Launch with "
            "ddp.yaml instead of fsdp.yaml, or without a file."
        )
    return copy_to_divide(copied or router, dataset.features[dataset.counted[:2]])

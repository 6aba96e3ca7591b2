"""The trainer of gradient families: transformers' Trainer over features and targets.

Decisions
- The best epoch by Rank Score on validation is kept, in memory, the last of equals: a small validation set cannot tell
  a router that has learnt little from one that has learnt more. Training stops when it does not improve. A family with
  decision settings is judged in every epoch by the best of them.
- Routers that are trained together (`shared_trunk.py`) each have their own patience and best epoch, as if alone;
  training stops when the last is done.
- The global batch defines a run: it is divided among processes.
- Trainer imports the `datasets` library wherever it is installed, for type checks alone. Training reads parquet with
  pyarrow, so that import (0.7 s, and absent on many training machines) is held back unless the process has it already.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import Dataset

from vlrouterbench.encoders.threads import one_thread
from vlrouterbench.routers.learning import Recipe, TrainingSet
from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.selection import Trial, best_of, try_settings

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments


PAYS_FOR_THREADS = 2**26
"""Multiplications of a step's forward pass from which several threads are faster than one (measured on two cores)."""
Judge = Callable[[Sequence[int]], list[Trial]]
"""The trials of some routers of those that are trained together, as they are after an epoch."""


class FeatureDataset(Dataset):
    """Training samples that count, as features with their targets; a row of NaN does not count."""

    def __init__(self, features: torch.Tensor, targets: torch.Tensor) -> None:
        counted = ~targets.isnan().all(dim=1)
        self.features, self.targets = features[counted], targets[counted]

    def __len__(self) -> int:
        return len(self.features)

    def __getitems__(self, places: list[int]) -> list[dict[str, torch.Tensor]]:
        """A whole batch at once; the collator takes it as it is."""
        chosen = torch.tensor(places)
        return [{"features": self.features[chosen], "targets": self.targets[chosen]}]

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([place])[0]


def train_gradient_router(
    router: PreTrainedRouter, problem: Problem, training_set: TrainingSet, recipe: Recipe
) -> list[Trial]:
    """Train in place and load the best epoch's weights.

    Returns:
        One trial: the best epoch's decision setting and its Rank Score on validation.
    """
    dataset = FeatureDataset(training_set.features, router.training_targets(training_set))

    def judge(places: Sequence[int]) -> list[Trial]:
        settings = router.decision_settings(recipe)
        return [best_of(try_settings(router, problem, settings)) for _ in places]

    ((trial, state),) = train_members(router, ([router], judge), (dataset, training_set.seed), recipe)
    router.load_state_dict(state, strict=False)
    router.cpu().eval()
    return [trial]


def train_members(
    module: nn.Module, judged: tuple[Sequence[PreTrainedRouter], Judge], run: tuple[FeatureDataset, int], recipe: Recipe
) -> list[tuple[Trial, dict[str, torch.Tensor]]]:
    """Train a module, judging the routers in it after every epoch.

    Args:
        module: takes features and targets and gives a loss.
        judged: routers whose parameters are the module's, and what scores some of them, given by their places, on
            validation.
        run: training samples, and the seed of their order and of dropout.
        recipe: how to train.

    Returns:
        For every member its best epoch's trial and weights.
    """
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        trainer, keeper = _make_trainer(module, judged, (*run, folder), recipe)
        size = sum(p.numel() for p in module.parameters() if p.requires_grad) * recipe.batch_size
        with one_thread(size < PAYS_FOR_THREADS):
            trainer.train()
    return list(zip(keeper.trials, keeper.states, strict=True))


def _make_trainer(
    module: nn.Module,
    judged: tuple[Sequence[PreTrainedRouter], Judge],
    run: tuple[FeatureDataset, int, str],
    recipe: Recipe,
) -> tuple[Trainer, Any]:
    with _without_datasets():
        from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

    members, judge = judged

    class BestEpoch(TrainerCallback):
        """Keeps for every member the weights of the epoch with the best Rank Score on validation."""

        def __init__(self) -> None:
            self.trials, self.waited = [Trial({}, -1.0)] * len(members), [0] * len(members)
            self.states: list[dict[str, torch.Tensor]] = [{} for _ in members]

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Score the epoch; stop when all patience is spent."""
            module.eval()
            going = [place for place, waited in enumerate(self.waited) if waited < recipe.patience]
            for place, trial in zip(going, judge(going), strict=True):
                gain = trial.validation_rank_score - self.trials[place].validation_rank_score
                self.waited[place] = 0 if gain > 0 else self.waited[place] + 1
                if gain >= 0:
                    kept = {name: p.detach().cpu().clone() for name, p in members[place].named_parameters()}
                    self.trials[place], self.states[place] = trial, kept
            module.train()
            control.should_training_stop = min(self.waited) >= recipe.patience

    dataset, seed, folder = run
    keeper, options = BestEpoch(), _training_arguments(recipe, seed, folder)
    optimizer = None
    if recipe.optimizer == "adam":
        trained = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    trainer = Trainer(
        model=module,
        args=options,
        train_dataset=dataset,
        data_collator=lambda batch: batch[0],
        callbacks=[keeper],
        optimizers=(optimizer, None),
    )
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer, keeper


def _training_arguments(recipe: Recipe, seed: int, folder: str) -> TrainingArguments:
    from transformers import TrainingArguments

    options = TrainingArguments(
        output_dir=folder,
        num_train_epochs=recipe.num_epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="constant",
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["targets"],
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
    if options.world_size > 1:
        options.per_device_train_batch_size = max(1, recipe.batch_size // options.world_size)
    return options


@contextmanager
def _without_datasets() -> Iterator[None]:
    """Let transformers' trainer modules take the `datasets` library for absent while they are first imported."""
    if "datasets" in sys.modules or "transformers.trainer" in sys.modules:
        yield
        return
    import transformers.utils

    original = transformers.utils.is_datasets_available
    transformers.utils.is_datasets_available = lambda: False
    try:
        yield
    finally:
        transformers.utils.is_datasets_available = original

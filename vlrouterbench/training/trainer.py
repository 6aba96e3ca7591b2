"""The trainer of gradient families: transformers' Trainer over features and targets.

Decisions
- The best epoch by Rank Score on validation is kept, in memory, the last of equals: a small validation set cannot tell
  a router that has learnt little from one that has learnt more. Training stops when it does not improve. A family with
  decision settings is judged in every epoch by the best of them.
- Routers that are trained together (`shared_trunk.py`) each have their own patience and best epoch, as if alone;
  training stops when the last is done.
- The global batch defines a run: it is divided among processes, and among the passes of a step.
- A checkpoint holds weights, optimiser, schedule, random state and the best epochs so far; a run that goes on from it
  ends with the weights of one that was never stopped. One that was being written when the run was killed is passed
  over.
- Trainer imports the `datasets` library wherever it is installed, for type checks alone. Training reads parquet with
  pyarrow, so that import (0.7 s, and absent on many training machines) is held back unless the process has it already.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import Dataset

from vlrouterbench.encoders.threads import one_thread
from vlrouterbench.routers.learning import Recipe, TrainingSet
from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RunOptions
from vlrouterbench.training.best_epochs import BestEpochs, last_checkpoint
from vlrouterbench.training.length_buckets import LengthBuckets
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.selection import Trial, best_of, try_settings

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback, TrainingArguments


PAYS_FOR_THREADS = 2**26
"""Multiplications of a step's forward pass from which several threads are faster than one (measured on two cores)."""
Judge = Callable[[Sequence[int]], list[Trial]]
"""The trials of some routers of those that are trained together, as they are after an epoch."""


class FeatureDataset(Dataset):
    """Training samples that count, as features with their targets; a row of NaN does not count."""

    def __init__(self, features: Any, targets: torch.Tensor) -> None:
        self.features, self.targets = features, targets
        self.counted = (~targets.isnan().all(dim=1)).nonzero().squeeze(1)

    def __len__(self) -> int:
        return len(self.counted)

    def __getitems__(self, places: list[int]) -> list[dict[str, torch.Tensor]]:
        """A whole batch at once; the collator takes it as it is."""
        chosen = self.counted[torch.tensor(places)]
        return [{"features": self.features[chosen], "targets": self.targets[chosen]}]

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([place])[0]


@dataclass(frozen=True)
class Members:
    """Routers that are trained together, and what judges them.

    Attributes:
        module: takes features and targets and gives a loss.
        routers: whose parameters are the module's.
        judge: scores some of them, given by their places, on validation.
    """

    module: nn.Module
    routers: Sequence[PreTrainedRouter]
    judge: Judge


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
    """
    running = running or RunOptions()
    targets = router.training_targets(training_set)
    if running.folder is not None:
        # A run goes on from checkpoints of the very same run alone.
        learnt = hashlib.sha256(targets.numpy().tobytes()).hexdigest()
        how = (running.bf16, running.gradient_accumulation)
        asked = [problem.table.sha256, router.config.to_dict(), recipe, learnt, how, training_set.seed]
        key = hashlib.sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:16]
        running = replace(running, folder=running.folder / key)
    dataset = FeatureDataset(training_set.features, targets)

    def judge(places: Sequence[int]) -> list[Trial]:
        settings = router.decision_settings(recipe)
        return [best_of(try_settings(router, problem, settings)) for _ in places]

    members = Members(router, [router], judge)
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
        trainer = _make_trainer(members, keeper, (*run, folder), (recipe, running))
        last = last_checkpoint(folder) if running.resume else None
        if last is not None:
            keeper.restore(last)
        if not keeper.done:
            size = sum(p.numel() for p in members.module.parameters() if p.requires_grad) * recipe.batch_size
            with one_thread(size < PAYS_FOR_THREADS):
                trainer.train(resume_from_checkpoint=None if last is None else str(last))
    return list(zip(keeper.trials, keeper.states, strict=True))


def _make_trainer(
    members: Members,
    keeper: BestEpochs,
    run: tuple[FeatureDataset, int, Path],
    how: tuple[Recipe, RunOptions],
) -> Trainer:
    with _without_datasets():
        from transformers import PrinterCallback, ProgressCallback, Trainer

    (dataset, seed, folder), (recipe, running) = run, how
    lengths = getattr(dataset.features, "lengths", None)
    sampler = None
    if lengths is not None:
        sampler = LengthBuckets(lengths[dataset.counted.numpy()], recipe.batch_size, seed)

    class RouterTrainer(Trainer):
        """Takes samples in the order of the sampler, where there is one."""

        def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
            return super()._get_train_sampler(train_dataset) if sampler is None else sampler

    options = _training_arguments(recipe, running, seed, folder)
    options.ddp_find_unused_parameters = any(router.end_to_end for router in members.routers)
    optimizer = None
    if recipe.optimizer == "adam":
        trained = [p for p in members.module.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    trainer = RouterTrainer(
        model=members.module,
        args=options,
        train_dataset=dataset,
        data_collator=lambda batch: batch[0],
        callbacks=[_hooks(members, keeper, running, sampler)],
        optimizers=(optimizer, None),
    )
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer


def _hooks(members: Members, keeper: BestEpochs, running: RunOptions, sampler: LengthBuckets | None) -> TrainerCallback:
    from transformers import TrainerCallback

    class EpochEnds(TrainerCallback):
        """Judges epochs, stops when all patience is spent, and says when a checkpoint is due."""

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Tell the sampler which epoch it is, also in the middle of one that is resumed."""
            if sampler is not None:
                sampler.epoch = state.global_step // _steps_per_epoch(state)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """A checkpoint at an epoch's last step waits until the epoch has been judged."""
            every, step = running.checkpoint_every, state.global_step
            control.should_save = bool(every and step % every == 0 and step % _steps_per_epoch(state))
            if running.progress is not None:
                running.progress(step, state.max_steps)

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Score the epoch; stop when all patience is spent."""
            members.module.eval()
            going = keeper.going
            keeper.take(going, members.judge(going))
            members.module.train()
            control.should_training_stop = keeper.done
            control.should_save = bool(running.checkpoint_every)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Lay what is kept beside the checkpoint; written last, it says that the checkpoint is whole."""
            if state.is_world_process_zero:
                keeper.write(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    return EpochEnds()


def _steps_per_epoch(state: Any) -> int:
    return max(1, state.max_steps // state.num_train_epochs)


def _training_arguments(recipe: Recipe, running: RunOptions, seed: int, folder: Path) -> TrainingArguments:
    from transformers import TrainingArguments

    options = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.num_epochs,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=running.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="linear" if recipe.warmup else "constant",
        warmup_steps=recipe.warmup,
        bf16=running.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        data_seed=seed,
        save_strategy="no",
        save_total_limit=2,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["targets"],
        dataloader_pin_memory=False,
    )
    parts = options.world_size * running.gradient_accumulation
    options.per_device_train_batch_size = max(1, recipe.batch_size // parts)
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

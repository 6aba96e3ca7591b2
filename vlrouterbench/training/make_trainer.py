"""Making transformers' Trainer: the loader's order, the optimiser, and the arguments that a recipe comes to.

Decisions
- The global batch defines a run: it is divided among processes, and among the passes of a step.
- Trainer imports the `datasets` library wherever it is installed, for type checks alone. Training reads parquet with
  pyarrow, so that import (0.7 s, and absent on many training machines) is held back unless the process has it already.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.training.arguments import RunOptions
from vlrouterbench.training.best_epochs import BestEpochs
from vlrouterbench.training.length_buckets import LengthBuckets
from vlrouterbench.training.members import Members, epoch_ends
from vlrouterbench.training.samples import FeatureDataset, first_of
from vlrouterbench.training.sharding import autocast_only, divide_on_cpus_too, keep_float32
from vlrouterbench.training.trackers import EVERY, tensorboard_folder

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments


def make_trainer(
    members: Members,
    keeper: BestEpochs,
    run: tuple[FeatureDataset, int, Path],
    how: tuple[Recipe, RunOptions],
) -> Trainer:
    """The trainer of one training.

    Args:
        members: what is trained and how it is judged.
        keeper: of best epochs.
        run: training samples, seed of their order and of dropout, and where checkpoints lie.
        how: recipe, and how the run is carried out.
    """
    kind = _trainer_class()
    from transformers import PrinterCallback, ProgressCallback

    (dataset, seed, folder), (recipe, running) = run, how
    lengths = getattr(dataset.features, "lengths", None)
    sampler = None
    if lengths is not None:
        sampler = LengthBuckets(lengths[dataset.counted.numpy()], recipe.batch_size, seed)

    options = _training_arguments(recipe, running, seed, folder)
    divide_on_cpus_too()
    options.ddp_find_unused_parameters = any(router.end_to_end for router in members.routers)
    optimizer = None
    if recipe.optimizer == "adam":
        trained = [p for p in members.module.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    hooks = epoch_ends(members, keeper, running, sampler)
    with tensorboard_folder(running.logging_dir and running.logging_dir / running.name):
        trainer = kind(
            sampler,
            model=members.module,
            args=options,
            train_dataset=dataset,
            data_collator=first_of,
            callbacks=[hooks],
            optimizers=(optimizer, None),
        )
    if running.log_to:
        hooks.log = trainer.log
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer


def _trainer_class() -> type[Trainer]:
    with _without_datasets():
        from transformers import Trainer

    class RouterTrainer(Trainer):
        """Takes samples in the order of the sampler, where there is one; computes alike whether divided or whole."""

        def __init__(self, sampler: LengthBuckets | None, **given: Any) -> None:
            self.sampler = sampler
            super().__init__(**given)

        def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
            return super()._get_train_sampler(train_dataset) if self.sampler is None else self.sampler

        def get_train_dataloader(self) -> DataLoader:
            loader = super().get_train_dataloader()
            if self.sampler is not None:
                # A loader draws a seed for its workers, who draw nothing, whenever it makes them: not from the state
                # that dropout draws from, which must not depend on how many there are.
                loader.base_dataloader.generator = torch.Generator().manual_seed(self.args.seed)
            return loader

        def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> AbstractContextManager[Any]:
            context = super().autocast_smart_context_manager(cache_enabled)
            return autocast_only(self.accelerator) if self.is_fsdp_enabled else context

        def create_accelerator_and_postprocess(self) -> None:
            super().create_accelerator_and_postprocess()
            if self.is_fsdp_enabled:
                keep_float32(self.accelerator)

    return RouterTrainer


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
        logging_strategy="steps" if running.log_to else "no",
        logging_steps=EVERY,
        report_to=list(running.log_to) or "none",
        run_name=running.name,
        dataloader_num_workers=running.num_workers,
        dataloader_persistent_workers=running.num_workers > 0,
        # Started anew: a process that was forked from one that runs torch's threads can hang.
        dataloader_multiprocessing_context="spawn" if running.num_workers else None,
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

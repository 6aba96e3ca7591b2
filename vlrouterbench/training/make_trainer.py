"""Making transformers' Trainer: the loader's order, the optimiser, and transformers' own arguments.

Decisions
- The global batch defines a run: it is divided among processes, and among the passes of a step.
- Trainer imports the `datasets` library wherever it is installed, for type checks alone. Training reads parquet with
  pyarrow, so that import (0.7 s, and absent on many training machines) is held back unless the process has it already.
  A train split past memory is streamed by it (`streamed.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from vlrouterbench.training.best_epochs import BestEpochs
from vlrouterbench.training.length_buckets import LengthBuckets
from vlrouterbench.training.samples import FeatureDataset, first_of
from vlrouterbench.training.sharding import autocast_only, divide_on_cpus_too, keep_float32
from vlrouterbench.training.streamed import StreamedBatches, streamed_batches
from vlrouterbench.training.trackers import EVERY, tensorboard_folder
from vlrouterbench.training.training_group import TrainingGroup, clips_for_each, epoch_ends
from vlrouterbench.training.training_run import TrainingRun

if TYPE_CHECKING:
    from transformers import Trainer, TrainingArguments


def make_trainer(
    group: TrainingGroup, keeper: BestEpochs, dataset: FeatureDataset, run: TrainingRun, folder: Path
) -> Trainer:
    """The trainer of one training.

    Args:
        group: what is trained and how it is judged.
        keeper: of best epochs.
        dataset: training samples.
        run: how it is trained.
        folder: of checkpoints.
    """
    arguments, recipe = run.arguments, run.recipe
    lengths = getattr(dataset.features, "lengths", None)
    sampler = None
    if lengths is not None:
        sampler = LengthBuckets(lengths[dataset.counted.numpy()], recipe.batch_size, arguments.seed)
    kind = _trainer_class(sampler)
    from transformers import PrinterCallback, ProgressCallback

    options = _transformers_arguments(run, folder)
    streamed = streamed_batches(dataset, options, run.max_samples) if sampler is None else None
    divide_on_cpus_too()
    options.ddp_find_unused_parameters = any(router.end_to_end for router in group.routers)
    optimizer = None
    if recipe.optimizer == "adam":
        trained = [p for p in group.module.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)

    def log(figures: dict[str, float]) -> None:
        trainer.log(figures)

    callback = epoch_ends(
        group, keeper, run, streamed if sampler is None else sampler, log if arguments.log_to else None
    )
    with tensorboard_folder(arguments.logging_dir and arguments.logging_dir / run.name):
        trainer = kind(
            model=group.module,
            args=options,
            train_dataset=dataset if streamed is None else streamed,
            data_collator=first_of,
            callbacks=[callback],
            optimizers=(optimizer, None),
        )
    if len(group.routers) > 1:
        options.max_grad_norm = 0.0
        trainer.add_callback(clips_for_each(group))
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer


def _trainer_class(sampler: LengthBuckets | None) -> type[Trainer]:
    with _without_datasets():
        from transformers import Trainer

    class RouterTrainer(Trainer):
        """Takes samples in the order of the sampler, where there is one; computes alike whether divided or whole."""

        def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Any:
            return super()._get_train_sampler(train_dataset) if sampler is None else sampler

        def get_train_dataloader(self) -> DataLoader[Any]:
            if isinstance(self.train_dataset, StreamedBatches):
                # Each process has its own batches already: accelerate has nothing to divide.
                return DataLoader(self.train_dataset, batch_size=None)
            # Typed as torch's loader; accelerate's, which wraps one, is what comes.
            loader: Any = super().get_train_dataloader()
            if sampler is not None:
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


def _transformers_arguments(run: TrainingRun, folder: Path) -> TrainingArguments:
    """A run as transformers' own arguments: the one place where names are translated."""
    from transformers import TrainingArguments

    arguments, recipe = run.arguments, run.recipe
    options = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.num_epochs,
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=arguments.gradient_accumulation,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        lr_scheduler_type="linear" if recipe.warmup else "constant",
        warmup_steps=recipe.warmup,
        bf16=arguments.bf16,
        use_cpu=not torch.cuda.is_available(),
        seed=arguments.seed,
        data_seed=arguments.seed,
        save_strategy="no",
        save_total_limit=2,
        logging_strategy="steps" if arguments.log_to else "no",
        logging_steps=EVERY,
        report_to=list(arguments.log_to) or "none",
        run_name=run.name,
        dataloader_num_workers=arguments.num_workers,
        dataloader_persistent_workers=arguments.num_workers > 0,
        # Started anew: a process that was forked from one that runs torch's threads can hang.
        dataloader_multiprocessing_context="spawn" if arguments.num_workers else None,
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["targets"],
        dataloader_pin_memory=False,
    )
    passes = options.world_size * arguments.gradient_accumulation
    options.per_device_train_batch_size = max(1, recipe.batch_size // passes)
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

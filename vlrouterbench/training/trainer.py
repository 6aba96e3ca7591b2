"""The trainer of gradient families: transformers' Trainer over features and soft labels.

Decisions
- The best epoch by Rank Score on validation is kept, in memory; training stops when it does not improve.
- The global batch defines a run: it is divided among processes.
- Trainer imports the `datasets` library wherever it is installed, for type checks alone. Training reads parquet with
  pyarrow, so that import (0.7 s, and absent on many training machines) is held back unless the process has it already.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import Dataset

from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.problem import Problem

if TYPE_CHECKING:
    from transformers import Trainer

DEFAULT_LEARNING_RATE = 3e-3


class FeatureDataset(Dataset):
    """Training samples that count, as features with their soft labels."""

    def __init__(self, features: torch.Tensor, soft_labels: torch.Tensor) -> None:
        counted = soft_labels.sum(dim=1) > 0
        self.features, self.soft_labels = features[counted], soft_labels[counted]

    def __len__(self) -> int:
        return len(self.features)

    def __getitems__(self, places: list[int]) -> list[dict[str, torch.Tensor]]:
        """A whole batch at once; the collator takes it as it is."""
        chosen = torch.tensor(places)
        return [{"features": self.features[chosen], "soft_labels": self.soft_labels[chosen]}]

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([place])[0]


def train_gradient_router(
    router: PreTrainedRouter, problem: Problem, *, cost_weight: float, arguments: RouterTrainingArguments
) -> float:
    """Train in place for one cost weight and load the best epoch's weights.

    Returns:
        The best Rank Score on validation, 0 to 100.
    """
    soft_labels = problem.soft_labels(cost_weight=cost_weight, unsolved=arguments.unsolved)
    dataset = FeatureDataset(problem.train_features, soft_labels)
    with tempfile.TemporaryDirectory(prefix="vlrouterbench-") as folder:
        trainer, keeper = _make_trainer(router, problem, (dataset, folder), arguments)
        trainer.train()
    router.load_state_dict(keeper.state, strict=False)
    router.cpu().eval()
    return keeper.score


def _make_trainer(
    router: PreTrainedRouter, problem: Problem, run: tuple[FeatureDataset, str], arguments: RouterTrainingArguments
) -> tuple[Trainer, Any]:
    with _without_datasets():
        from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback, TrainingArguments

    class BestEpoch(TrainerCallback):
        """Keeps the weights of the epoch with the best Rank Score on validation."""

        def __init__(self) -> None:
            self.score, self.state, self.waited = -1.0, {}, 0

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Score the epoch; stop when patience is spent."""
            router.eval()
            score = problem.validation_score(router.decide(problem.validation_features))
            router.train()
            self.waited += 1
            if score > self.score:
                kept = {name: p.detach().cpu().clone() for name, p in router.named_parameters()}
                self.score, self.state, self.waited = score, kept, 0
            control.should_training_stop = self.waited >= arguments.patience

    dataset, folder = run
    keeper = BestEpoch()
    options = TrainingArguments(
        output_dir=folder,
        num_train_epochs=arguments.num_epochs,
        per_device_train_batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate or DEFAULT_LEARNING_RATE,
        weight_decay=arguments.weight_decay,
        lr_scheduler_type="constant",
        seed=arguments.seed,
        data_seed=arguments.seed,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["soft_labels"],
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
    )
    if options.world_size > 1:
        options.per_device_train_batch_size = max(1, arguments.batch_size // options.world_size)
    trainer = Trainer(
        model=router, args=options, train_dataset=dataset, data_collator=lambda batch: batch[0], callbacks=[keeper]
    )
    for chatty in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(chatty)
    return trainer, keeper


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

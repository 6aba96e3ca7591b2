"""Batches of a train split past memory, as the `datasets` library streams them, each process from shards of its own.

Decisions
- Rows stay where they are: features in the file that they are mapped from. An epoch shuffles runs of RUN rows that
  follow one another, joins them to stretches of as many rows as may be in
  memory at once, and shuffles the rows of each stretch: rows of a
  benchmark stand by task group, so a stretch must be of all of it, and reading stays in runs.
- A stretch is cut into global batches, and each batch among the processes: one process takes the same steps as several
  that share its batch. A shard is what one process takes of one stretch; `split_dataset_by_node` deals them out.
- Rows that fill no global batch at an epoch's end are left out, other ones in every epoch: processes that took unequal
  numbers of steps would wait for each other forever.
- An epoch's order follows from seed and epoch alone, so that a resumed run takes it up. Nothing is loaded ahead by
  workers: a batch is a copy of mapped rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import IterableDataset

from vlrouterbench.training.samples import FeatureDataset

if TYPE_CHECKING:
    from transformers import TrainingArguments

RUN = 1024
"""Rows that are read together."""


class StreamedBatches(IterableDataset[dict[str, torch.Tensor]]):
    """The batches of one process, of one epoch after the other.

    Args:
        samples: what is learnt from.
        batch_size: of one process.
        rank, world_size: which process of how many.
        seed: of the order.
        most: rows of a stretch, at most, but for a first batch.

    Attributes:
        epoch: whose batches are given next.
    """

    def __init__(
        self, samples: FeatureDataset, batch_size: int, *, rank: int, world_size: int, seed: int, most: int
    ) -> None:
        self.samples, self.batch_size, self.seed, self.epoch = samples, batch_size, seed, 0
        self.rank, self.world_size, self.most = rank, world_size, most

    def __len__(self) -> int:
        """Batches of an epoch, of each process."""
        return len(self.samples) // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        from datasets import IterableDataset as Streamed
        from datasets.distributed import split_dataset_by_node

        shards = [(stretch, rank) for stretch in range(self._num_stretches) for rank in range(self.world_size)]
        reader = _Reader(self, self.epoch)
        streamed = Streamed.from_generator(reader, gen_kwargs={"shards": shards})
        yield from split_dataset_by_node(streamed, rank=self.rank, world_size=self.world_size)

    @property
    def _in_stretch(self) -> int:
        """Rows of a stretch: whole global batches."""
        size = self.batch_size * self.world_size
        return max(1, self.most // size) * size

    @property
    def _num_stretches(self) -> int:
        return -(-len(self) * self.batch_size * self.world_size // self._in_stretch)

    def order(self, epoch: int) -> np.ndarray:
        """Indices of the rows that an epoch takes, before stretches are shuffled, (num_taken,) int64."""
        count = len(self.samples)
        runs = np.random.default_rng([self.seed, epoch]).permutation(-(-count // RUN))
        rows = np.concatenate([np.arange(run * RUN, min((run + 1) * RUN, count)) for run in runs.tolist()])
        return rows[: len(self) * self.batch_size * self.world_size]

    def batches(self, order: np.ndarray, epoch: int, stretch: int, rank: int) -> Iterator[dict[str, torch.Tensor]]:
        """A process's batches of a stretch of an epoch's order."""
        own = order[stretch * self._in_stretch : (stretch + 1) * self._in_stretch]
        own = np.random.default_rng([self.seed, epoch, stretch]).permutation(own)
        for batch in own.reshape(-1, self.world_size, self.batch_size)[:, rank]:
            yield from self.samples.__getitems__(np.sort(batch).tolist())


def streamed_batches(samples: FeatureDataset, options: TrainingArguments, most: int) -> StreamedBatches | None:
    """The batches of this process, where there are more samples than may be in memory at once; else None."""
    size = options.per_device_train_batch_size * options.world_size
    if len(samples) <= most or len(samples) < size:
        return None
    return StreamedBatches(
        samples,
        options.per_device_train_batch_size,
        rank=options.process_index,
        world_size=options.world_size,
        seed=options.seed,
        most=most,
    )


class _Reader:
    """The generator that `datasets` calls with the shards of a process.

    It is pickled to name what it gives, and never sent anywhere: its pickle is a name alone.
    """

    def __init__(self, of: StreamedBatches, epoch: int) -> None:
        self.of, self.epoch = of, epoch

    def __call__(self, shards: list[tuple[int, int]]) -> Iterator[dict[str, torch.Tensor]]:
        order = self.of.order(self.epoch)
        for stretch, rank in shards:
            yield from self.of.batches(order, self.epoch, stretch, rank)

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (f"batches of epoch {self.epoch}",)

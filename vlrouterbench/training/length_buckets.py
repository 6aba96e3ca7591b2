"""The order in which samples with texts are taken: at random, with texts of like length in one batch.

Decisions
- Samples are shuffled, cut into stretches of many batches, sorted by length in each, cut into batches, and the batches
  are shuffled: little is padded, and no epoch is like another.
- The last batch is filled up with the epoch's first samples, as accelerate does for several processes: one process
  takes the same steps. A split of less than one batch is not filled up.
- An epoch's order follows from seed and epoch alone: processes agree on it, and a resumed run takes it up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

BATCHES_PER_STRETCH = 32


class LengthBuckets(Sampler[int]):
    """Indices of samples, batch after batch.

    Args:
        lengths: (num_samples,) of their texts.
        batch_size: global batch.
        seed: of the order.

    Attributes:
        epoch: whose order is given next.
    """

    def __init__(self, lengths: np.ndarray, batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = lengths, batch_size, seed, 0

    def __len__(self) -> int:
        count, size = len(self.lengths), self.batch_size
        return count if count < size else -(-count // size) * size

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order, size = rng.permutation(len(self.lengths)), self.batch_size
        batches = []
        for start in range(0, len(order), size * BATCHES_PER_STRETCH):
            stretch = order[start : start + size * BATCHES_PER_STRETCH]
            stretch = stretch[np.argsort(self.lengths[stretch], kind="stable")]
            batches += [stretch[cut : cut + size] for cut in range(0, len(stretch), size)]
        # A batch that is not full comes last, so that all others stay as they were cut.
        full = [batch for batch in batches if len(batch) == size]
        rest = [batch for batch in batches if len(batch) < size]
        indices = np.concatenate([full[index] for index in rng.permutation(len(full))] + rest)
        yield from indices.tolist()
        yield from indices[: len(self) - len(indices)].tolist()

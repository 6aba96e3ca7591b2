"""Training samples as torch's data loaders take them: a batch at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset


class FeatureDataset(Dataset[dict[str, torch.Tensor]]):
    """Training samples that count, as features with their targets; a row of NaN does not count."""

    def __init__(self, features: Any, targets: torch.Tensor) -> None:
        self.features, self.targets = features, targets
        self.counted = (~targets.isnan().all(dim=1)).nonzero().squeeze(1)

    def __len__(self) -> int:
        return len(self.counted)

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """A whole batch at once; the collator takes it as it is."""
        rows = self.counted[torch.tensor(indices)]
        return [{"features": self.features[rows], "targets": self.targets[rows]}]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])[0]


def first_of(batches: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The collator: it is given one complete batch. A named function, since it is pickled for worker processes."""
    return batches[0]

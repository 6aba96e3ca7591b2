"""Training samples as torch's data loaders take them: a batch at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import Dataset


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


def first_of(batches: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The collator: what is given is a batch already. By name, since worker processes are sent it."""
    return batches[0]

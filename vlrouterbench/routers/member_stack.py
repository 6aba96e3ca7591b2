"""The flagship's three members as one: neighbours, a kernel on landmarks, and effects of the dataset that is read off.

Decisions
- These three are what the log of experiments left over (FLAGSHIP.md): each adds something on some benchmark, and
  none needs gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from .members import DatasetMember, KernelMember, NeighborMember


@dataclass(frozen=True)
class StackSizes:
    """What members are built from.

    Attributes:
        dim: length of a feature vector.
        num_candidates: size of the pool that was trained on.
        num_datasets: datasets of the train split.
        neighbor_counts: numbers of neighbours that guess.
        num_landmarks: training samples that the kernel is made of.
        strengths: of the kernel's penalty.
    """

    dim: int
    num_candidates: int
    num_datasets: int
    neighbor_counts: list[int]
    num_landmarks: int
    strengths: list[float]

    @property
    def num_guesses(self) -> int:
        """Guesses that a stack of these sizes makes."""
        return len(self.neighbor_counts) + len(self.strengths) + 1


class MemberStack(nn.Module):
    """All members, fitted and asked together.

    Args:
        memory_size: remembered training samples.
        sizes: of the members.
    """

    def __init__(self, memory_size: int, sizes: StackSizes) -> None:
        super().__init__()
        self.neighbors = NeighborMember(memory_size, sizes.dim, sizes.num_candidates, sizes.neighbor_counts)
        landmarks = min(sizes.num_landmarks, memory_size)
        self.kernel = KernelMember(landmarks, sizes.dim, sizes.num_candidates, sizes.strengths)
        self.datasets = DatasetMember(sizes.dim, sizes.num_candidates, sizes.num_datasets)

    def fit(
        self, features: torch.Tensor, deviations: torch.Tensor, datasets: torch.Tensor, *, seed: int
    ) -> MemberStack:
        """Learn from features (num_samples, dim), deviations (num_samples, num_candidates) and datasets (num_samples,).

        Returns:
            Itself.
        """
        self.neighbors.fit(features, deviations)
        self.kernel.fit(features, deviations, seed=seed)
        self.datasets.fit(features, deviations, datasets)
        return self

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations from each candidate's mean quality, (num_samples, num_candidates, num_guesses)."""
        members = (self.neighbors, self.kernel, self.datasets)
        return torch.cat([member.guesses(features) for member in members], dim=2)

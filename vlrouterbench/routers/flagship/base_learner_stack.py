"""The flagship's members as one: a kernel on landmarks, and effects of the dataset that is read off the features.

Decisions
- These two are what a log of experiments left over: taking either away cost Rank Score, adding others gained none, and
  neither needs gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from vlrouterbench.routers.flagship.base_learners import DatasetMember, KernelMember


@dataclass(frozen=True)
class StackSizes:
    """What members are built from.

    Attributes:
        dim: length of a feature vector.
        num_candidates: size of the pool that was trained on.
        num_datasets: datasets of the train split; 0 leaves their effects out.
        num_landmarks: training samples that the kernel is made of.
        strengths: of the kernel's penalty; none leaves the kernel out.
    """

    dim: int
    num_candidates: int
    num_datasets: int
    num_landmarks: int
    strengths: list[float]

    @property
    def num_guesses(self) -> int:
        """Guesses that a stack of these sizes makes."""
        return len(self.strengths) + bool(self.num_datasets)


class MemberStack(nn.Module):
    """All members, fitted and asked together."""

    def __init__(self, sizes: StackSizes) -> None:
        super().__init__()
        self.kernel = KernelMember(sizes.num_landmarks, sizes.dim, sizes.num_candidates, sizes.strengths)
        self.datasets = None
        if sizes.num_datasets:
            self.datasets = DatasetMember(sizes.dim, sizes.num_candidates, sizes.num_datasets)

    def fit(
        self, features: torch.Tensor, deviations: torch.Tensor, datasets: torch.Tensor, *, seed: int
    ) -> MemberStack:
        """Learn from features (num_samples, dim), deviations (num_samples, num_candidates), datasets (num_samples,).

        Returns:
            Itself.
        """
        self.kernel.fit(features, deviations, seed=seed)
        if self.datasets is not None:
            self.datasets.fit(features, deviations, datasets)
        return self

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations from each candidate's mean quality, (num_samples, num_candidates, num_guesses)."""
        found = [self.kernel.guesses(features)]
        if self.datasets is not None:
            found.append(self.datasets.guesses(features))
        return torch.cat(found, dim=2)

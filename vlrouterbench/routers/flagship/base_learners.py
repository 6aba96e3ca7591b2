"""The simple estimators that the flagship router stacks: each guesses every candidate's quality from features.

Decisions
- A member is a module that is sized by its settings, fitted in one pass and asked for guesses; it is saved with the
  router.
- Guesses are deviations from each candidate's mean, so that a member that knows nothing says 0 and the stack can draw
  every guess towards the mean by one number.
- A member may make several guesses at once (several penalties); the stack weighs them apart.
- Unmeasured pairs count for nothing: a candidate that was never measured has guesses of 0.
"""

from __future__ import annotations

import torch
from torch import nn

from vlrouterbench.routers.base.clustering import group_sums, one_hot
from vlrouterbench.routers.base.neighbors import unit_rows
from vlrouterbench.routers.families.modeling_ridge_mf import reduced_rank_ridge

SHARPNESS = 3.0
"""Of the kernel, over the typical squared distance of two landmarks."""
EIGENVALUE_FLOOR = 1e-6
DATASET_STRENGTH = 0.03
DATASET_SHARPNESS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
DATASET_PRIOR = 20.0
"""Samples that "no effect" counts for in every dataset."""


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(*shape), requires_grad=False)


class KernelMember(nn.Module):
    """Deviations as smooth functions of the direction of the features: kernel ridge regression on landmarks.

    Source: Nystrom's method (Williams and Seeger, NIPS 2000) with a Gaussian kernel on rows at unit length.

    Args:
        num_landmarks: training samples that the functions are made of.
        dim: length of a feature vector.
        num_candidates: size of the pool.
        strengths: penalties on squared weights, as multiples of the number of samples, one guess each.
    """

    def __init__(self, num_landmarks: int, dim: int, num_candidates: int, strengths: list[float]) -> None:
        super().__init__()
        self.strengths = strengths
        self.landmarks = _zeros(num_landmarks, dim)
        self.sharpness = _zeros(1)
        self.offsets = _zeros(num_candidates, len(strengths))
        self.weights = _zeros(num_landmarks, num_candidates, len(strengths))

    @torch.no_grad()
    def fit(self, features: torch.Tensor, deviations: torch.Tensor, *, seed: int) -> None:
        """Solve for features (num_samples, dim) and deviations (num_samples, num_candidates), NaN = not measured."""
        order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
        # A fold may be smaller than its landmarks are many: the rest count for nothing.
        landmarks = unit_rows(features[order[: len(self.landmarks)]])
        gaps = squared_gaps(landmarks, landmarks)
        typical = gaps[gaps > 0].median() if (gaps > 0).any() else gaps.new_ones(())
        used = len(landmarks)
        self.landmarks[:used] = landmarks
        self.sharpness.fill_(SHARPNESS / float(typical))
        values, vectors = torch.linalg.eigh(self._kernel(landmarks)[:, :used].double())
        kept = values > EIGENVALUE_FLOOR * values[-1]
        root = vectors[:, kept] / values[kept].sqrt()
        rows = self._kernel(unit_rows(features))[:, :used].double() @ root
        means = rows.mean(dim=0)
        rows = rows - means
        identity = torch.eye(rows.shape[1], dtype=rows.dtype)
        masks, group_of = (~deviations.isnan()).unique(dim=1, return_inverse=True)
        for place, mask in enumerate(masks.T):
            columns, known = (group_of == place).nonzero().flatten(), rows[mask]
            gram, toward = known.T @ known, known.T @ deviations[mask][:, columns].double()
            for number, strength in enumerate(self.strengths):
                solved = torch.linalg.solve(gram + strength * len(rows) * identity, toward)
                self.weights[:used, columns, number] = (root @ solved).float()
                self.offsets[columns, number] = (-means @ solved).float()

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations, (num_samples, num_candidates, len(strengths))."""
        return torch.einsum("nl,lcs->ncs", self._kernel(unit_rows(features)), self.weights) + self.offsets

    def _kernel(self, rows: torch.Tensor) -> torch.Tensor:
        """Closeness of unit rows to the landmarks, (num_samples, num_landmarks)."""
        return torch.exp(-self.sharpness * squared_gaps(rows, self.landmarks))


class DatasetMember(nn.Module):
    """Mean deviations per dataset, by how likely a sample is to be of each: the dataset is read off the features.

    Args:
        dim: length of a feature vector.
        num_candidates: size of the pool.
        num_datasets: datasets of the train split.
    """

    def __init__(self, dim: int, num_candidates: int, num_datasets: int) -> None:
        super().__init__()
        self.weights = _zeros(dim, num_datasets)
        self.offsets = _zeros(num_datasets)
        self.sharpness = _zeros(1)
        self.effects = _zeros(num_datasets, num_candidates)

    @torch.no_grad()
    def fit(self, features: torch.Tensor, deviations: torch.Tensor, datasets: torch.Tensor) -> None:
        """Learn from features (num_samples, dim), deviations (num_samples, num_candidates), datasets (num_samples,)."""
        rows, members = features.double(), one_hot(datasets, len(self.effects)).double()
        means, shares = rows.mean(dim=0), members.mean(dim=0)
        rows = rows - means
        gram = rows.T @ rows + DATASET_STRENGTH * len(rows) * torch.eye(rows.shape[1], dtype=rows.dtype)
        weights = torch.linalg.solve(gram, rows.T @ (members - shares))
        said = rows @ weights + shares
        losses = [nn.functional.cross_entropy(times * said, datasets) for times in DATASET_SHARPNESS]
        self.sharpness.fill_(DATASET_SHARPNESS[int(torch.stack(losses).argmin())])
        self.weights.copy_(weights)
        self.offsets.copy_(shares - means @ weights)
        sums, counts = group_sums(deviations.double(), members)
        self.effects.copy_(sums / (counts + DATASET_PRIOR))

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations, (num_samples, num_candidates, 1)."""
        chances = torch.softmax(self.sharpness * (features @ self.weights + self.offsets), dim=1)
        return (chances @ self.effects).unsqueeze(2)


class LinearMember(nn.Module):
    """Deviations as linear functions of the features.

    Args:
        dim: length of a feature vector.
        num_targets: deviations that are guessed.
        strength: penalty on squared weights, as a multiple of the number of samples.
    """

    def __init__(self, dim: int, num_targets: int, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.means = _zeros(dim)
        self.weights = _zeros(dim, num_targets)

    @torch.no_grad()
    def fit(self, features: torch.Tensor, deviations: torch.Tensor) -> None:
        """Solve for features (num_samples, dim) and deviations (num_samples, num_targets), NaN = not measured."""
        rows = features.double()
        means = rows.mean(dim=0)
        penalty = self.strength * len(rows)
        directions, loadings = reduced_rank_ridge(rows - means, deviations.double(), penalty=penalty)
        self.means.copy_(means)
        self.weights.copy_(directions @ loadings)

    def guesses(self, features: torch.Tensor) -> torch.Tensor:
        """Deviations, (num_samples, num_targets)."""
        return (features - self.means) @ self.weights


def squared_gaps(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Squared distances of unit rows, (num_rows, num_others)."""
    return (2 - 2 * rows @ others.T).clamp(min=0)

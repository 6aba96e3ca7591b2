"""The flagship's base learners.

Source: kernel ridge regression by Nystrom's method (Williams and Seeger, NIPS 2000).

Decisions
- A base learner is a module that is sized by its settings, fitted without gradients and saved with the router. The
  kernel and the dataset effects are what a log of experiments left over: taking either away cost Rank Score, adding
  others gained none.
- Predictions are residuals from each candidate's mean quality, so that a learner that knows nothing predicts 0 and the
  stack can shrink every prediction towards the mean by one number. A pair that was not measured counts for nothing: a
  candidate that was never measured is predicted 0.
- The kernel is fitted on a sample that fits in memory. Dataset effects and linear functions follow from sums over all
  rows, which are read in blocks, once per pass: of at most one block the sums are those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from vlrouterbench.routers.base.clustering import group_sums, one_hot
from vlrouterbench.routers.base.learning import Blocks, mean_of_blocks
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.base.neighbors import unit_rows
from vlrouterbench.routers.families.modeling_ridge_mf import ridge_of_blocks

SHARPNESS = 3.0
"""Of the kernel, over the typical squared distance of two landmarks."""
EIGENVALUE_FLOOR = 1e-6
LINEAR_STRENGTH = 0.1
"""Penalty of the linear functions that predict cost and tokens."""
LEAST_RELATIVE = 0.05
"""Of its mean: no candidate is expected to cost, or to write, less than this on any sample."""
DATASET_STRENGTH = 0.03
DATASET_SHARPNESS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
DATASET_PRIOR = 20.0
"""Samples that "no effect" counts for in every dataset."""


class KernelLearner(nn.Module):
    """Residuals as smooth functions of the direction of the features: kernel ridge regression on landmarks.

    Args:
        num_landmarks: training samples that the functions are made of.
        dim: length of a feature vector.
        num_candidates: size of the pool.
        strengths: penalties on squared weights, as multiples of the number of samples, one prediction each.
    """

    def __init__(self, num_landmarks: int, dim: int, num_candidates: int, strengths: list[float]) -> None:
        super().__init__()
        self.strengths = strengths
        self.landmarks = frozen(num_landmarks, dim)
        self.sharpness = frozen(1)
        self.offsets = frozen(num_candidates, len(strengths))
        self.weights = frozen(num_landmarks, num_candidates, len(strengths))

    @torch.no_grad()
    def fit(self, features: torch.Tensor, residuals: torch.Tensor, *, seed: int) -> None:
        """Solve for features (num_samples, dim) and residuals (num_samples, num_candidates), NaN = not measured."""
        order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))
        # A fold may have fewer samples than there are landmarks: the rest count for nothing.
        landmarks = unit_rows(features[order[: len(self.landmarks)]])
        distances = squared_distances(landmarks, landmarks)
        typical = distances[distances > 0].median() if (distances > 0).any() else distances.new_ones(())
        used = len(landmarks)
        self.landmarks[:used] = landmarks
        self.sharpness.fill_(SHARPNESS / float(typical))
        values, vectors = torch.linalg.eigh(self._kernel(landmarks)[:, :used].double())
        kept = values > EIGENVALUE_FLOOR * values[-1]
        root = vectors[:, kept] / values[kept].sqrt()
        rows = self._kernel(unit_rows(features))[:, :used].double() @ root
        means = rows.mean(dim=0)
        rows -= means
        identity = torch.eye(rows.shape[1], dtype=rows.dtype)
        masks, group_of = (~residuals.isnan()).unique(dim=1, return_inverse=True)
        for group, mask in enumerate(masks.T):
            columns, measured = (group_of == group).nonzero().flatten(), rows if mask.all() else rows[mask]
            gram, target = measured.T @ measured, measured.T @ residuals[mask][:, columns].double()
            for number, strength in enumerate(self.strengths):
                solution = torch.linalg.solve(gram + strength * len(rows) * identity, target)
                self.weights[:used, columns, number] = (root @ solution).float()
                self.offsets[columns, number] = (-means @ solution).float()

    def predict(self, features: torch.Tensor) -> torch.Tensor:
        """Residuals, (num_samples, num_candidates, len(strengths))."""
        return torch.einsum("nl,lcs->ncs", self._kernel(unit_rows(features)), self.weights) + self.offsets

    def _kernel(self, rows: torch.Tensor) -> torch.Tensor:
        """Closeness of unit rows to the landmarks, (num_samples, num_landmarks)."""
        return torch.exp(-self.sharpness * squared_distances(rows, self.landmarks))


class DatasetLearner(nn.Module):
    """Mean residuals per dataset, by how likely a sample is to be of each: the dataset is read off the features.

    Args:
        dim: length of a feature vector.
        num_candidates: size of the pool.
        num_datasets: datasets of the train split.
    """

    def __init__(self, dim: int, num_candidates: int, num_datasets: int) -> None:
        super().__init__()
        self.weights = frozen(dim, num_datasets)
        self.offsets = frozen(num_datasets)
        self.sharpness = frozen(1)
        self.effects = frozen(num_datasets, num_candidates)

    @torch.no_grad()
    def fit(self, blocks: Blocks) -> None:
        """Learn from blocks of features (num_rows, dim), residuals (num_rows, num_candidates), datasets (num_rows,)."""
        num_datasets = len(self.effects)
        means = mean_of_blocks(rows.double() for rows, _, _ in blocks())
        shares = mean_of_blocks(one_hot(datasets, num_datasets).double() for _, _, datasets in blocks())
        count, totals = 0, [torch.zeros(1, dtype=torch.float64)] * 4
        for features, residuals, datasets in blocks():
            rows, membership = features.double() - means, one_hot(datasets, num_datasets).double()
            sums = (rows.T @ rows, rows.T @ (membership - shares), *group_sums(residuals.double(), membership))
            totals = [total + own for total, own in zip(totals, sums, strict=True)]
            count += len(rows)
        gram, toward, effect_sums, counts = totals
        weights = torch.linalg.solve(gram + DATASET_STRENGTH * count * torch.eye(len(gram), dtype=gram.dtype), toward)
        losses = torch.zeros(len(DATASET_SHARPNESS), dtype=torch.float64)
        for features, _, datasets in blocks():
            scores = (features.double() - means) @ weights + shares
            of_block = [nn.functional.cross_entropy(sharpness * scores, datasets) for sharpness in DATASET_SHARPNESS]
            losses += torch.stack(of_block) * (len(features) / count)
        self.sharpness.fill_(DATASET_SHARPNESS[int(losses.argmin())])
        self.weights.copy_(weights)
        self.offsets.copy_(shares - means @ weights)
        self.effects.copy_(effect_sums / (counts + DATASET_PRIOR))

    def predict(self, features: torch.Tensor) -> torch.Tensor:
        """Residuals, (num_samples, num_candidates, 1)."""
        probabilities = torch.softmax(self.sharpness * (features @ self.weights + self.offsets), dim=1)
        return (probabilities @ self.effects).unsqueeze(2)


class LinearLearner(nn.Module):
    """Residuals as linear functions of the features.

    Args:
        dim: length of a feature vector.
        num_targets: residuals that are predicted.
        strength: penalty on squared weights, as a multiple of the number of samples.
    """

    def __init__(self, dim: int, num_targets: int, strength: float = LINEAR_STRENGTH) -> None:
        super().__init__()
        self.strength = strength
        self.means = frozen(dim)
        self.weights = frozen(dim, num_targets)

    @torch.no_grad()
    def fit(self, blocks: Blocks) -> None:
        """Solve for blocks of features (num_rows, dim) and residuals (num_rows, num_targets), NaN = not measured."""
        means = mean_of_blocks(rows.double() for rows, _ in blocks())
        count = sum(len(rows) for rows, _ in blocks())

        def centred() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            return ((rows.double() - means, residuals.double()) for rows, residuals in blocks())

        directions, loadings = ridge_of_blocks(centred, penalty=self.strength * count)
        self.means.copy_(means)
        self.weights.copy_(directions @ loadings)

    def predict(self, features: torch.Tensor) -> torch.Tensor:
        """Residuals, (num_samples, num_targets)."""
        return (features - self.means) @ self.weights


@dataclass(frozen=True)
class StackSizes:
    """What the base learners are built from.

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
    def num_predictions(self) -> int:
        """Predictions that base learners of these sizes make of every candidate."""
        return len(self.strengths) + bool(self.num_datasets)


class BaseLearners(nn.Module):
    """The base learners of quality, fitted and applied together."""

    def __init__(self, sizes: StackSizes) -> None:
        super().__init__()
        self.kernel = KernelLearner(sizes.num_landmarks, sizes.dim, sizes.num_candidates, sizes.strengths)
        self.datasets = None
        if sizes.num_datasets:
            self.datasets = DatasetLearner(sizes.dim, sizes.num_candidates, sizes.num_datasets)

    def fit(self, sample: tuple[torch.Tensor, torch.Tensor], blocks: Blocks, *, seed: int) -> None:
        """Learn the kernel from features and residuals of a sample, dataset effects from blocks of all."""
        self.kernel.fit(*sample, seed=seed)
        if self.datasets is not None:
            self.datasets.fit(blocks)

    def predict(self, features: torch.Tensor) -> torch.Tensor:
        """Residuals from each candidate's mean quality, (num_samples, num_candidates, num_predictions)."""
        predictions = [self.kernel.predict(features)]
        if self.datasets is not None:
            predictions.append(self.datasets.predict(features))
        return torch.cat(predictions, dim=2)


def squared_distances(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Squared distances of unit rows, (num_rows, num_others)."""
    return (2 - 2 * rows @ others.T).clamp(min=0)

"""The flagship's base learners, how their predictions are stacked, and how the stack is calibrated.

Sources: kernel ridge regression by Nystrom's method (Williams and Seeger, NIPS 2000); stacking on out-of-fold
predictions (Wolpert, Neural Networks 5(2), 1992); Platt scaling.

Decisions
- A base learner is a module that is sized by its settings, fitted in one pass and saved with the router. The kernel and
  the dataset effects are what a log of experiments left over: taking either away cost Rank Score, adding others gained
  none, and neither needs gradients.
- Predictions are residuals from each candidate's mean quality, so that a learner that knows nothing predicts 0 and the
  stack can shrink every prediction towards the mean by one number. A pair that was not measured counts for nothing: a
  candidate that was never measured is predicted 0.
- What all candidates share (is the sample hard?) and what sets them apart have stacking weights of their own: decisions
  follow the second alone, and a squared error over both would be ruled by the first.
- Stacking weights are at least 0 and may sum to less than 1: where predictions are mostly noise, that shrinks them to
  0. They are drawn towards the plain average as strongly as the samples draw them elsewhere: predictions are much
  alike, and which of them was best by a hair is chance.
- Folds keep groups whole, since near-duplicates would reveal the answer to a learner.
- Slope and offset of the calibration are drawn towards 1 and 0 as by a Gaussian prior: a candidate with few measured
  pairs keeps the stack's estimates, and with thousands of samples the prior has no weight. Graded quality is a target
  like 0/1: the fit is of means.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from vlrouterbench.routers.base.clustering import group_sums, one_hot
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.base.neighbors import unit_rows
from vlrouterbench.routers.families.modeling_ridge_mf import reduced_rank_ridge

SHARPNESS = 3.0
"""Of the kernel, over the typical squared distance of two landmarks."""
EIGENVALUE_FLOOR = 1e-6
DATASET_STRENGTH = 0.03
DATASET_SHARPNESS = (1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0)
DATASET_PRIOR = 20.0
"""Samples that "no effect" counts for in every dataset."""
NUM_FOLDS = 5
SWEEPS = 500
"""Over the stacking weights, by coordinate descent."""
EDGE = 0.005
"""Probabilities are kept this far from 0 and 1."""
CALIBRATION_PRIOR = 20.0
NEWTON_STEPS = 30


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
        rows = rows - means
        identity = torch.eye(rows.shape[1], dtype=rows.dtype)
        masks, group_of = (~residuals.isnan()).unique(dim=1, return_inverse=True)
        for group, mask in enumerate(masks.T):
            columns, measured = (group_of == group).nonzero().flatten(), rows[mask]
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
    def fit(self, features: torch.Tensor, residuals: torch.Tensor, datasets: torch.Tensor) -> None:
        """Learn from features (num_samples, dim), residuals (num_samples, num_candidates), datasets (num_samples,)."""
        rows, membership = features.double(), one_hot(datasets, len(self.effects)).double()
        means, shares = rows.mean(dim=0), membership.mean(dim=0)
        rows = rows - means
        gram = rows.T @ rows + DATASET_STRENGTH * len(rows) * torch.eye(rows.shape[1], dtype=rows.dtype)
        weights = torch.linalg.solve(gram, rows.T @ (membership - shares))
        scores = rows @ weights + shares
        losses = [nn.functional.cross_entropy(sharpness * scores, datasets) for sharpness in DATASET_SHARPNESS]
        self.sharpness.fill_(DATASET_SHARPNESS[int(torch.stack(losses).argmin())])
        self.weights.copy_(weights)
        self.offsets.copy_(shares - means @ weights)
        sums, counts = group_sums(residuals.double(), membership)
        self.effects.copy_(sums / (counts + DATASET_PRIOR))

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

    def __init__(self, dim: int, num_targets: int, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.means = frozen(dim)
        self.weights = frozen(dim, num_targets)

    @torch.no_grad()
    def fit(self, features: torch.Tensor, residuals: torch.Tensor) -> None:
        """Solve for features (num_samples, dim) and residuals (num_samples, num_targets), NaN = not measured."""
        rows = features.double()
        means = rows.mean(dim=0)
        penalty = self.strength * len(rows)
        directions, loadings = reduced_rank_ridge(rows - means, residuals.double(), penalty=penalty)
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

    def fit(self, features: torch.Tensor, residuals: torch.Tensor, datasets: torch.Tensor, *, seed: int) -> None:
        """Learn from features (num_samples, dim), residuals (num_samples, num_candidates), datasets (num_samples,)."""
        self.kernel.fit(features, residuals, seed=seed)
        if self.datasets is not None:
            self.datasets.fit(features, residuals, datasets)

    def predict(self, features: torch.Tensor) -> torch.Tensor:
        """Residuals from each candidate's mean quality, (num_samples, num_candidates, num_predictions)."""
        predictions = [self.kernel.predict(features)]
        if self.datasets is not None:
            predictions.append(self.datasets.predict(features))
        return torch.cat(predictions, dim=2)


def fold_of(groups: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Fold of each sample, (num_samples,) int64 in 0..NUM_FOLDS - 1: groups are drawn, and of about equal number.

    Args:
        groups: (num_samples,) int64, number of each sample's group.
        seed: of the draw.
    """
    _, numbers = groups.unique(return_inverse=True)
    order = torch.randperm(int(numbers.max()) + 1, generator=torch.Generator().manual_seed(seed))
    return (order % NUM_FOLDS)[numbers]


def parts(predictions: torch.Tensor) -> torch.Tensor:
    """What candidates share and what sets them apart, (num_samples, num_candidates, 2 * num_predictions)."""
    shared = predictions.mean(dim=1, keepdim=True)
    return torch.cat([shared.expand_as(predictions), predictions - shared], dim=2)


def stack_weights(predictions: torch.Tensor, residuals: torch.Tensor) -> torch.Tensor:
    """Weights >= 0 of the parts with the least squared error, (2 * num_predictions,) float64.

    Args:
        predictions: (num_samples, num_candidates, num_predictions), made without each sample's own fold.
        residuals: (num_samples, num_candidates), NaN = not measured.
    """
    measured = ~residuals.isnan()
    design, target = parts(predictions)[measured].double(), residuals[measured].double()
    gram, toward = design.T @ design, design.T @ target
    own = gram.diagonal().clamp(min=1e-12)
    average = torch.full_like(own, 1 / predictions.shape[2])
    gram, toward = gram + torch.diag(own), toward + own * average
    weights = average.clone()
    for _ in range(SWEEPS):
        for part in range(len(weights)):
            step = (toward[part] - gram[part] @ weights) / gram[part, part]
            weights[part] = (weights[part] + step).clamp(min=0)
    return weights


def stacked(predictions: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Residuals (num_samples, num_candidates) that weighted predictions amount to."""
    return parts(predictions) @ weights.to(predictions)


def log_odds(accuracy: torch.Tensor) -> torch.Tensor:
    """Of probabilities of any shape, kept off 0 and 1."""
    return torch.logit(accuracy.clamp(EDGE, 1 - EDGE))


def calibrated(accuracy: torch.Tensor, curve: torch.Tensor) -> torch.Tensor:
    """Probabilities (num_samples, num_candidates) by slopes and offsets `curve` (2, num_candidates)."""
    return torch.sigmoid(log_odds(accuracy) * curve[0] + curve[1])


def calibration_curve(accuracy: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Slopes and offsets of the log odds, (2, num_candidates) float64, by Newton's method.

    Args:
        accuracy: (num_samples, num_candidates), estimated out of fold.
        quality: the same shape, in [0, 1], NaN = not measured.
    """
    measured = (~quality.isnan()).double()
    odds, target = log_odds(accuracy.double()), quality.double().nan_to_num(0.0)
    identity = torch.tensor([1.0, 0.0], dtype=torch.float64)
    curve = identity.repeat(accuracy.shape[1], 1)
    inputs = torch.stack([odds, torch.ones_like(odds)], dim=2)
    for _ in range(NEWTON_STEPS):
        probability = torch.sigmoid((inputs * curve).sum(dim=2))
        error = ((probability - target) * measured).unsqueeze(2)
        gradient = (inputs * error).sum(dim=0) + CALIBRATION_PRIOR * (curve - identity)
        weight = (probability * (1 - probability) * measured).unsqueeze(2)
        hessian = torch.einsum("nci,ncj->cij", inputs * weight, inputs) + CALIBRATION_PRIOR * torch.eye(2).double()
        curve = curve - torch.linalg.solve(hessian, gradient)
    return curve.T


def squared_distances(rows: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Squared distances of unit rows, (num_rows, num_others)."""
    return (2 - 2 * rows @ others.T).clamp(min=0)

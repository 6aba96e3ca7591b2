"""How the flagship stacks the predictions of its base learners, and how it calibrates the stack.

Sources: stacking on out-of-fold predictions (Wolpert, Neural Networks 5(2), 1992); Platt scaling.

Decisions
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

import torch

NUM_FOLDS = 5
SWEEPS = 500
"""Over the stacking weights, by coordinate descent."""
EDGE = 0.005
"""Probabilities are kept this far from 0 and 1."""
CALIBRATION_PRIOR = 20.0
NEWTON_STEPS = 30


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

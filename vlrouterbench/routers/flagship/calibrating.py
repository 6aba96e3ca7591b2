"""Making probabilities true: per candidate a slope and an offset of the log odds, learnt on out-of-fold estimates.

Source: Platt scaling, with a prior: a candidate of few measured pairs keeps what the stack says.

Decisions
- Slope and offset are drawn towards 1 and 0 as by a Gaussian prior; with thousands of samples it has no weight.
- Graded quality is a target like 0/1: the fit is of means.
"""

from __future__ import annotations

import torch

EDGE = 0.005
"""Probabilities are kept this far from 0 and 1."""
PRIOR = 20.0
STEPS = 30


def log_odds(accuracy: torch.Tensor) -> torch.Tensor:
    """Of probabilities of any shape, kept off 0 and 1."""
    return torch.logit(accuracy.clamp(EDGE, 1 - EDGE))


def calibrated(accuracy: torch.Tensor, curve: torch.Tensor) -> torch.Tensor:
    """Probabilities (num_samples, num_candidates) by slopes and offsets `curve` (2, num_candidates)."""
    return torch.sigmoid(log_odds(accuracy) * curve[0] + curve[1])


def calibration_curve(accuracy: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """Slopes and offsets, (2, num_candidates) float64, by Newton's steps.

    Args:
        accuracy: (num_samples, num_candidates), estimated out of fold.
        quality: the same shape, in [0, 1], NaN = not measured.
    """
    known = (~quality.isnan()).double()
    odds, target = log_odds(accuracy.double()), quality.double().nan_to_num(0.0)
    rest = torch.tensor([1.0, 0.0], dtype=torch.float64)
    curve = rest.repeat(accuracy.shape[1], 1)
    inputs = torch.stack([odds, torch.ones_like(odds)], dim=2)
    for _ in range(STEPS):
        found = torch.sigmoid((inputs * curve).sum(dim=2))
        slope = (inputs * ((found - target) * known).unsqueeze(2)).sum(dim=0) + PRIOR * (curve - rest)
        weight = (found * (1 - found) * known).unsqueeze(2)
        bend = torch.einsum("nci,ncj->cij", inputs * weight, inputs) + PRIOR * torch.eye(2, dtype=torch.float64)
        curve = curve - torch.linalg.solve(bend, slope)
    return curve.T

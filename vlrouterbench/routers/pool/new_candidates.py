"""What a few outcomes say of a candidate that was not there in training: its mean, and whom it follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

PRIOR_ANCHORS = 100.0
"""Anchor samples that the prior counts for."""
HIGHEST_PRICE = 1_000_000
"""USD per million tokens, so a dollar a token: no price is higher."""
LOWEST_PRICE = 0.001
"""USD per million tokens; what is lower, and not 0, is likely in another unit (LOWEST of `data/prices/units.py`)."""
OUTCOMES = ("quality", "input_tokens", "output_tokens")


def new_candidate(residuals: torch.Tensor, quality: torch.Tensor) -> tuple[float, torch.Tensor, float]:
    """How a new candidate follows the trained candidates.

    Ridge regression towards "as all of them together": with few anchor samples a new candidate is taken for their
    average, moved to its own mean.

    Args:
        residuals: (num_anchors, num_trained) float64, expected accuracy less mean quality of the trained candidates.
        quality: (num_anchors,) float64, in [0, 1].

    Returns:
        Its mean quality over the train split, its loadings (num_trained,), and the standard error of the mean.
    """
    center = residuals.mean(dim=0)
    rows, count = residuals - center, residuals.shape[1]
    alike = torch.full((count,), 1 / count, dtype=residuals.dtype)
    # What one direction of the residuals weighs on average, times so many samples.
    penalty = PRIOR_ANCHORS * float(rows.square().mean().clamp(min=1e-12))
    gram = rows.T @ rows + penalty * torch.eye(count, dtype=rows.dtype)
    loadings = torch.linalg.solve(gram, rows.T @ (quality - quality.mean()) + penalty * alike)
    unexplained = quality - quality.mean() - rows @ loadings
    # Half an outcome's variance stands in where all anchor samples ended alike.
    spread = max(float(unexplained.square().mean()), 0.25 / (len(quality) + 1))
    return float(quality.mean() - center @ loadings), loadings, math.sqrt(spread / len(quality))


def checked_price(name: str, price: Any, *, allow_unlikely: bool = False) -> tuple[float, float]:
    """Prices of a candidate, (input, output) in USD per million tokens.

    Raises:
        ValueError: one is lacking, no number, negative, above HIGHEST_PRICE, or (unless that is allowed) above 0 and
            below LOWEST_PRICE.
    """
    given = price if isinstance(price, list | tuple) else ()
    sides = [float(side) for side in given if isinstance(side, int | float) and not isinstance(side, bool)]
    if len(sides) != 2 or len(given) != 2 or not all(0 <= side <= HIGHEST_PRICE for side in sides):
        raise ValueError(
            f"{name}: expected an input and an output price >= 0 and at most {HIGHEST_PRICE:,}, in USD per million "
            f"tokens, found {price!r}."
        )
    low = [side for side in sides if 0 < side < LOWEST_PRICE]
    if low and not allow_unlikely:
        raise ValueError(
            f"{name}: expected USD per million tokens, 0 or at least {LOWEST_PRICE:g}, found {low[0]:g}: likely USD "
            "per token or per thousand tokens. If it is meant, allow it: allow_unlikely=True."
        )
    return sides[0], sides[1]


def checked_outcomes(name: str, outcomes: Mapping[str, torch.Tensor], count: int) -> list[torch.Tensor]:
    """Quality, input tokens and output tokens of a candidate on anchor samples, each (count,).

    Raises:
        ValueError: one is lacking, has another shape, was never measured, or quality lies outside [0, 1].
    """
    checked = []
    for kind in OUTCOMES:
        values = outcomes.get(kind)
        if values is None or tuple(values.shape) != (count,) or bool(values.isnan().all()):
            actual = "nothing" if values is None else f"shape {tuple(values.shape)}"
            raise ValueError(f"{name}: expected measured {kind} of {count} anchor samples, found {actual} or only NaN.")
        checked.append(values)
    measured = checked[0][~checked[0].isnan()]
    if float(measured.min()) < 0 or float(measured.max()) > 1:
        raise ValueError(
            f"{name}: expected quality in [0, 1], found {float(measured.min())} to {float(measured.max())}."
        )
    return checked

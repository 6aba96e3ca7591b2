"""How far a measured cost may lie from the expected one, and what new prices make of a cost."""

from __future__ import annotations

from collections.abc import Sequence

import torch

LEVELS = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Quantiles that are kept of each candidate's measured over expected costs; 1 is the largest."""
Price = Sequence[float]
"""Input and output price, USD per million tokens."""


def cost_ratios(measured: torch.Tensor, expected: torch.Tensor) -> list[list[float]]:
    """Quantiles of measured over expected costs, a row of `LEVELS` per candidate; 1 where nothing was measured.

    Args:
        measured: (num_samples, num_candidates), USD per sample, NaN = not measured.
        expected: of the same shape; out of fold, so that they lie as far off as on new samples.
    """
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    ratios = measured.double() / expected.double()
    ratios[~ratios.isfinite()] = torch.nan
    return torch.nanquantile(ratios, levels, dim=0, interpolation="higher").nan_to_num(1.0).T.tolist()


def level_of(quantile: float) -> int:
    """Position in `LEVELS` of the smallest level from a quantile on.

    Raises:
        ValueError: it is not from 0 to 1.
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"expected a quantile from 0 to 1, found {quantile}.")
    return next(index for index, level in enumerate(LEVELS) if level >= quantile)


def price_ratio(tokens: torch.Tensor, now: Sequence[Price | None], before: Sequence[Price | None]) -> torch.Tensor:
    """What tokens cost now over what they cost before, (num_samples, num_candidates); 1 where a price is not known.

    Args:
        tokens: input and output tokens, (num_samples, 2, num_candidates).
        now: prices of each candidate.
        before: of each candidate, when its costs were measured.
    """
    ratio = torch.ones(len(tokens), len(now), dtype=tokens.dtype, device=tokens.device)
    for index, (new, old) in enumerate(zip(now, before, strict=True)):
        if new is not None and old is not None and new != old:
            new_cost, old_cost = (tokens[:, 0, index] * p[0] + tokens[:, 1, index] * p[1] for p in (new, old))
            ratio[:, index] = torch.where(old_cost > 0, new_cost / old_cost, 1.0)
    return ratio

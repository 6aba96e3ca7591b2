"""Quantiles of costs over expected costs and of the time that answers take, and what new prices make of a cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import torch

from vlrouterbench.routers.base.decision import BudgetError

LEVELS = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
"""Quantiles that are kept of each candidate: of measured over expected costs, and of seconds; 1 is the largest."""
TIME_QUANTILE = 0.95
"""Of a candidate's answers to training samples that must have been there in time."""
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


def time_quantiles(latency: torch.Tensor) -> list[list[float] | None]:
    """A row of `LEVELS` per candidate of seconds (num_samples, num_candidates), NaN = not timed; None without any."""
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    rows = torch.nanquantile(latency.double(), levels, dim=0, interpolation="higher").T
    return [None if row.isnan().any() else row.tolist() for row in rows]


def quick_enough(names: Sequence[str], times: Mapping[str, float], max_latency_s: float) -> list[str]:
    """Those of some candidates that answer in time.

    Args:
        names: of the candidates.
        times: candidate -> seconds that it takes at most, where that is known.
        max_latency_s: the most that it may take.

    Raises:
        BudgetError: no number of seconds, none that is quick enough, or none that was timed.
    """
    if not isinstance(max_latency_s, Real) or not 0 <= max_latency_s < math.inf:
        raise BudgetError(f"max_latency_s: expected a number of seconds from 0 on, found {max_latency_s!r}.")
    known = {name: times[name] for name in names if name in times}
    if not known:
        raise BudgetError(
            "max_latency_s: how long the candidates take is not known. Train on outcomes with latency_s, or leave it "
            "out."
        )
    quick = [name for name, seconds in known.items() if seconds <= max_latency_s]
    if not quick:
        best = min(known, key=lambda name: known[name])
        raise BudgetError(
            f"max_latency_s: no candidate gave {100 * TIME_QUANTILE:.0f} % of its answers in {max_latency_s:g} s; the "
            f"quickest, {best}, took {known[best]:.3g} s. Allow more time, or other candidates."
        )
    return quick


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

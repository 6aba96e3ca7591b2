"""What answers cost: from tokens and prices, and between which bounds costs lie.

Decisions
- Prices stand apart from tokens: a cost matrix follows from both at any time.
- Cost bounds are the smallest and largest mean cost over candidates, over all splits, zero costs left out of each mean
  (benchmark's section 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.candidates import CandidatePool

TOKENS_PER_PRICE = 1_000_000


class CostBoundsRecord(TypedDict):
    """Smallest and largest mean cost over candidates, USD per sample, with the candidates they come from."""

    cmin: float
    cmax: float
    cmin_candidate: str
    cmax_candidate: str


@dataclass(frozen=True)
class CostBounds:
    """Smallest and largest mean cost over candidates, USD per sample, with the candidates they come from."""

    cmin: float
    cmax: float
    cmin_candidate: str
    cmax_candidate: str

    @property
    def pair(self) -> tuple[float, float]:
        """(cmin, cmax)."""
        return self.cmin, self.cmax

    def as_record(self) -> CostBoundsRecord:
        """As they stand in `build_report.json`."""
        return {
            "cmin": self.cmin,
            "cmax": self.cmax,
            "cmin_candidate": self.cmin_candidate,
            "cmax_candidate": self.cmax_candidate,
        }


def token_cost(tokens_in: np.ndarray, tokens_out: np.ndarray, *, prices: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """USD per sample: input tokens times input price plus output tokens times output price, per million.

    Args:
        tokens_in: counts of input tokens; NaN (not measured) stays NaN.
        tokens_out: counts of output tokens, of a shape that broadcasts with `tokens_in`.
        prices: (input, output) in USD per million tokens.
    """
    return (np.asarray(tokens_in, float) * prices[0] + np.asarray(tokens_out, float) * prices[1]) / TOKENS_PER_PRICE


def pool_cost(tokens_in: np.ndarray, tokens_out: np.ndarray, pool: CandidatePool) -> np.ndarray:
    """USD per sample at the prices of a pool, per token and per request, of the shape of the counts."""
    return token_cost(tokens_in, tokens_out, prices=pool.price_arrays) + pool.request_prices


def cost_bounds(cost: np.ndarray, pool: CandidatePool) -> CostBounds:
    """Bounds of a cost matrix (num_samples, num_candidates): each mean over measured pairs with zero costs dropped.

    Both are 0 where every measured pair is free: then there is no range of costs.

    Raises:
        SourceError: no cost is known at all.
    """
    if not np.isfinite(cost).any():
        raise SourceError("expected at least one pair with a cost, found none: check tokens and prices.")
    counted = np.isfinite(cost) & (cost > 0)
    present = counted.any(axis=0)
    if not present.any():
        return no_cost_bounds(pool)
    # Summed exactly, so that the bounds do not depend on the order of the rows.
    totals = np.array([math.fsum(column) for column in np.where(counted, cost, 0.0).T.tolist()])
    means = np.where(present, totals / np.maximum(counted.sum(axis=0), 1), np.nan)
    low, high = int(np.nanargmin(means)), int(np.nanargmax(means))
    return CostBounds(float(means[low]), float(means[high]), pool.names[low], pool.names[high])


def no_cost_bounds(pool: CandidatePool) -> CostBounds:
    """Bounds where no cost is known: there is no range of costs, as where every answer is free."""
    return CostBounds(0.0, 0.0, pool.names[0], pool.names[0])


def measured_means(values: np.ndarray) -> np.ndarray:
    """Mean of each column of a matrix over its measured values, (num_candidates,); NaN where there are none."""
    measured = np.isfinite(values)
    counts = measured.sum(axis=0)
    return np.where(counts, np.where(measured, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan)

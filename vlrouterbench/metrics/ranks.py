"""Ranks that say how sure they are: ties where the paired interval of a difference contains 0, ranges over resamples.

Decisions
- A rank is 1 + the number of routers that are clearly better, so routers that cannot be told apart from the best share
  rank 1. Being tied is no equivalence: a may be tied with b and b with c while a is clearly better than c.
- The range is the middle 95 % of a router's position over the paired resamples, widened where needed to hold its rank.
  Where routers are equal within a resample each gets the best and the worst of their positions.
- Leads below _SAME are none: rounding must not rank a router before its copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.metrics.bootstrap import LEVELS

_SAME = 1e-9


@dataclass(frozen=True)
class RankRange:
    """Where a router stands among others.

    Attributes:
        rank: 1 + the number of routers that are clearly better.
        low, high: best and worst position, over resamples.
        tied_with: indices in the list of the routers that it cannot be told apart from.
    """

    rank: int
    low: int
    high: int
    tied_with: tuple[int, ...]


def rank_ranges(draws: np.ndarray) -> list[RankRange]:
    """Rank, range of ranks and ties of every router.

    Args:
        draws: resampled scores, (num_resamples, num_routers), of all routers on the same resamples; larger is better.

    Raises:
        EvaluationError: no resamples, or NaN among them.
    """
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 2 or not draws.size or np.isnan(draws).any():
        raise EvaluationError(
            f"expected resampled scores (num_resamples, num_routers) without NaN, found shape {draws.shape}."
        )
    ranges = []
    for index in range(draws.shape[1]):
        lead = draws - draws[:, [index]]
        lead[np.abs(lead) < _SAME] = 0.0
        less, more = np.percentile(lead, LEVELS, axis=0)
        better, tied = less > 0, (less <= 0) & (more >= 0)
        tied[index] = False
        rank = 1 + int(better.sum())
        best = np.percentile(1 + (lead > 0).sum(axis=1), LEVELS[0], method="inverted_cdf")
        worst = np.percentile((lead >= 0).sum(axis=1), LEVELS[1], method="inverted_cdf")
        low, high = min(rank, int(best)), max(rank, int(worst))
        ranges.append(RankRange(rank, low, high, tuple(np.flatnonzero(tied).tolist())))
    return ranges

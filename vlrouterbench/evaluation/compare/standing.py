"""How routers stand over several benchmarks: mean rank with its interval, and wins, ties and losses.

Decisions
- A position is 1 + the number of routers that are better, plus half of those that are equal. It is of what routers are
  judged by, means over splits; the mean rank is its mean over benchmarks (Demsar, JMLR 7, 2006, section 3.2.2).
- Its interval is that of the mean over paired resamples of every benchmark's samples; benchmarks are independent, so
  their resamples are put together in an order drawn for each. It says how sure the ranks are on these benchmarks,
  and nothing of others. It is widened where needed to hold the mean rank itself.
- A win is a paired interval above 0, a loss one below; everything else is a tie, which is no equivalence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.evaluation.compare.records import Tally
from vlrouterbench.evaluation.records import Interval
from vlrouterbench.metrics.bootstrap import interval

SAME = 1e-9
"""Leads below it are none: rounding must not tell a router from its copy."""
WIN, TIE, LOSS = "win", "tie", "loss"


def positions(values: np.ndarray) -> np.ndarray:
    """Positions of routers by values (..., num_routers), the larger the better: 1 is the best, equal ones share."""
    lead = values[..., None, :] - values[..., :, None]
    better, equal = lead > SAME, np.abs(lead) <= SAME
    return np.asarray(1 + better.sum(axis=-1) + 0.5 * (equal.sum(axis=-1) - 1))


def mean_ranks(values: Sequence[np.ndarray], draws: Sequence[np.ndarray]) -> list[tuple[float, Interval]]:
    """Mean rank of every router with its interval.

    Args:
        values: of each benchmark, (num_routers,).
        draws: of each benchmark, (num_resamples, num_routers), of the same routers.
    """
    own = np.mean([positions(value) for value in values], axis=0)
    resampled = np.zeros_like(draws[0])
    for place, drawn in enumerate(draws):
        order = np.random.default_rng(place).permutation(len(drawn))
        resampled += positions(drawn)[order] / len(draws)
    spans = [interval(column) for column in resampled.T]
    return [
        (float(rank), [min(low, float(rank)), max(high, float(rank))])
        for rank, (low, high) in zip(own, spans, strict=True)
    ]


def verdict(difference: Interval) -> str:
    """What the interval of a difference says."""
    low, high = difference
    if low > SAME:
        return WIN
    return LOSS if high < -SAME else TIE


def tally(verdicts: Sequence[str]) -> Tally:
    """How many of each there are."""
    return {"wins": verdicts.count(WIN), "ties": verdicts.count(TIE), "losses": verdicts.count(LOSS)}

"""`bench bootstrap`: intervals of 20 routers and of all their differences, against a plain loop over resamples.

Decisions
- Full size is the published test split, 6,108 samples, with near-duplicates in groups: 10,000 resamples of groups.
- Ours is what a report needs: draws of accuracy, cost and Rank Score, their intervals, ranks with ranges and ties.
- The baseline draws rows of whole groups and averages them, one resample after another; it does a share of the
  resamples and its seconds are scaled up, which `baseline_resamples` states. It makes no ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.bench.comparison import Comparison, compared, timed
from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.metrics.bootstrap import NUM_RESAMPLES, interval, trade_off_draws
from vlrouterbench.metrics.ranks import rank_ranges
from vlrouterbench.metrics.trade_off import rank_score

NUM_SAMPLES, NUM_ROUTERS = 6_108, 20
_SAMPLES_PER_GROUP = 1.4
_BASELINE_SHARE = 20
_BOUNDS = (1e-5, 1e-3)


class BootstrapComparison(Comparison):
    """`bench bootstrap`; `seconds` are ours."""

    seconds: float
    samples: int
    groups: int
    routers: int
    resamples: int
    baseline_resamples: int
    scale: float


def bench_bootstrap(*, scale: float = 1.0) -> BootstrapComparison:
    """Time intervals at a share of the published number of samples and of resamples.

    Returns:
        Seconds of both, `seconds` being ours (contract's section 7), and their ratio.
    """
    num_samples, num_resamples = max(50, round(NUM_SAMPLES * scale)), max(100, round(NUM_RESAMPLES * scale))
    rng = np.random.default_rng(0)
    groups = rng.integers(round(num_samples / _SAMPLES_PER_GROUP), size=num_samples).astype(str)
    quality = (rng.random((num_samples, NUM_ROUTERS)) < np.linspace(0.6, 0.8, NUM_ROUTERS)).astype(float)
    cost = rng.uniform(*_BOUNDS, quality.shape)
    few = max(1, num_resamples // _BASELINE_SHARE)
    _, baseline = timed(lambda: _plain_loop(quality, cost, groups, few))
    baseline *= num_resamples / few
    names = groups.tolist()
    _, ours = timed(lambda: _intervals(quality, cost, names, num_resamples))
    return {
        **compared("bootstrap", ours=ours, baseline=baseline),
        "seconds": ours,
        "samples": num_samples,
        "groups": len(np.unique(groups)),
        "routers": NUM_ROUTERS,
        "resamples": num_resamples,
        "baseline_resamples": few,
        "scale": scale,
    }


def _intervals(quality: np.ndarray, cost: np.ndarray, groups: Sequence[str], num_resamples: int) -> None:
    draws = trade_off_draws(
        quality, cost, groups, cost_bounds=_BOUNDS, beta=RANK_SCORE_BETA, seed=0, num_resamples=num_resamples
    )
    for values in draws.values():
        for router in range(values.shape[1]):
            interval(values[:, router])
    rank_ranges(draws["rank_score"])


def _plain_loop(quality: np.ndarray, cost: np.ndarray, groups: np.ndarray, num_resamples: int) -> np.ndarray:
    """(num_resamples, num_routers) Rank Scores, one resample at a time."""
    rng = np.random.default_rng(0)
    rows_of_group = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    num_groups, scores = len(rows_of_group), []
    for _ in range(num_resamples):
        rows = np.concatenate([rows_of_group[drawn] for drawn in rng.integers(num_groups, size=num_groups)])
        scores.append(rank_score(quality[rows].mean(axis=0), cost[rows].mean(axis=0), cost_bounds=_BOUNDS))
    return np.array(scores)

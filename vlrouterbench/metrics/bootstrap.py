"""Intervals by resampling groups of samples, paired over routers.

Decisions
- Groups, not rows, are drawn: near-duplicates fall together, so they must not count as independent.
- Every router meets the same resamples, so that the interval of a difference is paired.
- A resample is a vector of counts; its averages are one matrix product with the sums per group. Counting drawn indices
  is several times as fast as drawing the counts (`bench bootstrap`).
- The recipe is fixed, so that others can draw the same: groups in sorted order, and for every 250 resamples (the last
  time the rest) one `default_rng(seed).integers(num_groups, size=(resamples, num_groups))`.
- 10,000 resamples: the ends of an interval then move by about a hundredth of its width from seed to seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.metrics.trade_off import rank_score

NUM_RESAMPLES = 10_000
LEVELS = (2.5, 97.5)
_RESAMPLES_PER_BLOCK = 250


def resampled_means(
    values: np.ndarray, groups: Sequence[str], *, seed: int, num_resamples: int = NUM_RESAMPLES
) -> np.ndarray:
    """Means of every column over resampled groups.

    Args:
        values: (num_samples, num_columns).
        groups: (num_samples,) group of each row.
        seed: of the resamples; the same seed and groups give the same resamples.
        num_resamples: how many.

    Returns:
        (num_resamples, num_columns).
    """
    _, group_index = np.unique(np.asarray(groups), return_inverse=True)
    num_groups = int(group_index.max()) + 1
    sums = np.zeros((num_groups, values.shape[1] + 1))
    np.add.at(sums, group_index, np.column_stack([values, np.ones(len(values))]))
    rng = np.random.default_rng(seed)
    means = []
    for start in range(0, num_resamples, _RESAMPLES_PER_BLOCK):
        rows = min(_RESAMPLES_PER_BLOCK, num_resamples - start)
        # Each row of a block counts in a stretch of its own.
        drawn = rng.integers(num_groups, size=(rows, num_groups)) + num_groups * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * num_groups).reshape(rows, num_groups)
        totals = counts.astype(float) @ sums
        means.append(totals[:, :-1] / totals[:, -1:])
    return np.concatenate(means)


def interval(draws: np.ndarray) -> list[float]:
    """The 95 % percentile interval of draws (num_resamples,), as [low, high]."""
    low, high = np.percentile(draws, LEVELS)
    return [float(low), float(high)]


def trade_off_draws(
    quality: np.ndarray,
    cost: np.ndarray,
    groups: Sequence[str],
    *,
    cost_bounds: tuple[float, float] | None,
    beta: float,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, np.ndarray]:
    """Resampled accuracy, average cost and Rank Score of several routers on the same resamples.

    Args:
        quality: (num_samples, num_routers), of each router's decision.
        cost: the same, USD per sample.
        groups: (num_samples,).
        cost_bounds: as for `rank_score`; they are the benchmark's and are not resampled. None: Rank Scores are NaN.
        beta: as for `rank_score`.
        seed: of the resamples.
        num_resamples: how many.

    Returns:
        name -> (num_resamples, num_routers).
    """
    means = resampled_means(np.column_stack([quality, cost]), groups, seed=seed, num_resamples=num_resamples)
    accuracy, average_cost = means[:, : quality.shape[1]], means[:, quality.shape[1] :]
    score = (
        np.full(accuracy.shape, np.nan)
        if cost_bounds is None
        else rank_score(np.clip(accuracy, 0, 1), average_cost, cost_bounds=cost_bounds, beta=beta)
    )
    return {"accuracy": accuracy, "average_cost_usd": average_cost, "rank_score": score}

"""Families compared over several splits of one benchmark: is a lead more than the luck of one split?

Decisions
- A figure is a mean over splits. Its interval resamples the groups of each test split, paired over routers, and takes
  the mean over splits of every resample. Test splits of two seeds share samples, so it is somewhat too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vlrouterbench.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import chosen_values, rank_score
from vlrouterbench.study.splits import Ground, check_names, policy_values, scored

Chosen = tuple[np.ndarray, np.ndarray]
"""Quality and cost of a router's decisions, (num_samples,) each."""


def compare_over_splits(ground: Ground, routers: Sequence[str]) -> list[dict[str, Any]]:
    """Train and score routers on every split.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); the first is what the others are compared with.

    Returns:
        One row per router, the best mean Rank Score first: `router`, means of `accuracy`, `average_cost_usd` and
        `rank_score`, `rank_scores` per seed, and `first_minus_this` {"rank_score", "ci95"}.

    Raises:
        RouterError: no router or seed, or one twice.
        UnknownNameError: no such family, variant or policy.
    """
    check_names(routers, ground.seeds)
    bounds = ground.table.cost_bounds
    values: dict[str, list[tuple[float, float, float]]] = {name: [] for name in routers}
    draws: dict[str, list[np.ndarray]] = {name: [] for name in routers}
    for seed, split in ground.splits():
        test = scored(split)
        chosen: dict[str, Chosen] = {}
        for name in routers:
            with ground.stage(f"split {seed}: {name}"):
                chosen[name] = _chosen(name, ground, split, test, seed)
        quality, cost = (np.column_stack([pair[side] for pair in chosen.values()]) for side in (0, 1))
        options = {"cost_bounds": bounds, "beta": RANK_SCORE_BETA, "seed": seed}
        found = trade_off_draws(quality, cost, test.column("group_id"), **options)["rank_score"]
        for place, name in enumerate(routers):
            accuracy, average_cost = float(quality[:, place].mean()), float(cost[:, place].mean())
            score = float(rank_score(accuracy, average_cost, cost_bounds=bounds))
            values[name].append((accuracy, average_cost, score))
            draws[name].append(found[:, place])
    first = routers[0]
    rows = [_row(name, values[name], draws[first], draws[name], values[first]) for name in routers]
    return sorted(rows, key=lambda row: -row["rank_score"])


def _row(
    name: str,
    values: list[tuple[float, float, float]],
    first_draws: list[np.ndarray],
    draws: list[np.ndarray],
    first_values: list[tuple[float, float, float]],
) -> dict[str, Any]:
    """A router's figures: means over splits, and how far the first router lies above it."""
    accuracy, average_cost, score = (float(mean) for mean in np.mean(values, axis=0))
    gaps = np.mean(first_draws, axis=0) - np.mean(draws, axis=0)
    return {
        "router": name,
        "accuracy": accuracy,
        "average_cost_usd": average_cost,
        "rank_score": score,
        "rank_scores": [entry[2] for entry in values],
        "first_minus_this": {"rank_score": float(np.mean(first_values, axis=0)[2]) - score, "ci95": interval(gaps)},
    }


def _chosen(name: str, ground: Ground, split: RoutingTable, test: RoutingTable, seed: int) -> Chosen:
    """What a router's decisions on the test split were worth; of one that draws, what they are expected to be."""
    if name in POLICIES:
        return policy_values(name, split, test, seed)
    decisions = ground.train(name, split, seed).decide(ground.features.of(test)).cpu().numpy()
    return chosen_values(test.quality, decisions), chosen_values(test.cost, decisions)

"""Families compared over several splits of one benchmark: is a lead more than the luck of one split?

Decisions
- The reachable ceiling stands among the routers of every study: it says how much of a lead there is to be had. It is
  an estimate from below, by features of train and of the scored split, and a router may lie above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.over_splits import Chosen, OverSplits, worth_of, worth_of_policy
from vlrouterbench.evaluation.study.splits import Ground, check_names, scored
from vlrouterbench.evaluation.upper_bound import KnownFeatures, reachable_decisions

CEILING = "reachable ceiling"


def compare_over_splits(ground: Ground, routers: Sequence[str]) -> list[dict[str, Any]]:
    """Train and score routers on every split.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); the first is what the others are compared with.

    Returns:
        One row per router and one for CEILING, the best mean Rank Score first: `router`, means of `accuracy`,
        `average_cost_usd` and `rank_score`, `rank_scores` per seed, and `first_minus_this` {"rank_score", "ci95"}.

    Raises:
        RouterError: no router or seed, or one twice.
        UnknownNameError: no such family, variant or policy.
    """
    check_names(routers, ground.seeds)
    found = OverSplits(ground.table.cost_bounds)
    for seed, split in ground.splits():
        test = scored(split)
        chosen: dict[str, Chosen] = {}
        for name in routers:
            with ground.stage(f"split {seed}: {name}"):
                chosen[name] = _chosen(name, ground, split, test, seed)
        with ground.stage(f"split {seed}: {CEILING}"):
            chosen[CEILING] = worth_of(_reachable(ground, split, test, seed), test)
        found.add(chosen, test.column("group_id"), seed=seed)
    rows = [
        {
            "router": name,
            **found.figures(name),
            "rank_scores": found.rank_scores(name),
            "first_minus_this": found.difference(routers[:1], [name]),
        }
        for name in (*routers, CEILING)
    ]
    return sorted(rows, key=lambda row: -row["rank_score"])


def _chosen(name: str, ground: Ground, split: RoutingTable, test: RoutingTable, seed: int) -> Chosen:
    """What a router's decisions on the test split were worth; of one that draws, what they are expected to be."""
    if name in POLICIES:
        return worth_of_policy(name, split, test, seed=seed)
    decisions = ground.train(name, split, seed).decide(ground.features.of(test))
    return worth_of(decisions.cpu().numpy(), test)


def _reachable(ground: Ground, split: RoutingTable, test: RoutingTable, seed: int) -> np.ndarray:
    train = split.split("train")
    known = KnownFeatures(*(ground.features.of(part).numpy() for part in (test, train)))
    return reachable_decisions(test, train, seed=seed, features=known)

"""Families compared over several splits of one benchmark: is a lead more than the luck of one split?

Decisions
- Seed 0 is the benchmark's own split; another seed draws one by the same hash, so that groups stay whole.
- Everything is done anew for every split: training, choices on validation, the mixture on train.
- A figure is a mean over splits. Its interval resamples the groups of each test split, paired over routers, and takes
  the mean over splits of every resample. Test splits of two seeds share samples, so it is somewhat too narrow.
- Cost bounds stay the benchmark's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from vlrouterbench.constants import RANK_SCORE_BETA
from vlrouterbench.data.splits import hash_split
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.encoders.features import FeatureSet
from vlrouterbench.errors import RouterError, unknown_name
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.shuffled import shuffled_outcomes
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

SHUFFLED = "shuffled/"
"""Before a family's name: its twin, trained on shuffled outcomes."""
Chosen = tuple[np.ndarray, np.ndarray]
"""Quality and cost of a router's decisions, (num_samples,) each."""


def resplit(table: RoutingTable, seed: int) -> RoutingTable:
    """The benchmark with the split of a seed; 0 is its own."""
    if seed == 0:
        return table
    dataset_of: dict[str, str] = {}
    groups = table.column("group_id")
    for group, dataset in zip(groups, table.column("dataset"), strict=True):
        dataset_of.setdefault(group, dataset)
    sides = [hash_split(f"{seed}\0{dataset_of[group]}", group) for group in groups]
    place = table.samples.column_names.index("split")
    return replace(table, samples=table.samples.set_column(place, "split", pa.array(sides)))


def compare_over_splits(
    table: RoutingTable,
    features: FeatureSet,
    routers: Sequence[str],
    *,
    seeds: Sequence[int],
    stage: Callable[[str], AbstractContextManager[Any]] | None = None,
) -> list[dict[str, Any]]:
    """Train and score routers on every split.

    Args:
        table: the whole benchmark.
        features: of its samples.
        routers: names of feature-level families and of policies; "shuffled/NAME" is NAME on shuffled outcomes. The
            first is what the others are compared with.
        seeds: of splits and of training.
        stage: opens each split and router by its title, for progress.

    Returns:
        One row per router, the best mean Rank Score first: `router`, means of `accuracy`, `average_cost_usd` and
        `rank_score`, `rank_scores` per seed, and `first_minus_this` {"rank_score", "ci95"}.

    Raises:
        RouterError: no router or seed, or one twice.
        UnknownNameError: no such family or policy.
    """
    _check(routers, seeds)
    stage = stage or (lambda _: nullcontext())
    values: dict[str, list[tuple[float, float, float]]] = {name: [] for name in routers}
    draws: dict[str, list[np.ndarray]] = {name: [] for name in routers}
    for seed in seeds:
        split = resplit(table, seed)
        test = split.split("test")
        test = test.take(test.complete)
        chosen: dict[str, Chosen] = {}
        for name in routers:
            with stage(f"split {seed}: {name}"):
                chosen[name] = _chosen(name, split, test, features, seed)
        quality, cost = (np.column_stack([pair[side] for pair in chosen.values()]) for side in (0, 1))
        options = {"cost_bounds": table.cost_bounds, "beta": RANK_SCORE_BETA, "seed": seed}
        found = trade_off_draws(quality, cost, test.column("group_id"), **options)["rank_score"]
        for place, name in enumerate(routers):
            accuracy, average_cost = float(quality[:, place].mean()), float(cost[:, place].mean())
            score = float(rank_score(accuracy, average_cost, cost_bounds=table.cost_bounds))
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


def _check(routers: Sequence[str], seeds: Sequence[int]) -> None:
    for kind, given in (("router", routers), ("seed", seeds)):
        if not given or len(set(given)) < len(given):
            raise RouterError(f"expected each {kind} once and at least one, found {list(given)}.")
    for name in routers:
        if name.removeprefix(SHUFFLED) not in ROUTERS and name not in POLICIES:
            raise unknown_name("router", name, (*ROUTERS, *POLICIES))


def _chosen(name: str, split: RoutingTable, test: RoutingTable, features: FeatureSet, seed: int) -> Chosen:
    """What a router's decisions on the test split were worth; of one that draws, what they are expected to be."""
    if name in POLICIES:
        policy = decide_policy(name, test, split.split("train"), seed=seed)
        if policy.shares is not None:
            return test.quality @ policy.shares, test.cost @ policy.shares
        decisions = policy.decisions
    else:
        learnt = shuffled_outcomes(split, seed=seed) if name.startswith(SHUFFLED) else split
        arguments = RouterTrainingArguments(seed=seed)
        trained = train_router(name.removeprefix(SHUFFLED), Problem(learnt, features), arguments)
        decisions = trained.router.decide(features.of(test)).cpu().numpy()
    rows = np.arange(len(test))
    return test.quality[rows, decisions], test.cost[rows, decisions]

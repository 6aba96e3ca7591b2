"""Reference policies that need no training: oracle, strongest, cheapest, strongest per dataset, random, mixture.

Decisions
- Policies are fitted on the train split. Only the oracle sees the truth of the samples that it decides on.
- `random` and `mixture` draw one candidate per sample by a seeded hash of its id: the same draw on every machine and
  in any order. Their expectation is reported beside the draw.
- The mixture is the best static mixture: the mix of at most two single candidates with the best Rank Score. More
  than two never help, since averages of a mix lie in the convex hull of the single ones and the best point lies on
  its edge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from vlrouterbench.core.constants import CORRECT_THRESHOLD
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.records import FreeForm
from vlrouterbench.metrics.objectives import Goal

MIXTURE_STEPS = 100


@dataclass(frozen=True)
class PolicyDecisions:
    """Decisions of a policy on a table.

    Attributes:
        decisions: (num_samples,) indices in the pool.
        shares: (num_candidates,) chance of each candidate where the policy draws, else None.
        config: description of the policy, for results.
    """

    decisions: np.ndarray
    shares: np.ndarray | None = None
    config: FreeForm = field(default_factory=dict)


def decide_policy(name: str, test: RoutingTable, train: RoutingTable, *, seed: int) -> PolicyDecisions:
    """Decisions of a policy of POLICIES on `test`, fitted on `train`."""
    return POLICIES[name](test, _measured(train), seed)


def _measured(train: RoutingTable) -> RoutingTable:
    """The table, which has measured pairs."""
    if np.isnan(train.mean_quality).all() or np.isnan(train.mean_cost).all():
        raise BenchmarkError(f"expected measured pairs in the train split of {train.folder}, found none.")
    return train


def _constant(test: RoutingTable, index: int) -> PolicyDecisions:
    return PolicyDecisions(
        np.full(len(test), index), config={"candidate": test.pool.names[index], "fitted_on": "train"}
    )


def _oracle(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    correct = test.quality >= CORRECT_THRESHOLD
    allowed = correct | ~correct.any(axis=1, keepdims=True)
    return PolicyDecisions(
        np.argmin(np.where(allowed, test.cost, np.inf), axis=1), config={"sees": "the truth of the scored split"}
    )


def _strongest(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    return _constant(test, int(np.nanargmax(train.mean_quality)))


def _cheapest(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    return _constant(test, int(np.nanargmin(train.mean_cost)))


def _strongest_per_dataset(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    datasets = np.array(train.column("dataset"))
    overall = int(np.nanargmax(train.mean_quality))
    best = {
        name: int(np.nanargmax(_measured(train.take(datasets == name)).mean_quality)) for name in np.unique(datasets)
    }
    datasets_of_test = test.column("dataset")
    config = {
        "candidates": {name: test.pool.names[index] for name, index in best.items()},
        "fitted_on": "train",
        "samples_of_unseen_datasets": sum(name not in best for name in datasets_of_test),
    }
    return PolicyDecisions(np.array([best.get(name, overall) for name in datasets_of_test]), config=config)


def _random(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    shares = np.full(len(test.pool), 1 / len(test.pool))
    return PolicyDecisions(draw_by_id(test.column("sample_id"), shares, seed=seed), shares, {"seed": seed})


def _mixture(test: RoutingTable, train: RoutingTable, seed: int) -> PolicyDecisions:
    shares = best_mixture(train.mean_quality, train.mean_cost, goal=test.goal)
    config = {
        "shares": {test.pool.names[index]: float(shares[index]) for index in np.flatnonzero(shares)},
        "fitted_on": "train",
        "seed": seed,
    }
    return PolicyDecisions(draw_by_id(test.column("sample_id"), shares, seed=seed), shares, config)


POLICIES: dict[str, Callable[[RoutingTable, RoutingTable, int], PolicyDecisions]] = {
    "oracle": _oracle,
    "strongest": _strongest,
    "cheapest": _cheapest,
    "strongest-per-dataset": _strongest_per_dataset,
    "random": _random,
    "mixture": _mixture,
}
"""Policy name -> (table to decide on, train split, seed) -> decisions."""


def best_mixture(quality: np.ndarray, cost: np.ndarray, *, goal: Goal) -> np.ndarray:
    """Shares (num_candidates,) of the static mixture of at most two candidates that is best by a goal.

    Args:
        quality: (num_candidates,) mean quality of each candidate; NaN = cannot be used.
        cost: (num_candidates,) mean cost of each candidate, USD per sample; NaN = cannot be used.
        goal: what decisions are judged by.
    """
    usable = np.flatnonzero(np.isfinite(quality) & np.isfinite(cost))
    part = np.linspace(0, 1, MIXTURE_STEPS + 1)[:, None, None]
    q, c = quality[usable], cost[usable]
    mixed = [part * v[None, :, None] + (1 - part) * v[None, None, :] for v in (q, c)]
    scores = goal.merit(np.clip(mixed[0], 0, 1), mixed[1], best=q.max())
    step, first, second = np.unravel_index(int(np.argmax(scores)), scores.shape)
    shares = np.zeros(len(quality))
    shares[usable[first]] += part[step, 0, 0]
    shares[usable[second]] += 1 - part[step, 0, 0]
    return shares


def draw_by_id(sample_ids: list[str], shares: np.ndarray, *, seed: int) -> np.ndarray:
    """One candidate per sample, (num_samples,), drawn with the given chances by a hash of seed and sample id."""
    edges = np.cumsum(shares)
    positions = [
        int.from_bytes(hashlib.sha256(f"{seed}\0{sample_id}".encode()).digest()[:8], "big") / 2**64
        for sample_id in sample_ids
    ]
    drawn = np.searchsorted(edges, positions, side="right")
    # Rounding can leave the last edge a hair under 1.
    return np.minimum(drawn, np.flatnonzero(shares)[-1])

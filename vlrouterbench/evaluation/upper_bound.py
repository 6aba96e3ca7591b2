"""The reachable ceiling: how far a policy gets that knows mean outcomes of similar samples of the scored split itself.

Part of the gap to the oracle is luck (a guess among four options), which no router can foresee. This estimates what is
left by cross-fitting: the outcomes of other samples of the split are known, those of the sample itself are not.

Decisions
- It is a lower bound of the true ceiling: from a split of finite size, with plain means. A router may lie above it;
  then the router is the better estimate. It is no router, since it has seen outcomes of the split.
- Similar are samples of one dataset (with the train split's outcomes), and, where features are at hand, nearest
  neighbours by them, and what smooth functions of them expect (the kernel that the flagship is made of). Means of few
  are drawn towards the mean of all.
- The smooth functions learn from the train split too, where its features are at hand: that is the strongest estimate.
- Groups fall into one fold whole. What a fold decides by (kind of similarity, trade-off) is what had the best Rank
  Score on the other folds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.data.table import RoutingTable, measured_means
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.base.estimating import TRADE_OFFS
from vlrouterbench.routers.flagship.base_learners import KernelLearner

NUM_FOLDS = 5
NUM_NEIGHBORS = (30, 100, 300)
NUM_LANDMARKS = 600
STRENGTHS = [0.003, 0.01]
_PRIOR = 10
"""How many samples the mean of all weighs as, in a dataset's mean."""


@dataclass(frozen=True)
class KnownFeatures:
    """What similarity is read from.

    Attributes:
        scored: (num_samples, dim) of the scored samples.
        train: (num_train, dim) of the train split, None where they are not at hand.
    """

    scored: np.ndarray
    train: np.ndarray | None = None


def reachable_decisions(
    table: RoutingTable, train: RoutingTable, *, seed: int, features: KnownFeatures | None = None
) -> np.ndarray:
    """Decisions of the cross-fitted policy, (num_samples,) places in the pool.

    Args:
        table: the scored samples, all measured for every candidate.
        train: the train split; unmeasured pairs are left out of means.
        seed: of the folds.
        features: None for datasets alone.
    """
    folds = group_folds(table.column("group_id"), seed=seed)
    tried = np.array(
        [d for quality, cost in _estimates(table, train, folds, features) for d in _decided(quality, cost)]
    )
    rows = np.arange(len(table))
    chosen = np.zeros(len(table), dtype=np.int64)
    for fold in np.unique(folds):
        inside, outside = rows[folds == fold], rows[folds != fold]
        # A split that lies in one fold has no other to choose by.
        judged = outside if outside.size else inside
        accuracy, cost = (matrix[judged, tried[:, judged]].mean(axis=1) for matrix in (table.quality, table.cost))
        best = int(np.argmax(rank_score(accuracy, cost, cost_bounds=table.cost_bounds)))
        chosen[inside] = tried[best, inside]
    return chosen


def group_folds(groups: list[str], *, seed: int) -> np.ndarray:
    """Fold of each sample, (num_samples,) in 0..NUM_FOLDS - 1, by a seeded hash of its group."""
    return np.array([hashlib.sha256(f"{seed}\0{group}".encode()).digest()[0] % NUM_FOLDS for group in groups])


def _decided(quality: np.ndarray, cost: np.ndarray) -> Iterator[np.ndarray]:
    """Decisions at every trade-off between estimated quality and cost, both (num_samples, num_candidates)."""
    dearest = cost.mean(axis=0).max()
    for part in TRADE_OFFS:
        yield np.argmax(quality - part * cost / dearest, axis=1)


def _estimates(
    table: RoutingTable, train: RoutingTable, folds: np.ndarray, features: KnownFeatures | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Quality and cost, each (num_samples, num_candidates), estimated without a sample's own fold."""
    yield _dataset_means(table, train, folds)
    if features is None:
        return
    yield from _smooth(table, train, folds, features)
    order = _nearest_elsewhere(features.scored, folds)
    available = order.shape[1]
    for count in sorted({min(count, available) for count in NUM_NEIGHBORS} - {0}):
        near = order[:, :count]
        yield table.quality[near].mean(axis=1), table.cost[near].mean(axis=1)


def _smooth(
    table: RoutingTable, train: RoutingTable, folds: np.ndarray, features: KnownFeatures
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Quality by the kernel at each of its strengths, with the mean cost of every candidate."""
    quality, cost = (np.zeros((len(STRENGTHS), *table.quality.shape)) for _ in range(2))
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        rows, known = [features.scored[outside]], [table.quality[outside]]
        costs = [table.cost[outside]]
        if features.train is not None:
            rows, known, costs = [*rows, features.train], [*known, train.quality], [*costs, train.cost]
        if not sum(map(len, rows)):
            return
        means = np.nan_to_num(measured_means(np.concatenate(known)))
        rows, deviations = (torch.from_numpy(np.concatenate(part)).float() for part in (rows, known))
        kernel = KernelLearner(min(NUM_LANDMARKS, len(rows)), rows.shape[1], len(means), STRENGTHS)
        kernel.fit(rows, deviations - torch.from_numpy(means).float(), seed=0)
        guesses = kernel.predict(torch.from_numpy(features.scored[inside]).float()).numpy()
        quality[:, inside] = means + np.moveaxis(guesses, 2, 0)
        cost[:, inside] = np.nan_to_num(measured_means(np.concatenate(costs)))
    yield from zip(quality, cost, strict=True)


def _dataset_means(table: RoutingTable, train: RoutingTable, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    own, other = np.array(table.column("dataset")), np.array(train.column("dataset"))
    found = []
    for known, seen in ((table.quality, train.quality), (table.cost, train.cost)):
        estimate = np.empty_like(known)
        for fold in np.unique(folds):
            values = np.concatenate([known[folds != fold], seen])
            names = np.concatenate([own[folds != fold], other])
            measured, overall = np.isfinite(values), np.nan_to_num(measured_means(values))
            for name in np.unique(own[folds == fold]):
                part, counted = values[names == name], measured[names == name]
                total = np.where(counted, part, 0).sum(axis=0) + _PRIOR * overall
                estimate[(folds == fold) & (own == name)] = total / (counted.sum(axis=0) + _PRIOR)
        found.append(estimate)
    return found[0], found[1]


def _nearest_elsewhere(features: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """The nearest samples outside a sample's own fold by cosine, nearest first, (num_samples, at most 300)."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    sizes = np.bincount(folds)
    count = min(max(NUM_NEIGHBORS), len(folds) - int(sizes.max()))
    nearest = np.zeros((len(folds), count), dtype=np.int64)
    for fold in np.flatnonzero(sizes):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if count:
            closeness = unit[inside] @ unit[outside].T
            nearest[inside] = outside[np.argsort(-closeness, axis=1, kind="stable")[:, :count]]
    return nearest

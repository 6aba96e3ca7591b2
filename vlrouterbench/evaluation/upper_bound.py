"""The cross-fitted upper-bound estimate: what a policy reaches with mean outcomes of similar samples of the split.

Part of the gap to the oracle is chance (a guess among four options), which no router can foresee. This estimates the
rest by cross-fitting: it uses the outcomes of other samples of the split, never those of the sample itself.

Decisions
- The upper bound is estimated from below: from a split of finite size, with plain means. A router may exceed the
  estimate; then the router is the better estimate. It is not a router, since it has seen outcomes of the split.
- Similar samples are those of one dataset (with the train split's outcomes) and, where features are available, nearest
  neighbours and the predictions of smooth functions of the features (the kernel of the flagship). Means of few samples
  shrink towards the mean of all.
- The smooth functions learn from the train split too, where its features are available: that is the strongest estimate.
- A group is never divided among folds. Each fold uses the kind of similarity and the trade-off that had the best Rank
  Score on the other folds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.data.costs import measured_means
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.metrics.trade_off import rank_score
from vlrouterbench.routers.base.estimating import TRADE_OFFS
from vlrouterbench.routers.flagship.base_learners import KernelLearner

NUM_FOLDS = 5
NUM_NEIGHBORS = (30, 100, 300)
NUM_LANDMARKS = 600
STRENGTHS = [0.003, 0.01]
_PRIOR = 10
"""Weight, in samples, of the mean of all samples in a dataset's mean."""


@dataclass(frozen=True)
class SplitFeatures:
    """Features by which samples are similar.

    Attributes:
        scored: (num_samples, dim) of the scored samples.
        train: (num_train, dim) of the train split, None where they are not available.
    """

    scored: np.ndarray
    train: np.ndarray | None = None


def upper_bound_decisions(
    table: RoutingTable, train: RoutingTable, *, seed: int, features: SplitFeatures | None = None
) -> np.ndarray:
    """Decisions of the cross-fitted policy, (num_samples,) indices in the pool.

    Args:
        table: the scored samples, all measured for every candidate.
        train: the train split; unmeasured pairs are left out of means.
        seed: of the folds.
        features: None for datasets alone.
    """
    folds = group_folds(table.column("group_id"), seed=seed)
    options = np.array(
        [d for quality, cost in _estimates(table, train, folds, features) for d in _decided(quality, cost)]
    )
    rows = np.arange(len(table))
    chosen = np.zeros(len(table), dtype=np.int64)
    for fold in np.unique(folds):
        inside, outside = rows[folds == fold], rows[folds != fold]
        # A split that lies in one fold has no other to choose by.
        judged = outside if outside.size else inside
        accuracy, cost = (matrix[judged, options[:, judged]].mean(axis=1) for matrix in (table.quality, table.cost))
        best = int(np.argmax(rank_score(accuracy, cost, cost_bounds=table.cost_bounds)))
        chosen[inside] = options[best, inside]
    return chosen


def group_folds(groups: list[str], *, seed: int) -> np.ndarray:
    """Fold of each sample, (num_samples,) in 0..NUM_FOLDS - 1, by a seeded hash of its group."""
    return np.array([hashlib.sha256(f"{seed}\0{group}".encode()).digest()[0] % NUM_FOLDS for group in groups])


def _decided(quality: np.ndarray, cost: np.ndarray) -> Iterator[np.ndarray]:
    """Decisions at every trade-off between estimated quality and cost, both (num_samples, num_candidates)."""
    highest = cost.mean(axis=0).max()
    for part in TRADE_OFFS:
        yield np.argmax(quality - part * cost / highest, axis=1)


def _estimates(
    table: RoutingTable, train: RoutingTable, folds: np.ndarray, features: SplitFeatures | None
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
    table: RoutingTable, train: RoutingTable, folds: np.ndarray, features: SplitFeatures
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Quality by the kernel at each of its strengths, with the mean cost of every candidate."""
    quality, cost = (np.zeros((len(STRENGTHS), *table.quality.shape)) for _ in range(2))
    for fold in np.unique(folds):
        inside, outside = folds == fold, folds != fold
        features_of, outcomes, costs = [features.scored[outside]], [table.quality[outside]], [table.cost[outside]]
        if features.train is not None:
            features_of.append(features.train)
            outcomes.append(train.quality)
            costs.append(train.cost)
        if not sum(map(len, features_of)):
            return
        means = np.nan_to_num(measured_means(np.concatenate(outcomes)))
        rows, targets = (torch.from_numpy(np.concatenate(part)).float() for part in (features_of, outcomes))
        kernel = KernelLearner(min(NUM_LANDMARKS, len(rows)), rows.shape[1], len(means), STRENGTHS)
        kernel.fit(rows, targets - torch.from_numpy(means).float(), seed=0)
        predictions = kernel.predict(torch.from_numpy(features.scored[inside]).float()).numpy()
        quality[:, inside] = means + np.moveaxis(predictions, 2, 0)
        cost[:, inside] = np.nan_to_num(measured_means(np.concatenate(costs)))
    yield from zip(quality, cost, strict=True)


def _dataset_means(table: RoutingTable, train: RoutingTable, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    own, other = np.array(table.column("dataset")), np.array(train.column("dataset"))
    estimates = []
    for scored, seen in ((table.quality, train.quality), (table.cost, train.cost)):
        estimate = np.empty_like(scored)
        for fold in np.unique(folds):
            values = np.concatenate([scored[folds != fold], seen])
            names = np.concatenate([own[folds != fold], other])
            measured, overall = np.isfinite(values), np.nan_to_num(measured_means(values))
            for name in np.unique(own[folds == fold]):
                part, counted = values[names == name], measured[names == name]
                total = np.where(counted, part, 0).sum(axis=0) + _PRIOR * overall
                estimate[(folds == fold) & (own == name)] = total / (counted.sum(axis=0) + _PRIOR)
        estimates.append(estimate)
    return estimates[0], estimates[1]


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

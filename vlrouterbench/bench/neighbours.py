"""`bench neighbours`: the five nearest of as many training samples as the published split has, against scikit-learn.

Decisions
- Random features of the published size; the baseline is KNeighborsClassifier(metric="cosine", algorithm="brute").
- A batch is timed with everything it needs: lengths, copies, search. A single query meets a memory made ready, as in
  a router that serves; scikit-learn keeps nothing ready.
- Neighbours must be those of scikit-learn in float64, all of them, or there is no figure. In float32 scikit-learn
  itself may differ from that; in how many queries it does is reported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from vlrouterbench.bench.comparison import Comparison, compared, median_ms, timed
from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.routers.base.neighbors import NeighborIndex, unit_rows

NUM_MEMORIES, NUM_QUERIES, DIM = 21_378, 6_108, 1_792
"""Train and test split of the published benchmark, and features of two encoders of its size."""
NUM_NEIGHBORS = 5
_SINGLE_QUERIES = 15


class NeighboursComparison(Comparison):
    """`bench neighbours`; `float64` is the baseline in float64, in seconds."""

    float64: float
    float64_ratio: float
    single_ms: float
    baseline_single_ms: float
    single_ratio: float
    float32_baseline_differs_in: int
    memories: int
    queries: int
    scale: float


def bench_neighbours(*, scale: float = 1.0) -> NeighboursComparison:
    """Compare at a share of the published size; the length of features stays.

    Returns:
        Seconds and ratios (contract's section 7); single queries in milliseconds.

    Raises:
        VLRouterBenchError: a query has other neighbours than scikit-learn's in float64.
    """
    memory, queries = random_features(scale, NUM_MEMORIES, seed=0), random_features(scale, NUM_QUERIES, seed=1)
    _search(memory[:64], queries[:64])
    indices, ours = timed(lambda: _search(memory, queries))
    plain, exact = _sklearn(memory), _sklearn(memory.astype(np.float64))
    in_float32, baseline = timed(lambda: plain.kneighbors(queries, return_distance=False))
    expected, baseline_float64 = timed(lambda: exact.kneighbors(queries.astype(np.float64), return_distance=False))
    check_same(indices, expected)
    index = NeighborIndex(unit_rows(torch.from_numpy(memory)))
    rows = torch.from_numpy(queries).split(1)[:_SINGLE_QUERIES]
    alone = torch.cat([index.search(row, num_neighbors=NUM_NEIGHBORS)[1] for row in rows]).numpy()
    check_same(alone, expected[: len(rows)])
    single = median_ms(lambda row: index.search(row, num_neighbors=NUM_NEIGHBORS), rows)
    baseline_single = median_ms(lambda row: plain.kneighbors(row.numpy(), return_distance=False), rows)
    return {
        **compared("neighbours", ours=ours, baseline=baseline),
        "float64": baseline_float64,
        "float64_ratio": baseline_float64 / ours,
        "single_ms": single,
        "baseline_single_ms": baseline_single,
        "single_ratio": baseline_single / single,
        "float32_baseline_differs_in": int((in_float32 != expected).any(axis=1).sum()),
        "memories": len(memory),
        "queries": len(queries),
        "scale": scale,
    }


def random_features(scale: float, size: int, *, seed: int) -> np.ndarray:
    """(a share of size, DIM) float32 of random normal numbers, at least 64 rows."""
    rows = max(64, round(size * scale))
    return np.random.default_rng(seed).standard_normal((rows, DIM), dtype=np.float32)


def check_same(indices: np.ndarray, expected: np.ndarray) -> None:
    """Compare neighbours, each (num_queries, k).

    Raises:
        VLRouterBenchError: some query has others, or the same in another order.
    """
    if wrong := int((indices != expected).any(axis=1).sum()):
        raise VLRouterBenchError(
            f"expected the neighbours that scikit-learn finds in float64, found others for {wrong} of {len(indices)} "
            "queries: the speed of wrong answers means nothing. Report it with the processor's name."
        )


def _search(memory: np.ndarray, queries: np.ndarray) -> np.ndarray:
    index = NeighborIndex(unit_rows(torch.from_numpy(memory)))
    return index.search(torch.from_numpy(queries), num_neighbors=NUM_NEIGHBORS)[1].numpy()


def _sklearn(memory: np.ndarray) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(n_neighbors=NUM_NEIGHBORS, metric="cosine", algorithm="brute")
    return classifier.fit(memory, np.arange(len(memory)) % 17)

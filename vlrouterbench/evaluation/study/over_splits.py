"""What decisions were worth on every test split, and how means over splits differ.

Decisions
- A figure is a mean over splits. Its interval resamples the groups of each test split, paired over everything that was
  decided on it, and takes the mean over splits of every resample. Test splits of two seeds share samples, so it is
  somewhat too narrow.
- What is compared may itself be a mean over several (every new candidate in turn): Rank Score is a property of a router, so
  scores are averaged, never decisions.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import chosen_values, rank_score

Chosen = tuple[np.ndarray, np.ndarray]
"""Quality and cost (USD per sample) of decisions, (num_samples,) each."""


class OverSplits:
    """Accuracy, cost and Rank Score of whatever was decided on several test splits.

    Args:
        cost_bounds: of the benchmark.
    """

    def __init__(self, cost_bounds: tuple[float, float]) -> None:
        self.cost_bounds = cost_bounds
        self._values: dict[Hashable, list[tuple[float, float, float]]] = {}
        self._draws: dict[Hashable, list[np.ndarray]] = {}

    def add(self, chosen: Mapping[Any, Chosen], groups: Sequence[str], *, seed: int) -> None:
        """Take in one split.

        Args:
            chosen: under the same names on every split.
            groups: (num_samples,) of the scored samples.
            seed: of the resamples.
        """
        quality, cost = (np.column_stack([pair[side] for pair in chosen.values()]) for side in (0, 1))
        options = {"cost_bounds": self.cost_bounds, "beta": RANK_SCORE_BETA, "seed": seed}
        draws = trade_off_draws(quality, cost, groups, **options)["rank_score"]
        for place, name in enumerate(chosen):
            averages = float(quality[:, place].mean()), float(cost[:, place].mean())
            score = float(rank_score(*averages, cost_bounds=self.cost_bounds))
            self._values.setdefault(name, []).append((*averages, score))
            self._draws.setdefault(name, []).append(draws[:, place])

    @property
    def names(self) -> list[Any]:
        """Of everything that was added, in that order."""
        return list(self._values)

    def figures(self, name: Hashable) -> dict[str, float]:
        """Means over splits: `accuracy`, `average_cost_usd` and `rank_score`."""
        means = np.mean(self._values[name], axis=0)
        return dict(zip(("accuracy", "average_cost_usd", "rank_score"), map(float, means), strict=True))

    def rank_scores(self, name: Hashable) -> list[float]:
        """Rank Score on each split."""
        return [values[2] for values in self._values[name]]

    def rank_score(self, names: Sequence[Hashable]) -> float:
        """Mean Rank Score over splits and names."""
        return float(np.mean([self.rank_scores(name) for name in names]))

    def difference(self, names: Sequence[Hashable], others: Sequence[Hashable]) -> dict[str, Any]:
        """Mean Rank Score of some less that of others: `rank_score` and `ci95` [low, high]."""
        first, second = (
            np.mean([np.mean(self._draws[name], axis=0) for name in side], axis=0) for side in (names, others)
        )
        return {"rank_score": self.rank_score(names) - self.rank_score(others), "ci95": interval(first - second)}


def worth_of(decisions: np.ndarray, test: RoutingTable) -> Chosen:
    """What decisions (num_samples,), places in the pool, were worth on the scored samples."""
    return chosen_values(test.quality, decisions), chosen_values(test.cost, decisions)


def worth_of_policy(name: str, split: RoutingTable, test: RoutingTable, *, seed: int) -> Chosen:
    """What a policy that was fitted on a split's train is worth; of one that draws, what is expected."""
    policy = decide_policy(name, test, split.split("train"), seed=seed)
    if policy.shares is not None:
        return test.quality @ policy.shares, test.cost @ policy.shares
    return worth_of(policy.decisions, test)

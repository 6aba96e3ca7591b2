"""Outcomes of decisions on every test split, and how means over splits differ.

Decisions
- A figure is a mean over splits. Its interval resamples the groups of each test split, paired over everything that was
  decided on it, and takes the mean over splits of every resample. Test splits of two seeds share samples, so it is
  somewhat too narrow.
- What is compared may itself be a mean over several (every new candidate in turn): Rank Score is a property of a
  router, so scores are averaged, never decisions.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, TypedDict, TypeVar, cast

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.evaluation.records import ShareIntervals
from vlrouterbench.metrics.bootstrap import interval, resampled_means, trade_off_draws
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import chosen_values

Outcomes = tuple[np.ndarray, np.ndarray]
"""Quality and cost (USD per sample) of decisions, (num_samples,) each."""
Name = TypeVar("Name", bound=Hashable)
RecordT = TypeVar("RecordT")


class MeanFigures(TypedDict):
    """Means over splits.

    Attributes:
        accuracy: 0 to 1.
        average_cost_usd: USD per sample.
        rank_score: 0 to 100.
    """

    accuracy: float
    average_cost_usd: float
    rank_score: float


class ShareFigures(TypedDict):
    """Mean shares over splits of the accuracy and cost of each split's best single candidate, with intervals."""

    accuracy_share: float
    cost_share: float
    share_ci95: ShareIntervals


class RankScoreDifference(TypedDict):
    """How far one mean Rank Score is above another.

    Attributes:
        rank_score: the difference.
        ci95: its paired interval [low, high].
    """

    rank_score: float
    ci95: list[float]


class OverSplits(Generic[Name]):
    """Accuracy, cost and Rank Score of whatever was decided on several test splits.

    Args:
        cost_bounds: of the benchmark; None: Rank Scores are NaN.
        beta: as for `rank_score`.
        goal: what decisions are judged by, where figures of that are wanted too (`merit`); `add` then needs `best`.
    """

    def __init__(
        self, cost_bounds: tuple[float, float] | None, beta: float = RANK_SCORE_BETA, goal: Goal | None = None
    ) -> None:
        self.cost_bounds, self.beta, self.goal = cost_bounds, beta, goal
        self._merits: dict[Name, list[tuple[float, np.ndarray]]] = {}
        self._figures: dict[Name, list[MeanFigures]] = {}
        self._draws: dict[Name, list[np.ndarray]] = {}
        self._shares: dict[tuple[Name, int], list[tuple[float, np.ndarray]]] = {}

    def add(
        self, outcomes: Mapping[Name, Outcomes], groups: Sequence[str], *, seed: int, best: Outcomes | None = None
    ) -> None:
        """Add one split.

        Args:
            outcomes: of decisions, under the same names on every split.
            groups: (num_samples,) of the scored samples.
            seed: of the resamples.
            best: outcomes of the best single candidate, where shares of its figures are wanted.
        """
        if best is not None:
            self._add_shares(outcomes, best, groups, seed)
        quality, cost = (np.column_stack([pair[side] for pair in outcomes.values()]) for side in (0, 1))
        drawn = trade_off_draws(quality, cost, groups, cost_bounds=self.cost_bounds, beta=self.beta, seed=seed)
        draws = drawn["rank_score"]
        if self.goal is not None and best is not None:
            merits = draws
            if not self.goal.ranks_by_rank_score:
                top = resampled_means(best[0][:, None], groups, seed=seed)
                merits = self.goal.merit(drawn["accuracy"], drawn["average_cost_usd"], top)
            for index, (name, pair) in enumerate(outcomes.items()):
                value = self.goal.merit(pair[0].mean(), pair[1].mean(), best[0].mean())
                self._merits.setdefault(name, []).append((float(value), merits[:, index]))
        for index, name in enumerate(outcomes):
            figures = figures_of((quality[:, index], cost[:, index]), self.cost_bounds, self.beta)
            self._figures.setdefault(name, []).append(figures)
            self._draws.setdefault(name, []).append(draws[:, index])

    def _add_shares(self, outcomes: Mapping[Name, Outcomes], best: Outcomes, groups: Sequence[str], seed: int) -> None:
        columns = [*outcomes.values(), best]
        means = resampled_means(np.column_stack([side for pair in columns for side in pair]), groups, seed=seed)
        for index, (name, pair) in enumerate(outcomes.items()):
            for side in (0, 1):
                whole, draws = best[side].mean(), means[:, -2 + side]
                exists = bool(whole > 0 and (draws > 0).all())
                share = float(pair[side].mean() / whole) if exists else math.nan
                drawn = means[:, 2 * index + side] / draws if exists else np.full(len(draws), math.nan)
                self._shares.setdefault((name, side), []).append((share, drawn))

    def shares(self, name: Name) -> ShareFigures:
        """Mean shares over splits of the best single candidate's accuracy and cost; NaN where one does not exist."""
        pairs = [self._shares[name, side] for side in (0, 1)]
        values = [float(np.mean([share for share, _ in pair])) for pair in pairs]
        spans = [interval(np.mean([drawn for _, drawn in pair], axis=0)) for pair in pairs]
        return {
            "accuracy_share": values[0],
            "cost_share": values[1],
            "share_ci95": {"accuracy_share": spans[0], "cost_share": spans[1]},
        }

    @property
    def names(self) -> list[Name]:
        """Of everything that was added, in that order."""
        return list(self._figures)

    def figures(self, name: Name) -> MeanFigures:
        """Means over splits."""
        return mean_record(self._figures[name])

    def rank_scores(self, name: Name) -> list[float]:
        """Rank Score on each split."""
        return [figures["rank_score"] for figures in self._figures[name]]

    def merit(self, name: Name) -> float:
        """Mean over splits of what decisions are judged by, the larger the better."""
        return float(np.mean([value for value, _ in self._merits[name]]))

    def merit_draws(self, name: Name) -> np.ndarray:
        """The same on every resample, (num_resamples,)."""
        draws: np.ndarray = np.mean([drawn for _, drawn in self._merits[name]], axis=0)
        return draws

    def rank_score(self, names: Sequence[Name]) -> float:
        """Mean Rank Score over splits and names."""
        return float(np.mean([self.rank_scores(name) for name in names]))

    def difference(self, names: Sequence[Name], others: Sequence[Name]) -> RankScoreDifference:
        """Mean Rank Score of some less that of others."""
        first, second = (
            np.mean([np.mean(self._draws[name], axis=0) for name in side], axis=0) for side in (names, others)
        )
        return {"rank_score": self.rank_score(names) - self.rank_score(others), "ci95": interval(first - second)}


def figures_of(
    outcomes: Outcomes, cost_bounds: tuple[float, float] | None, beta: float = RANK_SCORE_BETA
) -> MeanFigures:
    """Means over the samples of one split."""
    accuracy, cost = (float(values.mean()) for values in outcomes)
    score = float(Goal(beta=beta, given_bounds=cost_bounds).rank_score(accuracy, cost))
    return {"accuracy": accuracy, "average_cost_usd": cost, "rank_score": score}


def outcomes_of(decisions: np.ndarray, test: RoutingTable) -> Outcomes:
    """Outcomes of decisions (num_samples,), indices into the pool, on the scored samples."""
    return chosen_values(test.quality, decisions), chosen_values(test.cost, decisions)


def outcomes_of_policy(name: str, split: RoutingTable, test: RoutingTable, *, seed: int) -> Outcomes:
    """Outcomes of a policy that was fitted on a split's train; the expected ones of a policy that draws."""
    policy = decide_policy(name, test, split.split("train"), seed=seed)
    if policy.shares is not None:
        return test.quality @ policy.shares, test.cost @ policy.shares
    return outcomes_of(policy.decisions, test)


def mean_record(records: Sequence[RecordT]) -> RecordT:
    """Mean of records of one shape: of the numbers under each key, None where there is None."""
    return cast(RecordT, _mean(records))


def _mean(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Mapping):
        return {key: _mean([value[key] for value in values]) for key in values[0]}
    return None if values[0] is None else float(np.mean(values))


def score_text(score: float) -> str:
    """A Rank Score in print; a dash where there is none."""
    return "-" if math.isnan(score) else f"{score:.2f}"


def difference_text(difference: RankScoreDifference) -> str:
    """A difference and its interval in print, "+1.20 (+0.45 to +1.95)"."""
    if math.isnan(difference["rank_score"]):
        return "-"
    low, high = difference["ci95"]
    return f"{difference['rank_score']:+.2f} ({low:+.2f} to {high:+.2f})"

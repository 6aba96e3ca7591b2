"""Routers beside what they are compared with, on the same samples and the same resamples.

Decisions
- Every router is compared with every control of the evaluation (fixed policies, the oracle, the upper-bound
  estimate), with random choice matched on its routing distribution, and, where there is one, with its label-permutation
  control. One set of resamples serves all, so differences are paired.
- The expectation of the matched random choice is exact and needs no draw: each sample's mean over candidates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.changes import PoolChangesRecord
from vlrouterbench.evaluation.estimates import CandidateEstimates
from vlrouterbench.evaluation.records import (
    ControlRecord,
    Difference,
    Figures,
    FreeForm,
    Interval,
    Intervals,
    PartRecord,
    ThroughputRecord,
    UpperBoundGap,
)
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.metrics.trade_off import chosen_values, values_of_calls

MIXTURE, ORACLE, UPPER_BOUND = "mixture", "oracle", "upper-bound"
SAME_SHARES, SHUFFLED = "same-shares/", "shuffled-labels/"
"""What a router is compared with; those with a slash are one router's own, and are followed by its index."""


BEST_SINGLE = "best-single/"
"""The column of the best single candidate on the scored samples, which every router's shares are of."""


def best_single(table: RoutingTable) -> int:
    """Index of the candidate with the best mean quality on completely measured samples, of equal ones the cheapest."""
    return int(np.lexsort((table.cost.mean(axis=0), -table.quality.mean(axis=0)))[0])


@dataclass
class RoutedSplit:
    """Decisions of one router on a split, before scoring.

    Attributes:
        router: its name in the results.
        decisions: (num_samples,) indices in the pool.
        config: what the router is.
        shares: (num_candidates,) where it draws, else None.
        throughput: measured speed, None for what needs no model.
        features: what its features are, None where it uses none.
        frontier: (usd_weight, decisions) at every trade-off that it offers, else None.
        shuffled: decisions of its label-permutation control, else None.
        estimates: its estimates of every candidate, None where its family is not calibrated.
        asked_before: (num_samples,) who was asked, and is paid, before each of the decisions, -1: nobody; None where a
            router asks once.
        training_overlap: scored samples that it was trained on; None where that is not known, and for policies.
    """

    router: str
    decisions: np.ndarray
    config: FreeForm
    shares: np.ndarray | None = None
    throughput: ThroughputRecord | None = None
    features: FreeForm | None = None
    frontier: list[tuple[float, np.ndarray]] | None = None
    shuffled: np.ndarray | None = None
    estimates: CandidateEstimates | None = None
    asked_before: np.ndarray | None = None
    training_overlap: int | None = None


@dataclass(frozen=True)
class ScoringContext:
    """What all records of one evaluation share.

    Attributes:
        table: the scored samples.
        split: its name.
        seed: of resamples and draws.
        references: decisions of the controls on the same samples, `mixture` and `oracle` among them.
        num_left_out: samples of the split that were not measured for every candidate.
        machine_usd_per_hour: price of the machine that times routers; None leaves their overhead uncounted.
        prices: that costs are counted at where they are not the benchmark's, USD per million tokens in and out.
        candidates_left_out: the benchmark's candidates that are not scored.
        changes: of the pool for this evaluation alone.
    """

    table: RoutingTable
    split: str
    seed: int
    references: Mapping[str, np.ndarray]
    num_left_out: int = 0
    machine_usd_per_hour: float | None = None
    prices: dict[str, list[float]] | None = None
    candidates_left_out: Sequence[str] = ()
    changes: PoolChangesRecord | None = None

    @property
    def goal(self) -> Goal:
        """What decisions are judged by."""
        return self.table.goal


@dataclass(frozen=True)
class PairedFigures:
    """Routers and what they are compared with, on the same samples and resamples.

    Figures that do not exist without bounds are NaN here.

    Attributes:
        quality, cost: (num_samples, num_columns); a column per router, then those of what they are compared with.
        draws: name of a figure -> (num_resamples, num_columns).
        columns: what a router is compared with -> its column.
    """

    quality: np.ndarray
    cost: np.ndarray
    draws: dict[str, np.ndarray]
    columns: dict[str, int]

    @classmethod
    def of(cls, routed: Sequence[RoutedSplit], context: ScoringContext) -> PairedFigures:
        """All columns, resampled once."""
        table, width = context.table, len(context.table.pool)
        others: dict[str, tuple[np.ndarray, np.ndarray]] = {}

        def decided(decisions: np.ndarray, before: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
            return chosen_values(table.quality, decisions), values_of_calls(table.cost, decisions, before)

        for name, decisions in context.references.items():
            others[name] = decided(decisions)
        for index, router in enumerate(routed):
            # Shares are those of the whole split and are not resampled: the control is one fixed policy.
            shares = np.bincount(router.decisions, minlength=width) / len(table)
            others[f"{SAME_SHARES}{index}"] = table.quality @ shares, table.cost @ shares
            if router.shuffled is not None:
                others[f"{SHUFFLED}{index}"] = decided(router.shuffled)
        others[BEST_SINGLE] = decided(np.full(len(table), best_single(table)))
        pairs = [*(decided(router.decisions, router.asked_before) for router in routed), *others.values()]
        quality, cost = (np.column_stack(matrix) for matrix in zip(*pairs, strict=True))
        draws = _draws(quality, cost, table.column("group_id"), context)
        return cls(quality, cost, draws, {name: len(routed) + index for index, name in enumerate(others)})

    def merits(self, context: ScoringContext) -> np.ndarray:
        """What decisions are judged by, per resample and column, (num_resamples, num_columns)."""
        if context.goal.ranks_by_rank_score:
            return self.draws["rank_score"]
        best = self.draws["accuracy"][:, [self.columns[BEST_SINGLE]]]
        return context.goal.merit(self.draws["accuracy"], self.draws["average_cost_usd"], best)

    def versus_mixture(self, index: int, context: ScoringContext) -> Difference:
        """Difference of a router's Rank Score from that of the best static mixture."""
        control = self.control(index, MIXTURE, context)
        return {"rank_score": control["difference"], "ci95": control["ci95"]}

    def differences(self, index: int, routed: Sequence[RoutedSplit], context: ScoringContext) -> dict[str, Difference]:
        """Difference of a router's Rank Score from that of every other router of the evaluation."""
        draws = self.draws["rank_score"][:, : len(routed)]
        accuracy, cost = (matrix[:, : len(routed)].mean(axis=0) for matrix in (self.quality, self.cost))
        scores = context.goal.rank_score(accuracy, cost)
        return {
            other.router: {
                "rank_score": float(scores[index] - scores[column]),
                "ci95": interval(draws[:, index] - draws[:, column]),
            }
            for column, other in enumerate(routed)
            if column != index
        }

    def parts(self, column: str, num_routers: int, context: ScoringContext) -> list[dict[str, PartRecord]]:
        """Per router, its figures and their intervals within each value of a column such as `dataset`.

        Each part is resampled by itself: its groups, and no others.
        """
        keys, groups = np.array(context.table.column(column)), np.array(context.table.column("group_id"))
        by_router: list[dict[str, PartRecord]] = [{} for _ in range(num_routers)]
        for key in dict.fromkeys(context.table.column(column)):
            rows = keys == key
            quality, cost = self.quality[rows, :num_routers], self.cost[rows, :num_routers]
            draws = _draws(quality, cost, groups[rows], context)
            for index, parts in enumerate(by_router):
                parts[key] = {
                    "num_samples": int(rows.sum()),
                    **trade_off(quality[:, index], cost[:, index], context),
                    "ci95": _intervals(draws, index),
                }
        return by_router

    def gap_interval(self, index: int, top: str = ORACLE) -> Interval | None:
        """Interval of the share of the gap from the mixture to the top; None where some resample has no gap."""
        draws = self.draws["rank_score"]
        low, high = (draws[:, self.columns[name]] for name in (MIXTURE, top))
        return interval((draws[:, index] - low) / (high - low)) if (high > low).all() else None

    def upper_bound_gap(self, index: int, context: ScoringContext) -> UpperBoundGap:
        """Share of the gap from the mixture to the cross-fitted upper-bound estimate, with its interval.

        Both are None where the estimate is not above the mixture beyond chance: a share of no gap says nothing. The
        upper bound is estimated from below, so a share above 1 says that the router exceeds the estimate.
        """
        if UPPER_BOUND not in self.columns:
            return {"upper_bound_gap_closed": None, "upper_bound_gap_ci95": None}
        draws = self.draws["rank_score"]
        low, high = (self.columns[name] for name in (MIXTURE, UPPER_BOUND))
        # Written so that NaN, where there is no Rank Score, counts as no gap.
        if not interval(draws[:, high] - draws[:, low])[0] > 0:
            return {"upper_bound_gap_closed": None, "upper_bound_gap_ci95": None}
        own, base, top = (
            float(context.goal.rank_score(self.quality[:, column].mean(), self.cost[:, column].mean()))
            for column in (index, low, high)
        )
        return {
            "upper_bound_gap_closed": (own - base) / (top - base),
            "upper_bound_gap_ci95": self.gap_interval(index, UPPER_BOUND),
        }

    def control(self, index: int, other: str, context: ScoringContext) -> ControlRecord:
        """Figures of what a router is compared with, and the difference of the router's Rank Score from it."""
        column, draws = self.columns[other], self.draws["rank_score"]
        own, figures = (trade_off(self.quality[:, c], self.cost[:, c], context) for c in (index, column))
        scores = [math.nan if one["rank_score"] is None else one["rank_score"] for one in (own, figures)]
        return {
            **figures,
            "own_ci95": self.intervals(column),
            "difference": scores[0] - scores[1],
            "ci95": interval(draws[:, index] - draws[:, column]),
        }

    def intervals(self, column: int) -> Intervals:
        """Intervals of the figures of one column."""
        return _intervals(self.draws, column)


def trade_off(quality: np.ndarray, cost: np.ndarray, context: ScoringContext) -> Figures:
    """Accuracy, average cost and Rank Score (NaN without bounds) of one value of each per sample, (num_samples,)."""
    accuracy, average_cost = float(quality.mean()), float(cost.mean())
    score = context.goal.rank_score(accuracy, average_cost)
    return {"accuracy": accuracy, "average_cost_usd": average_cost, "rank_score": float(score)}


def trade_off_of(decisions: np.ndarray, context: ScoringContext) -> Figures:
    """Accuracy, average cost and Rank Score of decisions (num_samples,)."""
    table = context.table
    return trade_off(chosen_values(table.quality, decisions), chosen_values(table.cost, decisions), context)


def _draws(
    quality: np.ndarray, cost: np.ndarray, groups: Sequence[str], context: ScoringContext
) -> dict[str, np.ndarray]:
    """Resampled figures, name -> (num_resamples, num_columns), under the context's bounds, beta and seed."""
    bounds, beta = context.goal.cost_bounds, context.goal.beta
    return trade_off_draws(quality, cost, groups, cost_bounds=bounds, beta=beta, seed=context.seed)


def _intervals(draws: Mapping[str, np.ndarray], column: int) -> Intervals:
    accuracy, cost, score = (
        interval(draws[name][:, column]) for name in ("accuracy", "average_cost_usd", "rank_score")
    )
    return {"accuracy": accuracy, "average_cost_usd": cost, "rank_score": score}

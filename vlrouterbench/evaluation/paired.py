"""Routers beside what they are compared with, on the same samples and the same resamples.

Decisions
- Every router is compared with every control of the evaluation (fixed policies, the oracle, the reachable ceiling),
  with the expectation of a draw at its own candidate shares, and, where there is one, with its twin trained on shuffled
  labels. One set of resamples serves all, so differences are paired.
- The expectation at the same shares is exact, and needs no draw: each sample's mean over candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.estimates import CandidateEstimates
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import chosen_values, rank_score

MIXTURE, ORACLE, REACHABLE = "mixture", "oracle", "reachable"
SAME_SHARES, SHUFFLED = "same-shares/", "shuffled-labels/"
"""What a router is compared with; those with a slash stand before the router's place."""


@dataclass
class RoutedSplit:
    """Decisions of one router on a split, before scoring.

    Attributes:
        router: its name in the results.
        decisions: (num_samples,) places in the pool.
        config: what the router is.
        shares: (num_candidates,) where it draws, else None.
        throughput: measured speed, None for what needs no model.
        features: what its features are, None where it uses none.
        frontier: (usd_weight, decisions) at every trade-off that it offers, else None.
        shuffled: decisions of its control trained on shuffled labels, else None.
        estimates: what it expects of every candidate, None where its family is not calibrated.
    """

    router: str
    decisions: np.ndarray
    config: dict[str, Any]
    shares: np.ndarray | None = None
    throughput: dict[str, Any] | None = None
    features: dict[str, Any] | None = None
    frontier: list[tuple[float, np.ndarray]] | None = None
    shuffled: np.ndarray | None = None
    estimates: CandidateEstimates | None = None


@dataclass(frozen=True)
class ScoringContext:
    """What all records of one evaluation share.

    Attributes:
        table: the scored samples.
        split: its name.
        seed: of resamples and draws.
        references: decisions of the controls on the same samples, `mixture` and `oracle` among them.
        num_left_out: samples of the split that were not measured for every candidate.
        beta: as for `rank_score`.
        machine_usd_per_hour: price of the machine that times routers; None leaves their overhead uncounted.
    """

    table: RoutingTable
    split: str
    seed: int
    references: Mapping[str, np.ndarray]
    num_left_out: int = 0
    beta: float = RANK_SCORE_BETA
    machine_usd_per_hour: float | None = None


@dataclass(frozen=True)
class PairedFigures:
    """Routers and what they are compared with, on the same samples and resamples.

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

        def decided(decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return chosen_values(table.quality, decisions), chosen_values(table.cost, decisions)

        for name, decisions in context.references.items():
            others[name] = decided(decisions)
        for place, router in enumerate(routed):
            # Shares are those of the whole split and are not resampled: the control is one fixed policy.
            shares = np.bincount(router.decisions, minlength=width) / len(table)
            others[f"{SAME_SHARES}{place}"] = table.quality @ shares, table.cost @ shares
            if router.shuffled is not None:
                others[f"{SHUFFLED}{place}"] = decided(router.shuffled)
        pairs = [*(decided(router.decisions) for router in routed), *others.values()]
        quality, cost = (np.column_stack(matrix) for matrix in zip(*pairs, strict=True))
        options = {"cost_bounds": table.cost_bounds, "beta": context.beta, "seed": context.seed}
        draws = trade_off_draws(quality, cost, table.column("group_id"), **options)
        return cls(quality, cost, draws, {name: len(routed) + place for place, name in enumerate(others)})

    def difference(self, place: int, other: str, context: ScoringContext) -> dict[str, Any]:
        """Rank Score of a router less that of what it is compared with, and its paired interval."""
        column = self.columns[other]
        scores = [trade_off(self.quality[:, c], self.cost[:, c], context)["rank_score"] for c in (place, column)]
        draws = self.draws["rank_score"]
        return {"difference": scores[0] - scores[1], "ci95": interval(draws[:, place] - draws[:, column])}

    def differences(self, place: int, routed: Sequence[RoutedSplit], context: ScoringContext) -> dict[str, Any]:
        """How far a router's Rank Score is from every other router's of the evaluation, with paired intervals."""
        draws, bounds = self.draws["rank_score"][:, : len(routed)], {"cost_bounds": context.table.cost_bounds}
        averages = (matrix[:, : len(routed)].mean(axis=0) for matrix in (self.quality, self.cost))
        scores = rank_score(*averages, **bounds, beta=context.beta)
        return {
            other.router: {
                "rank_score": float(scores[place] - scores[column]),
                "ci95": interval(draws[:, place] - draws[:, column]),
            }
            for column, other in enumerate(routed)
            if column != place
        }

    def parts(self, column: str, num_routers: int, context: ScoringContext) -> list[dict[str, dict[str, Any]]]:
        """Per router, its figures and their intervals within each value of a column such as `dataset`.

        Each part is resampled by itself: its groups, and no others.
        """
        keys, groups = np.array(context.table.column(column)), np.array(context.table.column("group_id"))
        options = {"cost_bounds": context.table.cost_bounds, "beta": context.beta, "seed": context.seed}
        found: list[dict[str, dict[str, Any]]] = [{} for _ in range(num_routers)]
        for key in dict.fromkeys(context.table.column(column)):
            rows = keys == key
            quality, cost = self.quality[rows, :num_routers], self.cost[rows, :num_routers]
            draws = trade_off_draws(quality, cost, groups[rows], **options)
            for place, parts in enumerate(found):
                parts[key] = {
                    "num_samples": int(rows.sum()),
                    **trade_off(quality[:, place], cost[:, place], context),
                    "ci95": {name: interval(values[:, place]) for name, values in draws.items()},
                }
        return found

    def gap_interval(self, place: int, top: str = ORACLE) -> list[float] | None:
        """Interval of the share of the gap from the mixture to the top; None where some resample has no gap."""
        draws = self.draws["rank_score"]
        low, high = (draws[:, self.columns[name]] for name in (MIXTURE, top))
        return interval((draws[:, place] - low) / (high - low)) if (high > low).all() else None

    def reachable_gap(self, place: int, context: ScoringContext) -> dict[str, Any]:
        """Share of the gap from the mixture to the reachable ceiling, in Rank Score, with its interval.

        Both are None where the ceiling is not above the mixture beyond chance: a share of no gap says nothing. The
        ceiling is an estimate from below, so a share above 1 says that the router found more than it.
        """
        if REACHABLE not in self.columns:
            return {"reachable_gap_closed": None, "reachable_gap_ci95": None}
        draws = self.draws["rank_score"]
        low, high = (self.columns[name] for name in (MIXTURE, REACHABLE))
        if interval(draws[:, high] - draws[:, low])[0] <= 0:
            return {"reachable_gap_closed": None, "reachable_gap_ci95": None}
        own, base, top = (
            trade_off(self.quality[:, column], self.cost[:, column], context)["rank_score"]
            for column in (place, low, high)
        )
        return {
            "reachable_gap_closed": (own - base) / (top - base),
            "reachable_gap_ci95": self.gap_interval(place, REACHABLE),
        }

    def control(self, place: int, other: str, context: ScoringContext) -> dict[str, Any]:
        """Figures of what a router is compared with and their intervals (`own_ci95`), and how far the router's Rank
        Score is from its."""
        column = self.columns[other]
        figures = trade_off(self.quality[:, column], self.cost[:, column], context)
        return {**figures, "own_ci95": self.intervals(column), **self.difference(place, other, context)}

    def intervals(self, column: int) -> dict[str, list[float]]:
        """Intervals of the figures of one column."""
        return {name: interval(values[:, column]) for name, values in self.draws.items()}


def trade_off(quality: np.ndarray, cost: np.ndarray, context: ScoringContext) -> dict[str, float]:
    """Accuracy, average cost and Rank Score of one value of each per sample, (num_samples,)."""
    accuracy, average_cost = float(quality.mean()), float(cost.mean())
    score = rank_score(accuracy, average_cost, cost_bounds=context.table.cost_bounds, beta=context.beta)
    return {"accuracy": accuracy, "average_cost_usd": average_cost, "rank_score": float(score)}


def trade_off_of(decisions: np.ndarray, context: ScoringContext) -> dict[str, float]:
    """Accuracy, average cost and Rank Score of decisions (num_samples,)."""
    table = context.table
    return trade_off(chosen_values(table.quality, decisions), chosen_values(table.cost, decisions), context)

"""Ranks of routers by name, from their decisions: what `metrics.ranks` says of paired resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.paired import best_single
from vlrouterbench.metrics.bootstrap import trade_off_draws
from vlrouterbench.metrics.ranks import rank_ranges
from vlrouterbench.metrics.trade_off import chosen_values, values_of_calls

NO_CALLS: Mapping[str, np.ndarray] = MappingProxyType({})
"""Of routers that ask once."""


@dataclass(frozen=True)
class Rank:
    """A router's rank among others.

    Attributes:
        rank: 1 + number of routers that are clearly better; those that cannot be told apart share it.
        best, worst: ends of the range of its rank over resamples.
        ties: routers whose difference from this one has an interval that holds zero.
    """

    rank: int
    best: int
    worst: int
    ties: tuple[str, ...]

    @property
    def text(self) -> str:
        """The range in print: "2", or "1 to 3" for a tie."""
        return rank_range_text(self.best, self.worst)


def rank_range_text(best: int, worst: int) -> str:
    """A range of ranks in print: "2", or "1 to 3" for a tie."""
    return str(best) if best == worst else f"{best} to {worst}"


def rank_routers(
    table: RoutingTable,
    decisions: Mapping[str, np.ndarray],
    *,
    seed: int,
    calls: Mapping[str, np.ndarray] = NO_CALLS,
) -> dict[str, Rank]:
    """Rank routers that decided on the same samples, by what the table's decisions are judged by.

    Args:
        table: the scored samples, all measured for every candidate.
        decisions: router -> indices in the pool (num_samples,).
        seed: of the resamples, which are the same for all.
        calls: router -> who was asked before each of its decisions, of those that ask twice.
    """
    if not decisions:
        return {}
    quality = np.column_stack([chosen_values(table.quality, chosen) for chosen in decisions.values()])
    cost = np.column_stack([values_of_calls(table.cost, chosen, calls.get(name)) for name, chosen in decisions.items()])
    groups = table.column("group_id")
    best = best_single(table)
    quality, cost = (
        np.column_stack([values, matrix[:, best]]) for values, matrix in ((quality, table.quality), (cost, table.cost))
    )
    goal = table.goal
    draws = trade_off_draws(quality, cost, groups, cost_bounds=goal.cost_bounds, beta=goal.beta, seed=seed)
    accuracy = draws["accuracy"]
    merits = (
        draws["rank_score"]
        if goal.ranks_by_rank_score
        else goal.merit(accuracy, draws["average_cost_usd"], accuracy[:, [-1]])
    )
    return ranks_of(list(decisions), merits[:, : len(decisions)])


def ranks_of(names: Sequence[str], draws: np.ndarray) -> dict[str, Rank]:
    """Ranks by name from paired resamples (num_resamples, num_routers)."""
    return {
        name: Rank(ranks.rank, ranks.low, ranks.high, tuple(names[index] for index in ranks.tied_with))
        for name, ranks in zip(names, rank_ranges(draws), strict=True)
    }

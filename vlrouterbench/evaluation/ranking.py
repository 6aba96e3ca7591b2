"""Ranks with ranges: which places a router may have, given paired intervals of the differences of Rank Score.

Decisions
- A router is better than another only where the paired 95 % interval of their difference lies above zero. Its range of
  places runs from behind all that are better to before all that are worse.
- Routers whose ranges overlap are a tie as far as these samples can tell; equal scores share a rank.
- No correction for the number of pairs: the intervals are the ones that stand beside the differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vlrouterbench.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import chosen_values, rank_score


@dataclass(frozen=True)
class Rank:
    """A router's place among others.

    Attributes:
        rank: 1 + number of routers with a larger Rank Score; equal scores share it.
        best, worst: first and last place that the intervals allow.
        ties: routers whose difference from this one has an interval that holds zero.
    """

    rank: int
    best: int
    worst: int
    ties: tuple[str, ...]


def places_text(best: int, worst: int) -> str:
    """Places in print: "2", or "1 to 3" for a tie."""
    return str(best) if best == worst else f"{best} to {worst}"


def rank_routers(
    table: RoutingTable, decisions: Mapping[str, np.ndarray], *, seed: int, beta: float = RANK_SCORE_BETA
) -> dict[str, Rank]:
    """Rank routers that decided on the same samples.

    Args:
        table: the scored samples, all measured for every candidate.
        decisions: router -> places in the pool (num_samples,).
        seed: of the resamples, which are the same for all.
        beta: as for `rank_score`.
    """
    names = list(decisions)
    if not names:
        return {}
    quality = np.column_stack([chosen_values(table.quality, decisions[name]) for name in names])
    cost = np.column_stack([chosen_values(table.cost, decisions[name]) for name in names])
    bounds = {"cost_bounds": table.cost_bounds, "beta": beta}
    draws = trade_off_draws(quality, cost, table.column("group_id"), seed=seed, **bounds)["rank_score"]
    return ranks_of(names, rank_score(quality.mean(axis=0), cost.mean(axis=0), **bounds), draws)


def ranks_of(names: list[str], scores: np.ndarray, draws: np.ndarray) -> dict[str, Rank]:
    """Ranks from scores (num_routers,) and their paired resamples (num_resamples, num_routers)."""
    size = len(names)
    better = np.zeros((size, size), dtype=bool)
    for first in range(size):
        for second in range(first + 1, size):
            low, high = interval(draws[:, first] - draws[:, second])
            better[first, second], better[second, first] = low > 0, high < 0
    tied = ~(better | better.T | np.eye(size, dtype=bool))
    return {
        name: Rank(
            rank=1 + int((scores > scores[place]).sum()),
            best=1 + int(better[:, place].sum()),
            worst=size - int(better[place].sum()),
            ties=tuple(names[other] for other in np.flatnonzero(tied[place])),
        )
        for place, name in enumerate(names)
    }

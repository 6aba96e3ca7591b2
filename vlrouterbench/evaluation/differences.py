"""Differences of Rank Score between routers that decided on the same samples, with paired intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vlrouterbench.constants import RANK_SCORE_BETA
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.trade_off import chosen_values, rank_score


def paired_rank_scores(
    table: RoutingTable, decisions: Mapping[str, np.ndarray], *, seed: int, beta: float = RANK_SCORE_BETA
) -> tuple[np.ndarray, np.ndarray]:
    """Rank Scores (num_routers,) and their resamples (num_resamples, num_routers), the same resamples for all.

    Args:
        table: the scored samples, all measured for every candidate.
        decisions: router -> places in the pool (num_samples,); at least one.
        seed: of the resamples.
        beta: as for `rank_score`.
    """
    quality = np.column_stack([chosen_values(table.quality, chosen) for chosen in decisions.values()])
    cost = np.column_stack([chosen_values(table.cost, chosen) for chosen in decisions.values()])
    bounds = {"cost_bounds": table.cost_bounds, "beta": beta}
    draws = trade_off_draws(quality, cost, table.column("group_id"), seed=seed, **bounds)["rank_score"]
    return rank_score(quality.mean(axis=0), cost.mean(axis=0), **bounds), draws


def rank_score_differences(
    table: RoutingTable, decisions: Mapping[str, np.ndarray], *, base: str, seed: int, beta: float = RANK_SCORE_BETA
) -> dict[str, dict[str, float | list[float]]]:
    """How far each router's Rank Score is from a base router's.

    Args:
        table: the scored samples, all measured for every candidate.
        decisions: router -> places in the pool (num_samples,).
        base: the router that the others are compared with.
        seed: of the resamples, which are the same for all.
        beta: as for `rank_score`.

    Returns:
        Router -> {"rank_score": difference, "ci95": [low, high]}, bootstrap over groups.
    """
    names = list(decisions)
    scores, draws = paired_rank_scores(table, decisions, seed=seed, beta=beta)
    place = names.index(base)
    return {
        name: {
            "rank_score": float(scores[column] - scores[place]),
            "ci95": interval(draws[:, column] - draws[:, place]),
        }
        for column, name in enumerate(names)
    }

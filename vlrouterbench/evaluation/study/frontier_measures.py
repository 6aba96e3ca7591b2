"""What routers reach at every cost on one split: measures of the hulls of their operating points, and their resamples.

Decisions
- A frontier is the non-decreasing upper hull of a router's points. Its corners are chosen on test, for every router
  alike, so it is somewhat higher than what a choice on validation would reach.
- The strongest candidate is chosen on train, its cost and accuracy are those on test. A router that is never as
  accurate has no cost at which it is.
- A resample draws groups, paired over routers, and makes every hull anew from the resampled averages; 1,000 of them,
  since hulls take time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.context import bounds_of
from vlrouterbench.metrics.bootstrap import resampled_means
from vlrouterbench.metrics.frontier import convex_hull_area, hull_cost, hull_height

SINGLE = "single candidates"
NUM_RESAMPLES = 1_000
_ROUNDING = 1e-9
"""Means of the same decisions may differ in their last bits: a cost or an accuracy so near another equals it."""


@dataclass(frozen=True)
class Points:
    """Outcomes of a router's operating points: quality and cost (USD), (num_samples, num_points) each."""

    quality: np.ndarray
    cost: np.ndarray


class StrongestCandidate(TypedDict):
    """The strongest candidate of a split, chosen on train.

    Attributes:
        candidate: its name.
        accuracy: on test, 0 to 1.
        average_cost_usd: on test, USD per sample.
    """

    candidate: str
    accuracy: float
    average_cost_usd: float


@dataclass(frozen=True)
class Measures:
    """A router on one split.

    Attributes:
        num_points: how many operating points it has.
        aiq: mean height of its hull over the benchmark's costs, 0 to 1.
        accuracy: height of its hull at the strongest candidate's cost, 0 to 1; 0 where it has nothing as cheap.
        cost_share: smallest cost at which it is as accurate as the strongest, as a share of the strongest's; None where
            it never is.
        heights: of its hull at the costs where hulls are drawn, 0 below its cheapest point.
    """

    num_points: int
    aiq: float
    accuracy: float
    cost_share: float | None
    heights: np.ndarray


@dataclass(frozen=True)
class MeasuredSplit:
    """Every router on one split.

    Attributes:
        strongest: the strongest candidate.
        measures: router -> its measures on test.
        draws: router -> resampled AIQ and accuracy at the strongest's cost, (num_resamples, 2).
    """

    strongest: StrongestCandidate
    measures: dict[str, Measures]
    draws: dict[str, np.ndarray]


def measure_split(
    points: Mapping[str, Points],
    strongest: int,
    test: RoutingTable,
    costs: np.ndarray,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
) -> MeasuredSplit:
    """Measures of every router's points on one split, and their resamples.

    Args:
        points: router -> its points, those of the single candidates among them.
        strongest: index of the strongest candidate.
        test: the scored samples.
        costs: where hulls are drawn, USD per sample.
        seed: of the resamples.
        num_resamples: how many.
    """
    bounds = bounds_of(test)
    accuracy, cost = float(test.quality[:, strongest].mean()), float(test.cost[:, strongest].mean())
    measures: dict[str, Measures] = {}
    for name, own in points.items():
        hull = np.clip(own.cost.mean(axis=0), 0, None), np.clip(own.quality.mean(axis=0), 0, 1)
        lowest_cost = hull_cost(*hull, reaching=accuracy - _ROUNDING)
        measures[name] = Measures(
            num_points=own.cost.shape[1],
            aiq=convex_hull_area(*hull, cost_bounds=bounds),
            accuracy=float(hull_height(*hull, at=cost * (1 + _ROUNDING))),
            cost_share=None if lowest_cost is None else lowest_cost / cost,
            heights=hull_height(*hull, at=costs),
        )
    values = np.column_stack([test.cost[:, strongest], *(side for own in points.values() for side in _sides(own))])
    means = resampled_means(values, test.column("group_id"), seed=seed, num_resamples=num_resamples)
    budgets, start, draws = means[:, 0] * (1 + _ROUNDING), 1, {}
    for name, own in points.items():
        width = own.cost.shape[1]
        hulls = means[:, start : start + width], np.clip(means[:, start + width : start + 2 * width], 0, 1)
        start += 2 * width
        draws[name] = np.array(
            [
                (convex_hull_area(c, q, cost_bounds=bounds), hull_height(c, q, at=budget))
                for c, q, budget in zip(*hulls, budgets, strict=True)
            ]
        )
    figures: StrongestCandidate = {
        "candidate": test.pool.names[strongest],
        "accuracy": accuracy,
        "average_cost_usd": cost,
    }
    return MeasuredSplit(figures, measures, draws)


def _sides(points: Points) -> tuple[np.ndarray, np.ndarray]:
    return points.cost, points.quality

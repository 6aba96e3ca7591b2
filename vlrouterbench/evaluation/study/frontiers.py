"""Routers as whole frontiers over several splits: what each reaches at every cost, and not at one trade-off alone.

Decisions
- A family that estimates quality and cost apart gives many trade-offs of one checkpoint; a family whose training has a
  cost weight gives a training per weight of the paper's grid; any other name, a policy's too, is one point.
- Families of the first kind are asked for the same trade-offs (`evaluation/operating_points.py`).
- The row `single candidates`, every candidate alone, is what no router is needed for: it is in every study.
- A frontier is the non-decreasing upper hull of a router's points. Its corners are chosen on test, for every router
  alike, so that it is somewhat higher than what a choice on validation would reach.
- The strongest candidate is chosen on train, its cost and accuracy are those on test. Where a router is never as
  accurate, there is no cost at which it is: such splits are counted, not left out in silence.
- Intervals resample the groups of each test split, paired over routers, with every hull made anew from the resampled
  averages, and take the mean over splits of every resample; 1,000 of them, since hulls cost time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.study.over_splits import worth_of_policy
from vlrouterbench.evaluation.study.splits import Ground, check_names, scored
from vlrouterbench.metrics.bootstrap import interval, resampled_means
from vlrouterbench.metrics.frontier import convex_hull_area, hull_cost, hull_height
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.fit import train_each

SINGLE = "single candidates"
NUM_RESAMPLES = 1_000
NUM_COSTS = 61
"""Costs at which a mean hull is drawn, at equal ratios over the benchmark's range."""
_ROUNDING = 1e-9
"""Means of the same decisions may differ in their last bits: a cost or an accuracy so near another is it."""


@dataclass(frozen=True)
class Points:
    """What a router's operating points were worth: quality and cost (USD), (num_samples, num_points) each."""

    quality: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True)
class Measures:
    """A router on one split.

    Attributes:
        num_points: how many operating points it has.
        aiq: mean height of its hull over the benchmark's costs, 0 to 1.
        accuracy: height of its hull at the strongest candidate's cost, 0 to 1; 0 where it has nothing as cheap.
        cost_share: smallest cost at which it is as accurate as the strongest, as a share of the strongest's; None where
            it never is.
        heights: of its hull at NUM_COSTS costs, 0 below its cheapest point.
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
        strongest: the candidate, with its accuracy and cost on test.
        measures: router -> its measures on test.
        draws: router -> resampled AIQ and accuracy at the strongest's cost, (num_resamples, 2).
    """

    strongest: dict[str, Any]
    measures: dict[str, Measures]
    draws: dict[str, np.ndarray]


def frontiers_over_splits(ground: Ground, routers: Sequence[str]) -> dict[str, Any]:
    """Train routers on every split and measure their frontiers.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); the first is what the others are compared with.

    Returns:
        `strongest`, per split {"seed", "candidate", "accuracy", "average_cost_usd"}; `rows`, one per router and one for
        the single candidates, the best mean AIQ first: `router`, `num_points` per split; means `aiq` and
        `accuracy_at_strongest_cost` with `aiqs` and `accuracies_at_strongest_cost` per split;
        `cost_share_at_strongest_accuracy`, the mean over the `num_reached` splits where it is reached, with
        `cost_shares_at_strongest_accuracy` per split, None where not; `hull` [[average_cost_usd, accuracy], ...], the
        mean over splits at costs that it reaches in all; `first_minus_this` {"aiq", "accuracy_at_strongest_cost"}, each
        {"difference", "ci95"}.

    Raises:
        RouterError: no router or seed, or one twice.
        UnknownNameError: no such family, variant or policy.
    """
    check_names(routers, ground.seeds)
    costs = np.geomspace(*ground.table.cost_bounds, NUM_COSTS)
    splits: list[MeasuredSplit] = []
    for seed, split in ground.splits():
        test, points = scored(split), {}
        for name in routers:
            with ground.stage(f"split {seed}: {name}"):
                points[name] = operating_points(name, ground, split, test, seed)
        points[SINGLE] = Points(test.quality, test.cost)
        with ground.stage(f"split {seed}: resampled hulls"):
            strongest = int(decide_policy("strongest", test, split.split("train"), seed=seed).decisions[0])
            splits.append(measure_split(points, strongest, test, costs, seed=seed))
    rows = [_row(name, routers[0], splits, costs) for name in (*routers, SINGLE)]
    return {
        "strongest": [{"seed": seed, **found.strongest} for seed, found in zip(ground.seeds, splits, strict=True)],
        "num_resamples": NUM_RESAMPLES,
        "rows": sorted(rows, key=lambda row: -row["aiq"]),
    }


def operating_points(name: str, ground: Ground, split: RoutingTable, test: RoutingTable, seed: int) -> Points:
    """What a name offers on the test samples of a split; seed of what draws and of training."""
    if name in POLICIES:
        return Points(*(values[:, None] for values in worth_of_policy(name, split, test, seed=seed)))
    family, problem, arguments = ground.training_of(name, split, seed)
    features, kind = ground.features.of(test), FAMILIES[family]
    per_weight = kind.recipe_for(arguments.variant, problem.features.encoder).cost_weights is None
    if per_weight and not issubclass(kind, EstimatingRouter):
        trained = train_each(family, problem, replace(arguments, cost_weights=COST_WEIGHTS))
        decided = [found.router.decide(features).cpu().numpy() for found in trained]
    else:
        router = ground.train(name, split, seed)
        # Trained on this very table, it has the table's order of candidates.
        offered = decisions_by_weight(router, features, np.arange(len(test.pool)))
        decided = [router.decide(features).cpu().numpy()] if offered is None else [found for _, found in offered]
    columns = [np.column_stack([chosen_values(matrix, d) for d in decided]) for matrix in (test.quality, test.cost)]
    return Points(*columns)


def measure_split(
    points: dict[str, Points],
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
        strongest: place of the strongest candidate.
        test: the scored samples.
        costs: where hulls are drawn, USD per sample.
        seed: of the resamples.
        num_resamples: how many.
    """
    bounds = test.cost_bounds
    accuracy, cost = float(test.quality[:, strongest].mean()), float(test.cost[:, strongest].mean())
    measures: dict[str, Measures] = {}
    for name, own in points.items():
        hull = np.clip(own.cost.mean(axis=0), 0, None), np.clip(own.quality.mean(axis=0), 0, 1)
        reached = hull_cost(*hull, reaching=accuracy - _ROUNDING)
        measures[name] = Measures(
            num_points=own.cost.shape[1],
            aiq=convex_hull_area(*hull, cost_bounds=bounds),
            accuracy=float(hull_height(*hull, at=cost * (1 + _ROUNDING))),
            cost_share=None if reached is None else reached / cost,
            heights=hull_height(*hull, at=costs),
        )
    values = np.column_stack([test.cost[:, strongest], *(side for own in points.values() for side in _sides(own))])
    means = resampled_means(values, test.column("group_id"), seed=seed, num_resamples=num_resamples)
    budgets, place, draws = means[:, 0] * (1 + _ROUNDING), 1, {}
    for name, own in points.items():
        width = own.cost.shape[1]
        hulls = means[:, place : place + width], np.clip(means[:, place + width : place + 2 * width], 0, 1)
        place += 2 * width
        draws[name] = np.array(
            [
                (convex_hull_area(c, q, cost_bounds=bounds), hull_height(c, q, at=budget))
                for c, q, budget in zip(*hulls, budgets, strict=True)
            ]
        )
    figures = {"candidate": test.pool.names[strongest], "accuracy": accuracy, "average_cost_usd": cost}
    return MeasuredSplit(figures, measures, draws)


def _sides(points: Points) -> tuple[np.ndarray, np.ndarray]:
    return points.cost, points.quality


def _row(name: str, first: str, splits: Sequence[MeasuredSplit], costs: np.ndarray) -> dict[str, Any]:
    """A router's figures: means over splits, and how far the first router lies above it."""
    own, firsts = ([split.measures[router] for split in splits] for router in (name, first))
    gaps = np.mean([split.draws[first] - split.draws[name] for split in splits], axis=0)

    def lead(key: str, column: int) -> dict[str, Any]:
        difference = np.mean([getattr(f, key) - getattr(o, key) for f, o in zip(firsts, own, strict=True)])
        return {"difference": float(difference), "ci95": interval(gaps[:, column])}

    shares = [found.cost_share for found in own]
    reached = [share for share in shares if share is not None]
    heights = np.array([found.heights for found in own])
    everywhere = (heights > 0).all(axis=0)
    return {
        "router": name,
        "num_points": [found.num_points for found in own],
        "aiq": float(np.mean([found.aiq for found in own])),
        "aiqs": [found.aiq for found in own],
        "accuracy_at_strongest_cost": float(np.mean([found.accuracy for found in own])),
        "accuracies_at_strongest_cost": [found.accuracy for found in own],
        "cost_share_at_strongest_accuracy": float(np.mean(reached)) if reached else None,
        "cost_shares_at_strongest_accuracy": shares,
        "num_reached": len(reached),
        "hull": np.column_stack([costs, heights.mean(axis=0)])[everywhere].tolist(),
        "first_minus_this": {"aiq": lead("aiq", 0), "accuracy_at_strongest_cost": lead("accuracy", 1)},
    }

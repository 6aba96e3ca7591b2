"""Part `frontiers`: what each router reaches at every cost, not at one trade-off alone.

Decisions
- A family that estimates quality and cost apart gives many trade-offs of one checkpoint; a family whose training has a
  cost weight gives a training per weight of the paper's grid; any other name, a policy's too, is one point.
- Families of the first kind are given the same trade-offs (`evaluation/operating_points.py`).
- The row `single candidates`, every candidate alone, needs no router: it is in every study.
- Splits in which a router is never as accurate as the strongest candidate are counted, not left out in silence.
- An interval takes the mean over splits of every resample (`frontier_measures.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypedDict

import numpy as np

from vlrouterbench.core.constants import COST_WEIGHTS
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.study.context import StudyContext, bounds_of, scored
from vlrouterbench.evaluation.study.frontier_measures import (
    NUM_RESAMPLES,
    SINGLE,
    MeasuredSplit,
    Points,
    StrongestCandidate,
    measure_split,
)
from vlrouterbench.evaluation.study.frontier_plot import hulls_plot
from vlrouterbench.evaluation.study.over_splits import outcomes_of, outcomes_of_policy
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.metrics.bootstrap import interval
from vlrouterbench.metrics.trade_off import chosen_values
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.training.fit import train_each

NUM_COSTS = 61
"""Costs at which a mean hull is drawn, at equal ratios over the benchmark's range."""


class StrongestOfSplit(StrongestCandidate):
    """The strongest candidate of the split of a seed."""

    seed: int


class Lead(TypedDict):
    """How far the first router is above another, with the paired interval [low, high]."""

    difference: float
    ci95: list[float]


class Leads(TypedDict):
    """Leads of the first router by both measures."""

    aiq: Lead
    accuracy_at_strongest_cost: Lead


class FrontierRow(TypedDict):
    """A router over all splits; `Measures` says what the figures are.

    Attributes:
        router: its name, or SINGLE.
        num_points: per split.
        aiq: mean of `aiqs`, which are per split.
        accuracy_at_strongest_cost: mean of `accuracies_at_strongest_cost`, which are per split.
        cost_share_at_strongest_accuracy: mean over the `num_reached` splits where it is reached, None where there are
            none; `cost_shares_at_strongest_accuracy` are per split, None where it is not reached.
        hull: [average_cost_usd, accuracy] at costs that it reaches in all splits, means over them.
        first_minus_this: how far the first router is above this one.
    """

    router: str
    num_points: list[int]
    aiq: float
    aiqs: list[float]
    accuracy_at_strongest_cost: float
    accuracies_at_strongest_cost: list[float]
    cost_share_at_strongest_accuracy: float | None
    cost_shares_at_strongest_accuracy: list[float | None]
    num_reached: int
    hull: list[list[float]]
    first_minus_this: Leads


class FrontiersRecord(TypedDict):
    """All frontiers, the best mean AIQ first."""

    strongest: list[StrongestOfSplit]
    num_resamples: int
    rows: list[FrontierRow]


class FrontiersPart(StudyPart[FrontiersRecord]):
    """One row per router and one for the single candidates."""

    name = key = "frontiers"

    def run(self, context: StudyContext, routers: Sequence[str]) -> FrontiersRecord:
        """Train routers on every split and measure their frontiers."""
        self.check(context, routers)
        costs = np.geomspace(*bounds_of(context.table), NUM_COSTS)
        splits: list[MeasuredSplit] = []
        for seed, own, split in context.fitted(routers):
            test, points = scored(split), {}
            for name in routers:
                with context.stage(f"split {seed}: {name}"):
                    points[name] = operating_points(name, own, split, test, seed)
            points[SINGLE] = Points(test.quality, test.cost)
            with context.stage(f"split {seed}: resampled hulls"):
                strongest = int(decide_policy("strongest", test, split.split("train"), seed=seed).decisions[0])
                splits.append(measure_split(points, strongest, test, costs, seed=seed))
        rows = [_row(name, routers[0], splits, costs) for name in (*routers, SINGLE)]
        return {
            "strongest": [{"seed": seed, **split.strongest} for seed, split in zip(context.seeds, splits, strict=True)],
            "num_resamples": NUM_RESAMPLES,
            "rows": sorted(rows, key=lambda row: -row["aiq"]),
        }

    def table(self, record: FrontiersRecord, header: StudyHeader) -> list[TextTable | str]:
        """A table, and what its columns mean."""
        first = header["first"]
        columns = ("router", "AIQ", "lead, 95 %", "acc. %", "lead, 95 %", "cost", "in")
        return [
            TextTable("", columns, [_cells(row, first) for row in record["rows"]], emphasis=first),
            "AIQ: mean height of the hull over costs, %; acc.: at the strongest's cost",
            "cost: of the strongest's accuracy, share of its own; in: splits that reach it",
            f"lead: of {first} over this router, paired",
        ]

    def section(self, record: FrontiersRecord, header: StudyHeader) -> str:
        """A table and the figure of all mean hulls."""
        drawing = hulls_plot(
            {row["router"]: row["hull"] for row in record["rows"]},
            header["first"],
            simulated=header["benchmark"]["simulated"],
        )
        return self.render(record, header, hulls_svg=drawing.svg())


def operating_points(name: str, context: StudyContext, split: RoutingTable, test: RoutingTable, seed: int) -> Points:
    """What a name offers on the test samples of a split; `seed` is that of draws and of training."""
    if name in POLICIES:
        return Points(*(values[:, None] for values in outcomes_of_policy(name, split, test, seed=seed)))
    if name in context.decided:
        return Points(*(values[:, None] for values in outcomes_of(context.decisions_of(name, test), test)))
    family, problem, arguments = context.training_of(name, split, seed)
    features, kind = context.features.of(test), FAMILIES[family]
    per_weight = kind.recipe_for(arguments.variant, problem.features.encoder).cost_weights is None
    if per_weight and not issubclass(kind, EstimatingRouter):
        trained = train_each(family, problem, replace(arguments, cost_weights=COST_WEIGHTS))
        decisions = [one.router.decide(features).cpu().numpy() for one in trained]
    else:
        router = context.train(name, split, seed)
        # Trained on this very table, it has the table's order of candidates.
        by_weight = decisions_by_weight(router, features, np.arange(len(test.pool)))
        decisions = [router.decide(features).cpu().numpy()] if by_weight is None else [each for _, each in by_weight]
    columns = [
        np.column_stack([chosen_values(matrix, each) for each in decisions]) for matrix in (test.quality, test.cost)
    ]
    return Points(*columns)


def _row(name: str, first: str, splits: Sequence[MeasuredSplit], costs: np.ndarray) -> FrontierRow:
    """A router's figures: means over splits, and how far the first router is above it."""
    own, of_first = ([split.measures[router] for split in splits] for router in (name, first))
    gaps = np.mean([split.draws[first] - split.draws[name] for split in splits], axis=0)

    def lead(key: Literal["aiq", "accuracy"], column: int) -> Lead:
        difference = np.mean([getattr(f, key) - getattr(o, key) for f, o in zip(of_first, own, strict=True)])
        return {"difference": float(difference), "ci95": interval(gaps[:, column])}

    shares = [measures.cost_share for measures in own]
    reached = [share for share in shares if share is not None]
    heights = np.array([measures.heights for measures in own])
    everywhere = (heights > 0).all(axis=0)
    return {
        "router": name,
        "num_points": [measures.num_points for measures in own],
        "aiq": float(np.mean([measures.aiq for measures in own])),
        "aiqs": [measures.aiq for measures in own],
        "accuracy_at_strongest_cost": float(np.mean([measures.accuracy for measures in own])),
        "accuracies_at_strongest_cost": [measures.accuracy for measures in own],
        "cost_share_at_strongest_accuracy": float(np.mean(reached)) if reached else None,
        "cost_shares_at_strongest_accuracy": shares,
        "num_reached": len(reached),
        "hull": np.column_stack([costs, heights.mean(axis=0)])[everywhere].tolist(),
        "first_minus_this": {"aiq": lead("aiq", 0), "accuracy_at_strongest_cost": lead("accuracy", 1)},
    }


def _cells(row: FrontierRow, first: str) -> list[str]:
    cells = [row["router"]]
    for value, lead in (
        (row["aiq"], row["first_minus_this"]["aiq"]),
        (row["accuracy_at_strongest_cost"], row["first_minus_this"]["accuracy_at_strongest_cost"]),
    ):
        low, high = (100 * end for end in lead["ci95"])
        cells += [f"{100 * value:.2f}", "-" if row["router"] == first else f"{low:+.2f} to {high:+.2f}"]
    share = row["cost_share_at_strongest_accuracy"]
    return [*cells, "-" if share is None else f"{share:.2f}", f"{row['num_reached']}/{len(row['num_points'])}"]

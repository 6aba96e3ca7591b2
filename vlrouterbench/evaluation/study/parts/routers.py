"""Part `routers`: families compared over several splits of one benchmark, with paired intervals.

Decisions
- The cross-fitted upper-bound estimate is among the routers of every study: it says how much is left to gain. It is
  estimated by features of train and of the scored split and is rather too low, so a router may be above it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from vlrouterbench.core.constants import BEST_SINGLE, SAMPLES_PER_COST_UNIT
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.headline import headline
from vlrouterbench.evaluation.paired import ORACLE, UPPER_BOUND, best_single
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.records import ShareIntervals
from vlrouterbench.evaluation.study.context import StudyContext, scored
from vlrouterbench.evaluation.study.over_splits import (
    Outcomes,
    OverSplits,
    RankScoreDifference,
    difference_text,
    outcomes_of,
    outcomes_of_policy,
    score_text,
)
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.evaluation.upper_bound import SplitFeatures, upper_bound_decisions
from vlrouterbench.plotting.figures import titled
from vlrouterbench.plotting.interactive import interactive_json
from vlrouterbench.plotting.trade_off import Mark, TradeOff

LONG_NAME = 20
"""Characters: a longer name would take its table's width as the title of a column."""
REFERENCE = f"{BEST_SINGLE}, picked anew on each test split."
LEGEND = (
    f"{UPPER_BOUND}: no router, but an estimate, rather too low, of what routers could reach with these features: "
    "decided by mean outcomes of similar test samples, never the sample's own."
)
"""What the terminal's row is, which nobody asked for."""


class RouterRow(TypedDict):
    """A router over all splits.

    Attributes:
        router: its name, or UPPER_BOUND.
        accuracy: mean, 0 to 1.
        average_cost_usd: mean, USD per sample.
        rank_score: mean, 0 to 100.
        rank_scores: per seed.
        objective_value: what rows are ordered by, mean over splits, the larger the better: Rank Score unless another
            objective was given, or there is none.
        accuracy_share: mean share of the accuracy of each test split's best single candidate.
        cost_share: mean share of that candidate's cost.
        share_ci95: intervals of both.
        first_minus_this: how far the first router is above this one.
    """

    router: str
    accuracy: float
    average_cost_usd: float
    rank_score: float
    rank_scores: list[float]
    objective_value: float
    accuracy_share: float
    cost_share: float
    share_ci95: ShareIntervals
    first_minus_this: RankScoreDifference


class RoutersPart(StudyPart[list[RouterRow]]):
    """One row per router and one for UPPER_BOUND, the best first."""

    name = key = "routers"
    over_features = False

    def run(self, context: StudyContext, routers: Sequence[str]) -> list[RouterRow]:
        """Train and score routers on every split."""
        self.check(context, routers)
        over_splits: OverSplits[str] = OverSplits(
            context.table.cost_bounds, context.table.goal.beta, context.table.goal
        )
        for seed, own, split in context.fitted([*routers, UPPER_BOUND]):
            test = scored(split)
            outcomes: dict[str, Outcomes] = {}
            for name in routers:
                with context.stage(f"split {seed}: {name}"):
                    outcomes[name] = outcomes_by_name(name, own, split, test, seed)
            with context.stage(f"split {seed}: {UPPER_BOUND}"):
                outcomes[UPPER_BOUND] = _upper_bound(own, split, test, seed)
            single = outcomes_of(np.full(len(test), best_single(test)), test)
            over_splits.add(outcomes, test.column("group_id"), seed=seed, best=single)
        rows: list[RouterRow] = [
            {
                "router": name,
                **over_splits.figures(name),
                "objective_value": over_splits.merit(name),
                **over_splits.shares(name),
                "rank_scores": over_splits.rank_scores(name),
                "first_minus_this": over_splits.difference(routers[:1], [name]),
            }
            for name in (*routers, UPPER_BOUND)
        ]
        return sorted(rows, key=lambda row: -row["objective_value"])

    def section(self, record: list[RouterRow], header: StudyHeader) -> str:
        """As the base's, with the first router's sentence and the figure above."""
        own = next(row for row in record if row["router"] == header["first"])
        figure = routers_figure(record, simulated=header["benchmark"]["simulated"])
        return self.render(
            record,
            header,
            headline=shares_text(own),
            reference=REFERENCE,
            routers_svg=figure.drawing().svg(),
            interactive=interactive_json(figure),
        )

    def table(self, record: list[RouterRow], header: StudyHeader) -> list[TextTable | str]:
        """One table of all routers."""
        first = header["first"]
        rows = [
            (
                row["router"],
                f"{100 * row['accuracy']:.2f}",
                f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}",
                score_text(row["rank_score"]),
                "-" if row["router"] == first else difference_text(row["first_minus_this"]),
            )
            for row in record
        ]
        minuend = first if len(first) <= LONG_NAME else "first"
        table = TextTable("", ("router", "acc. %", "$/10K", "Rank", f"{minuend} - it, 95 %"), rows, emphasis=first)
        reason, own = header["rank_score_reason"], next(row for row in record if row["router"] == first)
        return [shares_text(own), REFERENCE, table, LEGEND, *([reason] if reason else [])]


def routers_figure(record: Sequence[RouterRow], *, simulated: bool) -> TradeOff:
    """Accuracy against average cost, means over splits; the upper bound is no router, and no frontier has it."""
    marks = [
        Mark(
            row["router"],
            "policy" if row["router"] in (*POLICIES, UPPER_BOUND) else "router",
            row["accuracy"],
            row["average_cost_usd"],
            attainable=row["router"] not in (ORACLE, UPPER_BOUND),
        )
        for row in record
    ]
    return TradeOff(titled("Accuracy against cost, means over splits", simulated=simulated), marks)


def shares_text(row: RouterRow) -> str:
    """What a router keeps of the best single candidate's accuracy, at what share of its cost, in one sentence."""
    values, spans = (row["accuracy_share"], row["cost_share"]), row["share_ci95"]
    shares = [None if math.isnan(value) else value for value in values]
    intervals = [spans["accuracy_share"], spans["cost_share"]]
    return headline(row["router"], "the best single candidate", shares, intervals, row["average_cost_usd"])


def outcomes_by_name(name: str, context: StudyContext, split: RoutingTable, test: RoutingTable, seed: int) -> Outcomes:
    """Outcomes of a router's decisions on the test split; of one that draws, the expected ones."""
    if name in POLICIES:
        return outcomes_of_policy(name, split, test, seed=seed)
    if name in context.decided:
        return outcomes_of(context.decisions_of(name, test), test)
    # Rows of bytes are taken and moved as features are.
    features: Any = context.features_of(name).of(test)
    decisions = context.train(name, split, seed).decide(features)
    return outcomes_of(decisions.cpu().numpy(), test)


def _upper_bound(context: StudyContext, split: RoutingTable, test: RoutingTable, seed: int) -> Outcomes:
    train = split.split("train")
    features = SplitFeatures(*(context.features.of(part).numpy() for part in (test, train)))
    return outcomes_of(upper_bound_decisions(test, train, seed=seed, features=features), test)

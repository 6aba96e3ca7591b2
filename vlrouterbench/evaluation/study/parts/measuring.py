"""Part `measuring`: which pairs of sample and candidate are worth measuring, where not all can be paid?

Decisions
- Outcomes of train are hidden by a plan (`measuring_plans.py`), and a growing share of its pairs is measured in rounds,
  one per share; after each, routers are trained on what is measured and scored on the whole test split, against the
  same router trained on all pairs. A round reads what the router learnt from the rounds before.
- Calls cost money, so a plan is held against random pairs twice: as many pairs, and as much money. The latter lies on
  the straight line between the two shares of random pairs around it, on every resample.
- What a plan needs is where its mean figure comes within NEAR of the figure by all pairs for good, on the straight line
  between shares. It is read off a mean over splits, so it has no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, bounds_of, scored
from vlrouterbench.evaluation.study.learning_curve import Change, change, over_splits
from vlrouterbench.evaluation.study.measured_split import Measured, MeasuredSplit, check_sizes
from vlrouterbench.evaluation.study.measuring_plans import PLAN_WORDS, PLANS
from vlrouterbench.evaluation.study.over_splits import Outcomes
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.metrics.bootstrap import trade_off_draws
from vlrouterbench.metrics.objectives import RANK_SCORE

SHARES = (1 / 8, 1 / 4, 1 / 2, 2 / 3)
"""Of the pairs of train; the whole is trained on, too."""
NEAR = 0.3
"""Points of Rank Score: less is not worth the other pairs."""
RANDOM = next(iter(PLANS))
LEGEND = (
    "pairs: share of the outcomes of train that are measured; USD: of what all of train and validation cost",
    "vs all, random, its USD: Rank Score less that by all pairs, as many random ones, random ones of as much money",
    *(f"{name}: {PLAN_WORDS[name]}" for name in PLANS),
)
"""What the terminal's words mean."""


class MeasuringPoint(TypedDict):
    """A router trained on what a plan measured; means over splits.

    Attributes:
        share: of the pairs, that was allowed.
        pairs_share: of the pairs of train, that was measured.
        usd_share: of what measuring all pairs of train and validation costs.
        rank_score: 0 to 100.
        accuracy: 0 to 1.
        average_cost_usd: USD per sample.
        vs_all: its Rank Score less that by all pairs, paired.
        vs_random: less that by as many random pairs; None for random pairs themselves.
        vs_random_usd: less that by random pairs of as much money; None also where their shares do not reach it.
    """

    share: float
    pairs_share: float
    usd_share: float
    rank_score: float
    accuracy: float
    average_cost_usd: float
    vs_all: Change
    vs_random: Change | None
    vs_random_usd: Change | None


class MeasuredPlan(TypedDict):
    """What a plan does for a router.

    Attributes:
        router: its name.
        plan: name in `PLANS`.
        points: by growing share.
        pairs_needed: share of the pairs from which its figure is within NEAR of that by all.
        usd_needed: the same as a share of the money.
    """

    router: str
    plan: str
    points: list[MeasuringPoint]
    pairs_needed: float
    usd_needed: float


class MeasuringRecord(TypedDict):
    """All plans of all routers, and the Rank Score of each router by all pairs."""

    near: float
    whole: dict[str, float]
    plans: list[MeasuredPlan]


@dataclass(frozen=True)
class _Measured:
    """Figures and resamples of one router and plan, at all shares and the whole.

    Attributes:
        figures: accuracy, cost and Rank Score, mean over splits, (3, num_shares + 1).
        draws: resampled Rank Scores, (num_resamples, num_shares + 1).
        usd: shares of the money, (num_shares + 1,).
        pairs: shares of the pairs of train, (num_shares + 1,).
    """

    figures: np.ndarray
    draws: np.ndarray
    usd: np.ndarray
    pairs: np.ndarray

    def at_usd(self, usd: float) -> tuple[float, np.ndarray] | None:
        """Rank Score and resamples at a share of the money; None where no two shares lie around it."""
        if not self.usd[0] <= usd <= self.usd[-1]:
            return None
        after = int(np.searchsorted(self.usd, usd).clip(1, len(self.usd) - 1))
        before, span = self.usd[after - 1], self.usd[after] - self.usd[after - 1]
        part = (usd - before) / span if span > 0 else 0.0
        value, draws = ((1 - part) * of[..., after - 1] + part * of[..., after] for of in (self.figures[2], self.draws))
        return float(value), draws


class MeasuringPart(StudyPart[MeasuringRecord]):
    """Every plan at every share."""

    name = key = "measuring"
    default_routers = ("flagship",)

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: a router that is not trained, or one or a seed is given twice.
            UnknownNameError: no such family, variant or policy.
            BenchmarkError: a split without samples on one of its sides, or with too few.
            EvaluationError: no range of costs, another objective, or outcomes that are missing already.
        """
        super().check(context, routers)
        context.check_sides()
        check_sizes(context, SHARES[0])
        bounds_of(context.table)
        if context.table.goal.objective.kind != RANK_SCORE:
            raise EvaluationError(
                f"measuring: expected the objective {RANK_SCORE}, found {context.table.goal.objective}: what a plan "
                "needs is read off Rank Scores. Leave --objective out."
            )
        fixed = [name for name in routers if name in POLICIES or name in context.decided]
        if fixed:
            raise RouterError(f"measuring: expected families to train, found {', '.join(fixed)}.")
        missing = len(context.table) - int(context.table.complete.sum())
        if missing:
            raise EvaluationError(
                f"measuring: expected samples that are measured for every candidate, of which a plan hides outcomes; "
                f"found {missing:,} of {len(context.table):,} that are not. Leave out the candidates that lack "
                "outcomes: --candidates A,B,..."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> MeasuringRecord:
        """Train every router on what every plan measures of every split."""
        self.check(context, routers)
        found: dict[tuple[str, str], list[_Measured]] = {}
        for seed, own, table in context.fitted(routers):
            split = MeasuredSplit(own, table, seed)
            for name in routers:
                by_all = split.outcomes(name, split.whole(), "all")
                for plan in PLANS:
                    rounds = split.measured(plan, SHARES, name)
                    outcomes = [split.outcomes(name, known, plan) for known in rounds]
                    found.setdefault((name, plan), []).append(_of_split(split, rounds, [*outcomes, by_all]))
        measured = {key: _mean(splits) for key, splits in found.items()}
        whole = {name: float(measured[name, RANDOM].figures[2, -1]) for name in routers}
        return {"near": NEAR, "whole": whole, "plans": [_plan(*key, measured) for key in measured]}

    def table(self, record: MeasuringRecord, header: StudyHeader) -> list[TextTable | str]:
        """A table per router and plan, and what each needs."""
        lines: list[TextTable | str] = []
        for entry in record["plans"]:
            rows = [
                (
                    f"{point['pairs_share']:.0%}",
                    f"{point['usd_share']:.0%}",
                    f"{point['rank_score']:.2f}",
                    said(point["vs_all"]),
                    said(point["vs_random"]),
                    said(point["vs_random_usd"]),
                )
                for point in entry["points"]
            ]
            columns = ("pairs", "USD", "Rank", "vs all, 95 %", "vs random", "vs its USD")
            lines += [TextTable(f"{entry['router']}, {entry['plan']}", columns, rows), needed(entry, record["near"])]
        return [*lines, *LEGEND]

    def section(self, record: MeasuringRecord, header: StudyHeader) -> str:
        """Sentences and a table."""
        sentences = [needed(entry, record["near"]) for entry in record["plans"]]
        return self.render(record, header, sentences=sentences, said=said, plans=PLAN_WORDS)


def said(difference: Change | None) -> str:
    """A difference in print; bounds from 10 on in whole points, so that three fit a line of the terminal."""
    if difference is None:
        return "-"
    low, high = (f"{bound:+.1f}" if abs(bound) < 9.95 else f"{bound:+.0f}" for bound in difference["ci95"])
    return f"{difference['points']:+.1f} ({low}, {high})"


def needed(entry: MeasuredPlan, near: float) -> str:
    """What a plan needs, in one sentence."""
    return (
        f"{entry['router']}, {entry['plan']}: within {near} of the Rank Score by all pairs from "
        f"{entry['pairs_needed']:.0%} of the pairs on, {entry['usd_needed']:.0%} of the money."
    )


def _of_split(split: MeasuredSplit, rounds: Sequence[Measured], outcomes: Sequence[Outcomes]) -> _Measured:
    """Figures of one split, from outcomes after every round and by all pairs."""
    quality, cost = (np.column_stack(side) for side in zip(*outcomes, strict=True))
    test = scored(split.split)
    goal, groups = test.goal, test.column("group_id")
    draws = trade_off_draws(quality, cost, groups, cost_bounds=goal.cost_bounds, beta=goal.beta, seed=split.seed)
    means = quality.mean(axis=0), cost.mean(axis=0)
    steps = [*rounds, split.whole()]
    usd = np.array([split.paid(known) for known in steps])
    pairs = np.array([known.pairs.mean() for known in steps])
    return _Measured(np.stack([*means, goal.rank_score(*means)]), draws["rank_score"], usd / usd[-1], pairs)


def _mean(splits: Sequence[_Measured]) -> _Measured:
    """Means over splits; resamples as `over_splits` draws them, the same splits for every plan."""
    figures, usd, pairs = (
        np.mean([getattr(one, name) for one in splits], axis=0) for name in ("figures", "usd", "pairs")
    )
    return _Measured(figures, over_splits([one.draws for one in splits]), usd, pairs)


def _plan(name: str, plan: str, measured: dict[tuple[str, str], _Measured]) -> MeasuredPlan:
    own, random = measured[name, plan], measured[name, RANDOM]
    points: list[MeasuringPoint] = []
    for place, share in enumerate(SHARES):
        accuracy, cost, score = own.figures[:, place].tolist()
        versus: list[Change | None] = [None, None]
        if plan != RANDOM:
            others = ((random.figures[2, place], random.draws[:, place]), random.at_usd(own.usd[place]))
            versus = [None if o is None else change(score - o[0], own.draws[:, place] - o[1]) for o in others]
        points.append(
            {
                "share": share,
                "pairs_share": float(own.pairs[place]),
                "usd_share": float(own.usd[place]),
                "rank_score": score,
                "accuracy": accuracy,
                "average_cost_usd": cost,
                "vs_all": change(score - own.figures[2, -1], own.draws[:, place] - own.draws[:, -1]),
                "vs_random": versus[0],
                "vs_random_usd": versus[1],
            }
        )
    shortfall = own.figures[2, -1] - own.figures[2] - NEAR
    pairs, usd = (reached(axis, shortfall) for axis in (own.pairs, own.usd))
    return {"router": name, "plan": plan, "points": points, "pairs_needed": pairs, "usd_needed": usd}


def reached(axis: np.ndarray, shortfall: np.ndarray) -> float:
    """Where a shortfall (num_points,) falls to 0 for good along an axis; its first point where it never is above 0.

    Args:
        axis: (num_points,), growing.
        shortfall: at each point; at most 0 at the last.
    """
    above = np.flatnonzero(shortfall > 0)
    if not len(above):
        return float(axis[0])
    last = int(above[-1])
    part = shortfall[last] / (shortfall[last] - shortfall[last + 1])
    return float(axis[last] + part * (axis[last + 1] - axis[last]))

"""Part `learning-curves`: how many questions does a router need? Its figure against its training samples.

Decisions
- Sizes halve from the whole train split down, or are those asked for (`learning_curve_sizes.py`). Validation shrinks
  with train, as it would in a smaller table; the test split and cost bounds stay.
- The encoder is fitted anew on the training samples of every size, as `train` would on a table of that size: features
  of the whole train split would hide what few samples do to them.
- Policies that are fitted on train (`mixture`) have a curve too.
- The figure is the Rank Score, or accuracy (less weighted cost) where that is the objective. A budget and a share of
  accuracy are refused: what misses them stands below all that keeps them, so a mean over splits jumps where one split
  comes to miss, and no curve runs through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import EvaluationError, RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, bounds_of, scored
from vlrouterbench.evaluation.study.learning_curve import (
    Change,
    Curve,
    CurveShape,
    answer,
    change,
    curve_shape,
    over_splits,
)
from vlrouterbench.evaluation.study.learning_curve_plot import learning_curves_plot
from vlrouterbench.evaluation.study.learning_curve_sizes import check_sizes, part_of_split, train_shares
from vlrouterbench.evaluation.study.over_splits import Outcomes, outcomes_of, outcomes_of_policy
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.metrics.bootstrap import interval, trade_off_draws
from vlrouterbench.metrics.objectives import ACCURACY_SHARE, BUDGET, RANK_SCORE, Goal


class CurvePoint(TypedDict):
    """A router trained on some training samples; means over splits.

    Attributes:
        num_train: training samples.
        value: the figure of the curve, in points of 0 to 100, with its interval [low, high] as `ci95`.
        rank_score: 0 to 100; NaN where there is none.
        accuracy: 0 to 1.
        average_cost_usd: USD per sample.
        vs_mixture: its figure less that of the best static mixture of the same samples, paired; None without a curve of
            the mixture, and for itself.
    """

    num_train: int
    value: float
    rank_score: float
    ci95: list[float]
    accuracy: float
    average_cost_usd: float
    vs_mixture: Change | None


class LearningCurve(CurveShape):
    """A router's curve, and what it says in one sentence."""

    router: str
    points: list[CurvePoint]
    answer: str


class LearningCurvesRecord(TypedDict):
    """All curves.

    Attributes:
        figure: what the curves are of, in print.
        questions_per_training_sample: of the table; validation and test are the others.
        encoder_refitted: whether the encoder was fitted on the training samples of each size alone; False where the
            benchmark brings its features.
        curves: of each router.
        skipped: routers of files of decisions, which cannot be trained on fewer samples.
    """

    figure: str
    questions_per_training_sample: float
    encoder_refitted: bool
    curves: list[LearningCurve]
    skipped: list[str]


class LearningCurvesPart(StudyPart[LearningCurvesRecord]):
    """One curve per router."""

    name = "learning-curves"
    key = "learning_curves"
    default_routers = ("flagship", "mixture")

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router that is trained, or one or a seed is given twice.
            UnknownNameError: no such family, variant or policy.
            BenchmarkError: a split without samples on one of its sides.
            EvaluationError: sizes beyond what splits have; an objective whose figure has no curve, or a Rank Score
                without a range of costs.
        """
        super().check(context, routers)
        context.check_sides()
        check_sizes(context)
        goal = context.table.goal
        if goal.objective.kind in (ACCURACY_SHARE, BUDGET):
            raise EvaluationError(
                f"learning-curves: expected the objective {RANK_SCORE}, accuracy or usd-weight=W, found "
                f"{goal.objective}: a router either keeps it or misses it, so its mean over splits jumps and no curve "
                f"runs through it. Ask for the curve of {RANK_SCORE} or accuracy."
            )
        if goal.objective.kind == RANK_SCORE:
            bounds_of(context.table)
        if all(name in context.decided for name in routers):
            raise RouterError(
                f"expected a router to train on fewer samples, found decisions of {', '.join(routers)} alone."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> LearningCurvesRecord:
        """Train routers on growing parts of every split's train."""
        self.check(context, routers)
        names, goal = [name for name in routers if name not in context.decided], context.table.goal
        sizes: list[list[int]] = []
        figures: dict[str, list[np.ndarray]] = {name: [] for name in names}
        draws: dict[str, list[np.ndarray]] = {name: [] for name in names}
        for seed, split in context.splits():
            test, parts = scored(split), [part_of_split(split, share, seed) for share in train_shares(context, split)]
            sizes.append([len(part.split("train")) for part in parts])
            contexts = [context] * len(parts)
            if any(map(context.reads_features, names)):
                with context.stage(f"split {seed}: fit encoders"):
                    contexts = [context.fitted_on(part) for part in parts]
            for name in names:
                outcomes = []
                for part, size, own in zip(parts, sizes[-1], contexts, strict=True):
                    with context.stage(f"split {seed}: {name} on {size:,} training samples"):
                        outcomes.append(_outcomes(name, own, part, test, seed))
                quality, cost = (np.column_stack(side) for side in zip(*outcomes, strict=True))
                figures[name].append(np.stack([quality.mean(axis=0), cost.mean(axis=0)]))
                draws[name].append(_drawn(quality, cost, test, goal, seed))
        num_train = np.mean(sizes, axis=0)
        in_all = len(context.table) / num_train[-1]
        # One seed for all: the splits that a resample takes are the same for every router.
        measured = {name: (np.stack(figures[name]), over_splits(draws[name])) for name in names}
        curves = [_curve(name, measured, num_train, in_all, goal) for name in names]
        skipped = [name for name in routers if name in context.decided]
        return {
            "figure": _figure(goal),
            "questions_per_training_sample": float(in_all),
            "encoder_refitted": context.refits,
            "curves": curves,
            "skipped": skipped,
        }

    def table(self, record: LearningCurvesRecord, header: StudyHeader) -> list[TextTable | str]:
        """A sentence and a table per router."""
        lines: list[TextTable | str] = []
        heading = "Rank" if header["objective"] == RANK_SCORE else "value"
        if heading == "value":
            lines.append(f"value: {record['figure']}, in points")
        for curve in record["curves"]:
            rows = [
                (
                    f"{point['num_train']:,}",
                    f"{point['value']:.2f}",
                    f"{point['ci95'][0]:.1f} to {point['ci95'][1]:.1f}",
                    f"{100 * point['accuracy']:.2f}",
                    _said(point["vs_mixture"]),
                )
                for point in curve["points"]
            ]
            lines += [
                curve["answer"],
                TextTable("", ("training samples", heading, "95 %", "acc. %", "vs mixture, 95 %"), rows),
            ]
            if curve["extrapolation"] is not None:
                lines.append(f"its power law without the largest size, less what was measured: {_foreseen(curve)}")
        if any(curve["extrapolation"] for curve in record["curves"]):
            lines.append("power law: limit - scale * n ** -exponent, if more questions are as these")
        if record["skipped"]:
            lines.append(f"not trained here: {', '.join(record['skipped'])}")
        return lines

    def section(self, record: LearningCurvesRecord, header: StudyHeader) -> str:
        """Sentences, the figure and a table."""
        simulated = header["benchmark"]["simulated"]
        drawing = learning_curves_plot(record["curves"], record["figure"], simulated=simulated)
        return self.render(record, header, svg=drawing.svg())


def _said(difference: Change | None) -> str:
    """A difference in print."""
    if difference is None:
        return "-"
    low, high = difference["ci95"]
    return f"{difference['points']:+.2f} ({low:+.1f} to {high:+.1f})"


def _foreseen(curve: LearningCurve) -> str:
    foreseen = curve["extrapolation"]["foreseen"] if curve["extrapolation"] is not None else None
    return "-" if foreseen is None else "{:+.2f} ({:+.2f} to {:+.2f})".format(foreseen["points"], *foreseen["ci95"])


def _outcomes(name: str, context: StudyContext, part: RoutingTable, test: RoutingTable, seed: int) -> Outcomes:
    if name in POLICIES:
        return outcomes_of_policy(name, part, test, seed=seed)
    return outcomes_of(context.train(name, part, seed).decide(context.features.of(test)).cpu().numpy(), test)


def _figure(goal: Goal) -> str:
    return "Rank Score" if goal.objective.kind == RANK_SCORE else goal.objective.words.split(",")[0]


def _drawn(quality: np.ndarray, cost: np.ndarray, test: RoutingTable, goal: Goal, seed: int) -> np.ndarray:
    """Resampled figures of one split, (num_resamples, num_sizes), from outcomes (num_samples, num_sizes)."""
    bounds, groups = goal.cost_bounds, test.column("group_id")
    draws = trade_off_draws(quality, cost, groups, cost_bounds=bounds, beta=goal.beta, seed=seed)
    return draws["rank_score"] if goal.ranks_by_rank_score else goal.merit(draws["accuracy"], draws["average_cost_usd"])


def _curve(
    name: str, measured: Mapping[str, tuple[np.ndarray, np.ndarray]], num_train: np.ndarray, in_all: float, goal: Goal
) -> LearningCurve:
    """A router's curve from accuracy and cost per split, (num_splits, 2, num_sizes), and resampled figures."""
    figures, draws = measured[name]
    versus = [None] * len(num_train) if name == MIXTURE else _versus_mixture(name, measured, goal)
    scores = goal.rank_score(figures[:, 0], figures[:, 1]).mean(axis=0)
    values = goal.merit(figures[:, 0], figures[:, 1]).mean(axis=0)
    shape, sizes = curve_shape(Curve(num_train, values, draws)), [round(size) for size in num_train]
    points: list[CurvePoint] = [
        {
            "num_train": size,
            "value": float(values[place]),
            "rank_score": float(scores[place]),
            "ci95": interval(draws[:, place]),
            "accuracy": float(figures[:, 0, place].mean()),
            "average_cost_usd": float(figures[:, 1, place].mean()),
            "vs_mixture": versus[place],
        }
        for place, size in enumerate(sizes)
    ]
    said = answer(name, shape, sizes=sizes, in_all=in_all, figure=_figure(goal))
    return {**shape, "router": name, "points": points, "answer": said}


def _versus_mixture(
    name: str, measured: Mapping[str, tuple[np.ndarray, np.ndarray]], goal: Goal
) -> Sequence[Change | None]:
    """Difference from the mixture at every size."""
    figures, draws = measured[name]
    if MIXTURE not in measured:
        return [None] * draws.shape[1]
    other, other_draws = measured[MIXTURE]
    own, base = (goal.merit(part[:, 0], part[:, 1]).mean(axis=0) for part in (figures, other))
    return [change(own[place] - base[place], draws[:, place] - other_draws[:, place]) for place in range(len(own))]

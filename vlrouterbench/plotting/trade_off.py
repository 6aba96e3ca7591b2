"""Accuracy against cost: one description of the figure, from which its static and its interactive form are drawn.

Decisions
- Every page that shows accuracy against cost describes it here, so that a mark looks the same in a report, a study, an
  inspection and a leaderboard, on screen and on paper.
- The line named "Pareto frontier" joins the marks that no other beats in both accuracy and cost on these samples. The
  oracle, which sees the answers, has no part in it.
- Routers and policies are always named; single candidates where there is space, and when they are pointed at.
- A logarithmic scale has no place for what is free: where something costs nothing, the scale is linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.metrics.frontier import pareto_frontier
from vlrouterbench.plotting.figures import BLUE, GREY, VERMILION, Drawing, log_cost_axis
from vlrouterbench.plotting.labels import PointLabel, label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["router", "policy", "candidate"]
KINDS: dict[Kind, str] = {"candidate": "single candidate", "policy": "policy", "router": "trained router"}
"""Kinds of marks as the legend calls them, in the order they are drawn."""
FRONTIER = "Pareto frontier"
COLOURS: dict[Kind, str] = {"router": VERMILION, "policy": BLUE, "candidate": GREY}
_SHAPES: dict[Kind, str] = {"router": "o", "policy": "s", "candidate": "."}
_SIZES: dict[Kind, float] = {"router": 6, "policy": 6, "candidate": 8}
_CANDIDATE_LABEL = "#5f6770"
"""Grey that can be read at 9 points."""
Span = tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """A point of the figure.

    Attributes:
        name: of the router, policy or candidate.
        kind: which of them it is.
        accuracy: in [0, 1].
        cost_usd: average, USD per sample.
        accuracy_ci95, cost_ci95: intervals in the units above; None where there are none.
        curve: (cost, accuracy) of every trade-off that it offers, in the units above; may be empty.
        attainable: whether it can be had; the oracle cannot.
    """

    name: str
    kind: Kind
    accuracy: float
    cost_usd: float
    accuracy_ci95: Span | None = None
    cost_ci95: Span | None = None
    curve: Sequence[Span] = ()
    attainable: bool = True

    @property
    def point(self) -> Span:
        """USD per 10,000 samples, and percent."""
        return self.cost_usd * SAMPLES_PER_COST_UNIT, self.accuracy * 100

    def curve_points(self) -> np.ndarray:
        """(num_points, 2) in the units of `point`, by rising cost."""
        return np.array(sorted(self.curve), dtype=float).reshape(-1, 2) * (SAMPLES_PER_COST_UNIT, 100)


@dataclass(frozen=True)
class TradeOff:
    """The figure.

    Attributes:
        title: which says where data are simulated (`figures.titled`).
        marks: what is drawn, at least one.
        cost: what costs are averaged over, as "average cost".
    """

    title: str
    marks: Sequence[Mark]
    cost: str = "average cost"

    @property
    def logarithmic(self) -> bool:
        """Whether every cost is above 0."""
        curves = [cost for mark in self.marks for cost, _ in mark.curve]
        return min([*curves, *(mark.cost_usd for mark in self.marks)]) > 0

    @property
    def cost_label(self) -> str:
        """Of the horizontal axis."""
        return f"{self.cost}, USD per {SAMPLES_PER_COST_UNIT:,} samples{' (log scale)' if self.logarithmic else ''}"

    def of_kind(self, kind: Kind) -> list[Mark]:
        """Marks of one kind."""
        return [mark for mark in self.marks if mark.kind == kind]

    def frontier(self) -> list[Mark]:
        """The attainable marks that no other beats, by rising cost."""
        attainable = [mark for mark in self.marks if mark.attainable]
        if not attainable:
            return []
        cost, accuracy = (np.array([getattr(m, name) for m in attainable]) for name in ("cost_usd", "accuracy"))
        return [attainable[index] for index in pareto_frontier(cost, accuracy.clip(0, 1))]

    def steps(self) -> np.ndarray:
        """(num_corners, 2): at every cost the best accuracy that the frontier reaches by then."""
        points = np.array([mark.point for mark in self.frontier()]).reshape(-1, 2)
        return np.column_stack([np.repeat(points[:, 0], 2)[1:], np.repeat(points[:, 1], 2)[:-1]])

    def drawing(self) -> Drawing:
        """The static form."""
        from vlrouterbench.plotting.laid_out import LaidOutFigure

        figure = LaidOutFigure(8.2, 5.2)
        axes = figure.add_subplot()
        for kind, meaning in KINDS.items():
            if marks := self.of_kind(kind):
                _draw_marks(axes, kind, marks, meaning)
        axes.plot(*self.steps().T, color=GREY, linestyle="--", linewidth=1.1, label=FRONTIER, zorder=0)
        if self.logarithmic:
            log_cost_axis(axes, self.cost_label)
        else:
            axes.set_xlabel(self.cost_label)
        axes.set_ylabel("accuracy, %")
        axes.set_title(self.title, parse_math=False)
        axes.grid(alpha=0.25)
        axes.margins(x=0.1, y=0.12)
        # Below the axes the legend covers no mark, however many there are.
        figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
        label_points(axes, self._labels(), [self.steps(), *(m.curve_points() for m in self.marks), *self._intervals()])
        return Drawing(figure, self.title)

    def _intervals(self) -> list[np.ndarray]:
        """Of every mark its two intervals, (2, 2) each, in the units of `point`."""
        lines = []
        for mark in self.marks:
            (x, y), (left, right, down, up) = mark.point, whiskers(mark)
            lines += [np.array([[x - left, y], [x + right, y]])] if left or right else []
            lines += [np.array([[x, y - down], [x, y + up]])] if down or up else []
        return lines

    def by_importance(self) -> list[Mark]:
        """Marks in the order that their names are placed: what routes first, then candidates, the frontier's first."""
        front = {id(mark) for mark in self.frontier()}
        return sorted(self.marks, key=lambda mark: (mark.kind == "candidate", id(mark) not in front, -mark.accuracy))

    def _labels(self) -> list[PointLabel]:
        # Of candidates alone every name is needed.
        alone = all(mark.kind == "candidate" for mark in self.marks)
        return [
            PointLabel(
                mark.name, mark.point, _CANDIDATE_LABEL if single else COLOURS[mark.kind], needed=alone or not single
            )
            for mark in self.by_importance()
            for single in [mark.kind == "candidate"]
        ]


def _draw_marks(axes: Axes, kind: Kind, marks: Sequence[Mark], meaning: str) -> None:
    """Marks of a kind with their intervals and curves."""
    x, y = np.array([mark.point for mark in marks]).T
    spans = [whiskers(mark) for mark in marks]
    measured = any(any(span) for span in spans)
    wide = np.array(spans).reshape(-1, 2, 2).transpose(1, 2, 0) if measured else None
    axes.errorbar(
        x,
        y,
        xerr=None if wide is None else wide[0],
        yerr=None if wide is None else wide[1],
        fmt=_SHAPES[kind],
        markersize=_SIZES[kind],
        color=COLOURS[kind],
        label=meaning,
        elinewidth=0.8,
        zorder=1 if kind == "candidate" else 2,
    )
    for mark in marks:
        if len(mark.curve):
            axes.plot(*mark.curve_points().T, color=COLOURS[kind], linewidth=0.9, alpha=0.6, zorder=1)


def whiskers(mark: Mark) -> tuple[float, float, float, float]:
    """How far the intervals reach left, right, down and up of the mark, in the units of `Mark.point`; 0 without one."""
    (x, y), reach = mark.point, []
    for value, span, unit in ((x, mark.cost_ci95, SAMPLES_PER_COST_UNIT), (y, mark.accuracy_ci95, 100)):
        low, high = (unit * end for end in span) if span else (value, value)
        reach += [max(0.0, value - low), max(0.0, high - value)]
    left, right, down, up = reach
    return left, right, down, up

"""Learning curves of new candidates: every trial with each on each split, as means with paired intervals.

Decisions
- Figures are means over new candidates and splits. Intervals resample the groups of the test splits; anchor samples are
  not drawn again. A router chooses much the same anchor samples for every new candidate, random ones differ: what is
  peculiar to one anchor set does not average out over new candidates, and only more splits tell it from skill.
- A new candidate is judged as a candidate that was trained on is: by the Brier score of its estimated accuracy on all
  test samples, and by the Rank Score of the whole router that it is part of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import numpy as np

from vlrouterbench.core.constants import RANK_SCORE_BETA
from vlrouterbench.evaluation.study.over_splits import Outcomes, OverSplits, RankScoreDifference
from vlrouterbench.metrics.bootstrap import interval, resampled_means

ANCHOR_SET, RANDOM = "anchor_set", "random"
Step = tuple[str, int]
"""What was tried: how anchor samples were chosen, and how many; TRAINED_ON and WITHOUT need none."""
TRAINED_ON: Step = ("trained_on", 0)
WITHOUT: Step = ("without", 0)


class TrainedOnFigures(TypedDict):
    """The router that was trained on all candidates: mean Brier score of a candidate, and its Rank Score."""

    brier: float
    rank_score: float


class WithoutFigures(TypedDict):
    """The router without the new candidate: its Rank Score, and that less the Rank Score when trained on it."""

    rank_score: float
    minus_trained_on: RankScoreDifference


class JoinedFigures(WithoutFigures):
    """The router that a candidate joined by anchor samples; `constant_brier` is that of the samples' mean quality."""

    num_anchors: int
    brier: float
    constant_brier: float


class BrierDifference(TypedDict):
    """Brier score by the router's own anchor samples less that by random ones, with its interval [low, high]."""

    num_anchors: int
    brier: float
    ci95: list[float]


class CurveFigures(TypedDict):
    """One router's learning curves; `anchor_set` only where its family chooses anchor samples."""

    trained_on: TrainedOnFigures
    without: WithoutFigures
    anchor_set: NotRequired[list[JoinedFigures]]
    random: list[JoinedFigures]
    anchor_set_minus_random: list[BrierDifference]


class NewCandidateRow(CurveFigures):
    """Learning curves of the router of a name."""

    router: str


@dataclass(frozen=True)
class Trial:
    """A router with a new candidate, or without it, on the test samples.

    Attributes:
        outcomes: of its decisions.
        squared: (num_samples,) squared errors of the new candidate's estimated accuracy; None where it is not there.
        constant: (num_samples,) those of its mean quality on the same anchor samples; None where there were none.
    """

    outcomes: Outcomes
    squared: np.ndarray | None = None
    constant: np.ndarray | None = None


class NewCandidateCurves:
    """Trials of one router's new candidates on several splits.

    Args:
        cost_bounds: of the benchmark.
        beta: as for `rank_score`.
    """

    def __init__(self, cost_bounds: tuple[float, float], beta: float = RANK_SCORE_BETA) -> None:
        self._over_splits: OverSplits[tuple[Step, str]] = OverSplits(cost_bounds, beta)
        self._briers: dict[Step, list[float]] = {}
        self._constants: dict[Step, list[float]] = {}
        self._differences: dict[int, list[np.ndarray]] = {}

    def add(self, trials: Mapping[str, Mapping[Step, Trial]], groups: Sequence[str], *, seed: int) -> None:
        """Add one split.

        Args:
            trials: new candidate -> step -> trial, the same ones on every split.
            groups: (num_samples,) of the scored samples.
            seed: of the resamples.
        """
        outcomes = {(step, name): trial.outcomes for name, steps in trials.items() for step, trial in steps.items()}
        self._over_splits.add(outcomes, groups, seed=seed)
        mean_squared: dict[Step, np.ndarray] = {}
        for step in next(iter(trials.values())):
            of_step = [steps[step] for steps in trials.values()]
            squared = [trial.squared for trial in of_step if trial.squared is not None]
            if squared:
                mean_squared[step] = np.mean(squared, axis=0)
                self._briers.setdefault(step, []).append(float(mean_squared[step].mean()))
            constant = [trial.constant for trial in of_step if trial.constant is not None]
            if constant:
                self._constants.setdefault(step, []).append(float(np.mean(constant)))
        for how, count in mean_squared:
            if how == ANCHOR_SET:
                gap = mean_squared[ANCHOR_SET, count] - mean_squared[RANDOM, count]
                draws = resampled_means(gap[:, None], groups, seed=seed)[:, 0]
                self._differences.setdefault(count, []).append(draws)

    def row(self) -> CurveFigures:
        """Means over new candidates and splits."""
        trained_on = self._over_splits.rank_score(self._names(TRAINED_ON))
        row: CurveFigures = {
            "trained_on": {"brier": self._brier(TRAINED_ON), "rank_score": trained_on},
            "without": self._compared(WITHOUT),
            "random": self._curve(RANDOM),
            "anchor_set_minus_random": [
                {
                    "num_anchors": count,
                    "brier": self._brier((ANCHOR_SET, count)) - self._brier((RANDOM, count)),
                    "ci95": interval(np.mean(draws, axis=0)),
                }
                for count, draws in self._differences.items()
            ],
        }
        if self._differences:
            row["anchor_set"] = self._curve(ANCHOR_SET)
        return row

    def _curve(self, how: str) -> list[JoinedFigures]:
        """Figures of every number of anchor samples that were chosen in a way."""
        return [
            {
                "num_anchors": step[1],
                "brier": self._brier(step),
                "constant_brier": float(np.mean(constants)),
                **self._compared(step),
            }
            for step, constants in self._constants.items()
            if step[0] == how
        ]

    def _names(self, step: Step) -> list[tuple[Step, str]]:
        """A step's decisions for every new candidate."""
        return [name for name in self._over_splits.names if name[0] == step]

    def _brier(self, step: Step) -> float:
        return float(np.mean(self._briers[step]))

    def _compared(self, step: Step) -> WithoutFigures:
        names, trained_on = self._names(step), self._names(TRAINED_ON)
        return {
            "rank_score": self._over_splits.rank_score(names),
            "minus_trained_on": self._over_splits.difference(names, trained_on),
        }

"""Learning curves of new candidates: what was tried with each on each split, as means with paired intervals.

Decisions
- Figures are means over new candidates and splits. Intervals resample the groups of the test splits; which samples were
  probed is not drawn again. A router chooses much the same anchor samples for every new candidate, chance chooses others: the luck
  of an anchor sample set does not average out over new candidates, and only more splits tell it from skill.
- A new candidate is judged as a candidate that was trained on is: by the Brier score of its estimated accuracy on all test
  samples, and by the Rank Score of the whole router that it is part of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlrouterbench.evaluation.study.over_splits import Chosen, OverSplits
from vlrouterbench.metrics.bootstrap import interval, resampled_means

TRAINED_ON, WITHOUT, PROBE_SET, RANDOM = "trained_on", "without", "anchor_set", "random"
Step = tuple[str, int]
"""What was tried: how anchor samples were chosen, and how many; (TRAINED_ON, 0) and (WITHOUT, 0) need none."""
KNOWN: Step = (TRAINED_ON, 0)
ALONE: Step = (WITHOUT, 0)


@dataclass(frozen=True)
class Tried:
    """A router with a new candidate, or without it, on the test samples.

    Attributes:
        worth: what its decisions were worth.
        squared: (num_samples,) squared errors of the new candidate's estimated accuracy; None where it is not there.
        constant: (num_samples,) those of its mean quality on the same anchor samples; None where there were none.
    """

    worth: Chosen
    squared: np.ndarray | None = None
    constant: np.ndarray | None = None


class NewCandidateCurves:
    """What became of one router's new candidates on several splits.

    Args:
        cost_bounds: of the benchmark.
    """

    def __init__(self, cost_bounds: tuple[float, float]) -> None:
        self._worth = OverSplits(cost_bounds)
        self._briers: dict[Step, list[float]] = {}
        self._constants: dict[Step, list[float]] = {}
        self._differences: dict[int, list[np.ndarray]] = {}

    def add(self, tried: Mapping[str, Mapping[Step, Tried]], groups: Sequence[str], *, seed: int) -> None:
        """Take in one split.

        Args:
            tried: new candidate -> step -> outcome, the same ones on every split.
            groups: (num_samples,) of the scored samples.
            seed: of the resamples.
        """
        chosen = {(step, name): found.worth for name, steps in tried.items() for step, found in steps.items()}
        self._worth.add(chosen, groups, seed=seed)
        squared: dict[Step, np.ndarray] = {}
        for step in next(iter(tried.values())):
            found = [steps[step] for steps in tried.values()]
            if found[0].squared is not None:
                squared[step] = np.mean([entry.squared for entry in found], axis=0)
                self._briers.setdefault(step, []).append(float(squared[step].mean()))
            if found[0].constant is not None:
                constant = np.mean([entry.constant for entry in found])
                self._constants.setdefault(step, []).append(float(constant))
        for how, count in squared:
            if how == PROBE_SET:
                gap = squared[PROBE_SET, count] - squared[RANDOM, count]
                draws = resampled_means(gap[:, None], groups, seed=seed)[:, 0]
                self._differences.setdefault(count, []).append(draws)

    def row(self) -> dict[str, Any]:
        """Means over new candidates and splits, as `join_new_candidates` describes them."""
        row: dict[str, Any] = {
            TRAINED_ON: {"brier": self._brier(KNOWN), "rank_score": self._worth.rank_score(self._names(KNOWN))},
            WITHOUT: self._compared(ALONE),
        }
        for step, constants in self._constants.items():
            how, count = step
            entry = {"num_anchors": count, "brier": self._brier(step), "constant_brier": float(np.mean(constants))}
            row.setdefault(how, []).append(entry | self._compared(step))
        row["anchor_set_minus_random"] = [
            {
                "num_anchors": count,
                "brier": self._brier((PROBE_SET, count)) - self._brier((RANDOM, count)),
                "ci95": interval(np.mean(draws, axis=0)),
            }
            for count, draws in self._differences.items()
        ]
        return row

    def _names(self, step: Step) -> list[Any]:
        """A step's decisions for every new candidate."""
        return [name for name in self._worth.names if name[0] == step]

    def _brier(self, step: Step) -> float:
        return float(np.mean(self._briers[step]))

    def _compared(self, step: Step) -> dict[str, Any]:
        names, known = self._names(step), self._names(KNOWN)
        return {"rank_score": self._worth.rank_score(names), "minus_trained_on": self._worth.difference(names, known)}

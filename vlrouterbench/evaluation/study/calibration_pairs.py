"""Estimates beside outcomes, and what is computed of them: calibration error, its null distribution, Brier scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.metrics.calibration import brier_score, expected_calibration_error
from vlrouterbench.metrics.calibration_null import null_calibration_error


class NullFigures(TypedDict):
    """Mean and 95th percentile of the null distribution of ECE."""

    mean: float
    p95: float


class PairFigures(TypedDict):
    """Figures of some pairs.

    Attributes:
        num_pairs, num_groups: how many.
        ece: expected calibration error, 0 to 1.
        ece_null: its null distribution, where estimates are calibrated.
        brier: Brier score of the estimates.
        brier_of_constant: Brier score of each candidate's mean quality on train.
    """

    num_pairs: int
    num_groups: int
    ece: float
    ece_null: NullFigures
    brier: float
    brier_of_constant: float


@dataclass(frozen=True)
class Pairs:
    """Estimates of pairs of a sample and a candidate, beside their outcomes.

    Attributes:
        estimates, outcomes: estimated accuracy and quality of a pair, (num_pairs,).
        constants: mean quality of the pair's candidate on train, (num_pairs,).
        groups: number of each pair's group, the same in every split, (num_pairs,).
    """

    estimates: np.ndarray
    outcomes: np.ndarray
    constants: np.ndarray
    groups: np.ndarray

    @classmethod
    def pooled(cls, parts: Sequence[Pairs]) -> Pairs:
        """Those of several splits together."""
        names = ("estimates", "outcomes", "constants", "groups")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    @property
    def ece(self) -> float:
        """Expected calibration error."""
        return expected_calibration_error(self.estimates, self.outcomes)

    def figures(self, seed: int) -> PairFigures:
        """All figures; `seed` is that of the null distribution's draws."""
        mean, p95 = null_calibration_error(self.estimates, self.outcomes, self.groups, seed)
        return {
            "num_pairs": len(self.estimates),
            "num_groups": len(np.unique(self.groups)),
            "ece": self.ece,
            "ece_null": {"mean": mean, "p95": p95},
            "brier": brier_score(self.estimates, self.outcomes),
            "brier_of_constant": brier_score(self.constants, self.outcomes),
        }


@dataclass(frozen=True)
class EstimatedSplit:
    """Estimates of a router on one test split.

    Attributes:
        estimates: of accuracy, (num_samples, num_candidates).
        table: the scored samples.
        constants: mean quality of each candidate on train, (num_candidates,).
        groups: number of each sample's group, (num_samples,).
        decisions: of the router, (num_samples,) indices into the pool.
    """

    estimates: np.ndarray
    table: RoutingTable
    constants: np.ndarray
    groups: np.ndarray
    decisions: np.ndarray

    def pairs(self, rows: np.ndarray, candidates: np.ndarray) -> Pairs:
        """Pairs by indices (num_pairs,) of samples and candidates."""
        quality = self.table.quality[rows, candidates]
        return Pairs(self.estimates[rows, candidates], quality, self.constants[candidates], self.groups[rows])

    def all_pairs(self) -> Pairs:
        """Every sample with every candidate."""
        rows, candidates = np.indices(self.estimates.shape)
        return self.pairs(rows.ravel(), candidates.ravel())

    def chosen(self) -> Pairs:
        """Every sample with the candidate that was chosen."""
        return self.pairs(np.arange(len(self.table)), self.decisions)

    def of_candidate(self, index: int) -> Pairs:
        """Every sample with one candidate."""
        return self.pairs(np.arange(len(self.table)), np.full(len(self.table), index))

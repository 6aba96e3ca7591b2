"""Calibration over several splits: do estimates of accuracy mean what they say, on groups that the router never saw?

Decisions
- Judged are all pairs of a test sample and a candidate, since a budget or a smaller pool may choose any of them, and
  the chosen candidate's alone, which is what a user is told.
- Beside every error stands what it is by luck alone on as few groups (`metrics.calibration_luck`), and beside every
  Brier score that of the constant: each candidate's mean quality on train, said of every sample.
- Pooled are the test pairs of all splits, each judged by the router of its own split, which has not seen its group.
  More groups leave less to luck. A group that several splits test on counts as often, and gets one sign.
- The 95th percentile of the mean over splits is the mean of theirs. It is rather too high, so `num_within_luck` says
  how many splits are within their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import RoutingTable, measured_means
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.splits import Ground, check_names, family_and_variant, scored
from vlrouterbench.metrics.calibration import brier_score, expected_calibration_error
from vlrouterbench.metrics.calibration_null import calibration_error_by_luck
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES


@dataclass(frozen=True)
class Pairs:
    """Estimates beside what came true.

    Attributes:
        estimates, outcomes: accuracy that was expected of a pair and quality that it had, (num_pairs,).
        constants: mean quality of the pair's candidate on train, (num_pairs,).
        groups: number of each pair's group, the same in every split, (num_pairs,).
    """

    estimates: np.ndarray
    outcomes: np.ndarray
    constants: np.ndarray
    groups: np.ndarray

    @classmethod
    def pooled(cls, parts: Sequence[Pairs]) -> Pairs:
        """Those of several splits, put together."""
        names = ("estimates", "outcomes", "constants", "groups")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def figures(self, seed: int) -> dict[str, Any]:
        """Error, what it is by luck, and Brier scores; `seed` is that of luck's signs."""
        mean, p95 = calibration_error_by_luck(self.estimates, self.outcomes, self.groups, seed)
        return {
            "num_pairs": len(self.estimates),
            "num_groups": len(np.unique(self.groups)),
            "ece": expected_calibration_error(self.estimates, self.outcomes),
            "ece_by_luck": {"mean": mean, "p95": p95},
            "brier": brier_score(self.estimates, self.outcomes),
            "brier_of_constant": brier_score(self.constants, self.outcomes),
        }


@dataclass(frozen=True)
class _Tested:
    """What a router expected on one test split: matrices are (num_samples, num_candidates)."""

    estimates: np.ndarray
    table: RoutingTable
    constants: np.ndarray
    groups: np.ndarray
    decisions: np.ndarray

    def pairs(self, rows: np.ndarray, candidates: np.ndarray) -> Pairs:
        """Pairs at places (num_pairs,) of samples and candidates."""
        quality = self.table.quality[rows, candidates]
        return Pairs(self.estimates[rows, candidates], quality, self.constants[candidates], self.groups[rows])

    def all_pairs(self) -> Pairs:
        """Every sample with every candidate."""
        rows, candidates = np.indices(self.estimates.shape)
        return self.pairs(rows.ravel(), candidates.ravel())

    def chosen(self) -> Pairs:
        """Every sample with the candidate that was chosen."""
        return self.pairs(np.arange(len(self.table)), self.decisions)

    def of_candidate(self, place: int) -> Pairs:
        """Every sample with one candidate."""
        return self.pairs(np.arange(len(self.table)), np.full(len(self.table), place))


def calibration_over_splits(ground: Ground, routers: Sequence[str]) -> list[dict[str, Any]]:
    """Train the calibrated among the routers on every split and judge their estimates on test.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); those without calibrated estimates are passed over.

    Returns:
        One row per calibrated router: `router`; `all_pairs` and `chosen`, each with `per_split`, `mean` and `pooled`
        figures (`Pairs.figures`; `mean` says `num_within_luck` besides); `per_candidate` name -> {"ece", the mean over
        splits, "pooled"}.

    Raises:
        RouterError: no router or seed, or one twice; none of them is calibrated.
        UnknownNameError: no such family, variant or policy.
    """
    check_names(routers, ground.seeds)
    names = calibrated_among(routers)
    tested: dict[str, list[_Tested]] = {name: [] for name in names}
    group_names = np.unique(ground.table.column("group_id"))
    for seed, split in ground.splits():
        test = scored(split)
        groups = np.searchsorted(group_names, test.column("group_id"))
        for name in names:
            with ground.stage(f"split {seed}: {name}"):
                router, features = ground.train(name, split, seed), ground.features.of(test)
                # Trained on this very table, it has the table's order of candidates.
                made = ask_estimates(name, router, features, np.arange(len(test.pool)))
                decisions = router.decide(features).cpu().numpy()
            constants = _means(split.split("train").quality)
            tested[name].append(_Tested(made.accuracy, test, constants, groups, decisions))
    return [_row(name, found, ground.seeds) for name, found in tested.items()]


def calibrated_among(routers: Sequence[str]) -> list[str]:
    """The names whose family has calibrated estimates.

    Raises:
        RouterError: none has.
    """
    found = [name for name in routers if name not in POLICIES and family_and_variant(name)[0] in CALIBRATED_FAMILIES]
    if not found:
        raise RouterError(
            f"part calibration: expected a router with calibrated estimates, found {', '.join(routers)}. Families that "
            f"have them: {', '.join(CALIBRATED_FAMILIES)}. Add one with --router, or leave the part out."
        )
    return found


def _means(quality: np.ndarray) -> np.ndarray:
    """Each candidate's mean over its measured samples, (num_candidates,); one never measured has that of all pairs."""
    means = measured_means(quality)
    return np.where(np.isnan(means), quality[np.isfinite(quality)].mean(), means)


def _row(name: str, tested: Sequence[_Tested], seeds: Sequence[int]) -> dict[str, Any]:
    pool = tested[0].table.pool.names
    of_candidate = {candidate: [found.of_candidate(place) for found in tested] for place, candidate in enumerate(pool)}
    return {
        "router": name,
        "all_pairs": _summary([found.all_pairs() for found in tested], seeds),
        "chosen": _summary([found.chosen() for found in tested], seeds),
        "per_candidate": {
            candidate: {
                "ece": float(np.mean([expected_calibration_error(p.estimates, p.outcomes) for p in parts])),
                "pooled": Pairs.pooled(parts).figures(seeds[0]),
            }
            for candidate, parts in of_candidate.items()
        },
    }


def _summary(parts: Sequence[Pairs], seeds: Sequence[int]) -> dict[str, Any]:
    """Figures of every split, their means, and those of all pairs together."""
    figures = [part.figures(seed) for part, seed in zip(parts, seeds, strict=True)]

    def mean(*keys: str) -> float:
        values = figures
        for key in keys:
            values = [value[key] for value in values]
        return float(np.mean(values))

    return {
        "per_split": figures,
        "mean": {
            "ece": mean("ece"),
            "ece_by_luck": {kind: mean("ece_by_luck", kind) for kind in ("mean", "p95")},
            "num_within_luck": sum(found["ece"] <= found["ece_by_luck"]["p95"] for found in figures),
            "brier": mean("brier"),
            "brier_of_constant": mean("brier_of_constant"),
        },
        "pooled": Pairs.pooled(parts).figures(seeds[0]),
    }

"""Part `calibration`: how well estimated accuracies agree with outcomes, on groups that the router never saw.

Decisions
- Judged are all pairs of a test sample and a candidate, since a budget or a smaller pool may choose any of them, and
  the chosen candidate's alone, whose estimate a user reads.
- Beside every error stands its null distribution on as few groups (`metrics.calibration_null`), and beside every Brier
  score that of the constant: each candidate's mean quality on train as the estimate for every sample.
- Pooled are the test pairs of all splits, each judged by the router of its own split, which has not seen its group.
  More groups narrow the null distribution. A group that several splits test on counts as often, and gets one sign.
- The 95th percentile of the mean over splits is the mean of theirs. It is rather too high, so `num_within_null` counts
  the splits that are within their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.costs import measured_means
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.calibration_pairs import EstimatedSplit, NullFigures, PairFigures, Pairs
from vlrouterbench.evaluation.study.context import StudyContext, family_and_variant, scored
from vlrouterbench.evaluation.study.over_splits import mean_record
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.plotting.figures import shortened
from vlrouterbench.routers.base.modeling_router import CALIBRATED_FAMILIES

_LONGEST_NAME = 24


class MeanPairFigures(TypedDict):
    """Means over splits of `PairFigures`, and the number of splits whose ECE is within its own null distribution."""

    ece: float
    ece_null: NullFigures
    num_within_null: int
    brier: float
    brier_of_constant: float


class Summary(TypedDict):
    """Figures of every split, their means, and those of the pairs of all splits together."""

    per_split: list[PairFigures]
    mean: MeanPairFigures
    pooled: PairFigures


class CandidateRow(TypedDict):
    """ECE as the mean over splits, and figures of the pairs of all splits together."""

    ece: float
    pooled: PairFigures


class CalibrationRow(TypedDict):
    """A calibrated router: judged on all pairs, on the chosen ones, and by candidate."""

    router: str
    all_pairs: Summary
    chosen: Summary
    per_candidate: dict[str, CandidateRow]


class CalibrationPart(StudyPart[list[CalibrationRow]]):
    """One row per calibrated router; routers without calibrated estimates are skipped."""

    name = key = "calibration"
    over_features = False

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router or seed, or one twice; none of the routers is calibrated.
            UnknownNameError: no such family, variant or policy.
        """
        super().check(context, routers)
        if not calibrated_among(routers):
            raise RouterError(
                f"part calibration: expected a router with calibrated estimates, found {', '.join(routers)}. Families "
                f"that have them: {', '.join(CALIBRATED_FAMILIES)}. Add one with --router, or leave the part out."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> list[CalibrationRow]:
        """Train the calibrated among the routers on every split and judge their estimates on test."""
        self.check(context, routers)
        splits: dict[str, list[EstimatedSplit]] = {name: [] for name in calibrated_among(routers)}
        group_names = np.unique(context.table.column("group_id"))
        for seed, own, split in context.fitted(list(splits)):
            test = scored(split)
            groups = np.searchsorted(group_names, test.column("group_id"))
            constants = _constants(split.split("train").quality)
            for name, parts in splits.items():
                with context.stage(f"split {seed}: {name}"):
                    # Rows of bytes are taken and moved as features are.
                    features: Any = own.features_of(name).of(test)
                    router = own.train(name, split, seed)
                    # Trained on this very table, it has the table's order of candidates.
                    estimates = ask_estimates(name, router, features, np.arange(len(test.pool)))
                    if estimates is None:
                        raise RouterError(f"expected calibrated estimates of {name}, found none.")
                    decisions = router.decide(features).cpu().numpy()
                parts.append(EstimatedSplit(estimates.accuracy, test, constants, groups, decisions))
        return [_row(name, parts, context.seeds) for name, parts in splits.items()]

    def table(self, record: list[CalibrationRow], header: StudyHeader) -> list[TextTable | str]:
        """A table of all calibrated routers, and one by candidate for each."""
        rows: list[list[str]] = []
        for row in record:
            rows.append([row["router"]])
            for words, summary in (("all", row["all_pairs"]), ("chosen", row["chosen"])):
                within = f"{summary['mean']['num_within_null']}/{len(summary['per_split'])}"
                rows.append([f"  {words}, mean", *_cells(summary["mean"], within)])
                rows.append([f"  {words}, pooled", *_cells(summary["pooled"], "-")])
        return [
            TextTable("", ("router", "ECE", "null", "null 95 %", "in", "Brier", "constant"), rows),
            "null: mean ECE of calibrated estimates on as few groups of samples",
            "in: splits whose ECE is within the 95 % of its null distribution",
            "constant: Brier score of each candidate's mean quality on train",
            *map(_by_candidate, record),
        ]


def calibrated_among(routers: Sequence[str]) -> list[str]:
    """The names whose family has calibrated estimates."""
    return [name for name in routers if name not in POLICIES and family_and_variant(name)[0] in CALIBRATED_FAMILIES]


def _constants(quality: np.ndarray) -> np.ndarray:
    """Each candidate's mean over its measured samples, (num_candidates,); one never measured has that of all pairs."""
    means = measured_means(quality)
    return np.where(np.isnan(means), quality[np.isfinite(quality)].mean(), means)


def _row(name: str, splits: Sequence[EstimatedSplit], seeds: Sequence[int]) -> CalibrationRow:
    per_candidate: dict[str, CandidateRow] = {}
    for index, candidate in enumerate(splits[0].table.pool.names):
        parts = [split.of_candidate(index) for split in splits]
        ece = float(np.mean([part.ece for part in parts]))
        per_candidate[candidate] = {"ece": ece, "pooled": Pairs.pooled(parts).figures(seeds[0])}
    return {
        "router": name,
        "all_pairs": _summary([split.all_pairs() for split in splits], seeds),
        "chosen": _summary([split.chosen() for split in splits], seeds),
        "per_candidate": per_candidate,
    }


def _summary(parts: Sequence[Pairs], seeds: Sequence[int]) -> Summary:
    """Figures of every split, their means, and those of all pairs together."""
    figures = [part.figures(seed) for part, seed in zip(parts, seeds, strict=True)]
    means = mean_record(figures)
    return {
        "per_split": figures,
        "mean": {
            "ece": means["ece"],
            "ece_null": means["ece_null"],
            "num_within_null": sum(one["ece"] <= one["ece_null"]["p95"] for one in figures),
            "brier": means["brier"],
            "brier_of_constant": means["brier_of_constant"],
        },
        "pooled": Pairs.pooled(parts).figures(seeds[0]),
    }


def _by_candidate(row: CalibrationRow) -> TextTable:
    # Names give way where a line would be longer than 80 columns: figures must stand whole.
    title = shortened(f"{row['router']}, pooled", _LONGEST_NAME)
    rows = [
        [shortened(name, _LONGEST_NAME), *_cells(entry["pooled"]), f"{entry['ece']:.4f}"]
        for name, entry in row["per_candidate"].items()
    ]
    return TextTable("", (title, "ECE", "null", "null 95 %", "Brier", "constant", "ECE, mean"), rows)


def _cells(figures: PairFigures | MeanPairFigures, *within: str) -> list[str]:
    """ECE and its null distribution, the splits within it where given, and the Brier scores."""
    null = figures["ece_null"]
    before, after = (
        [f"{value:.4f}" for value in values]
        for values in (
            (figures["ece"], null["mean"], null["p95"]),
            (figures["brier"], figures["brier_of_constant"]),
        )
    )
    return [*before, *within, *after]

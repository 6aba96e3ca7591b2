"""The settings of an ablation on several splits of the benchmark: does a difference hold on more than one?

Decisions
- Splits, intervals and means are a study's: split 0 is the benchmark's own, another is drawn by the same hash, and
  every setting is trained and chosen anew on it.
- So are encoders: features that were fitted on one split's train samples have seen inputs of another's test samples,
  which flatters what is fitted (built-in features) beside what is not (pretrained ones).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.ablation.settings import AblationSetting
from vlrouterbench.evaluation.paired import MIXTURE
from vlrouterbench.evaluation.study.context import resplit, scored
from vlrouterbench.evaluation.study.over_splits import (
    MeanFigures,
    Outcomes,
    OverSplits,
    RankScoreDifference,
    difference_text,
    outcomes_of,
    outcomes_of_policy,
    score_text,
)
from vlrouterbench.features.encode import FeatureSet
from vlrouterbench.features.refitting import Refitting
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.problem import Problem

COLUMNS = ("accuracy %", f"USD per {SAMPLES_PER_COST_UNIT:,}", "Rank Score", "versus the first (95 %)")


class SplitsRow(MeanFigures):
    """Means of a setting, or of the mixture, over splits.

    Attributes:
        setting: its name.
        rank_scores: per split.
        vs_base: Rank Score less the first setting's.
    """

    setting: str
    rank_scores: list[float]
    vs_base: RankScoreDifference


class OverSplitsRecord(TypedDict):
    """The content of `over_splits` in `ablation.json`: the seeds of the splits, and a row per setting."""

    seeds: list[int]
    rows: list[SplitsRow]


def over_splits(
    table: RoutingTable,
    settings: Sequence[tuple[AblationSetting, FeatureSet]],
    router: str,
    num_splits: int,
    *,
    split: str = "test",
) -> OverSplitsRecord:
    """Train every setting anew on several splits and score it.

    Args:
        table: the benchmark, judged by the ablation's goal.
        settings: each with the features of all samples; the first is what the others are compared with.
        router: family that is trained.
        num_splits: how many, seeds 0 and up; at least two.
        split: the scored side.

    Raises:
        BenchmarkError: fewer than two splits, or one of them without a scored sample.
    """
    if num_splits < 2:
        raise BenchmarkError(f"expected at least 2 splits to take a mean over, found {num_splits}.")
    over: OverSplits[str] = OverSplits(table.cost_bounds, table.goal.beta)
    refitting = [(setting, Refitting(table, features)) for setting, features in settings]
    for seed in range(num_splits):
        drawn = resplit(table, seed)
        test = scored(drawn, split)
        if not len(test):
            raise BenchmarkError(f"expected {split} samples in split {seed}, found none: give fewer --splits.")
        fitted = [(setting, encoders.on(drawn)) for setting, encoders in refitting]
        over.add(_outcomes(drawn, test, fitted, router, seed), test.column("group_id"), seed=seed)
    base = settings[0][0].name
    rows: list[SplitsRow] = [
        {
            **over.figures(name),
            "setting": name,
            "rank_scores": over.rank_scores(name),
            "vs_base": over.difference([name], [base]),
        }
        for name in over.names
    ]
    return {"seeds": list(range(num_splits)), "rows": rows}


def _outcomes(
    drawn: RoutingTable,
    test: RoutingTable,
    settings: Sequence[tuple[AblationSetting, FeatureSet]],
    router: str,
    seed: int,
) -> Mapping[str, Outcomes]:
    outcomes: dict[str, Outcomes] = {}
    for setting, features in settings:
        trained = train_router(router, Problem(drawn, features), replace(setting.arguments, seed=seed)).router
        outcomes[setting.name] = outcomes_of(trained.decide(features.of(test)).cpu().numpy(), test)
    outcomes[MIXTURE] = outcomes_of_policy(MIXTURE, drawn, test, seed=seed)
    return outcomes


def splits_title(record: OverSplitsRecord, split: str) -> str:
    """What the table is of."""
    return f"Mean of {len(record['seeds'])} {split} splits, trained anew on each"


def splits_cells(record: OverSplitsRecord) -> list[list[str]]:
    """Cells of every row: its name, then those of COLUMNS."""
    base = record["rows"][0]["setting"]
    return [
        [
            row["setting"],
            f"{100 * row['accuracy']:.2f}",
            f"{SAMPLES_PER_COST_UNIT * row['average_cost_usd']:.3f}",
            score_text(row["rank_score"]),
            "-" if row["setting"] == base else difference_text(row["vs_base"]),
        ]
        for row in record["rows"]
    ]

"""Part `left-out`: every dataset in turn is left out of training, and its test samples are decided all the same.

Decisions
- "Outside" is every test sample decided by the router that saw nothing of its dataset, all datasets put together;
  "inside" is the same samples decided by the router of the whole benchmark. Both meet one pair of cost bounds.
- A router that cannot tell samples apart should fall back on the mixture, so every router is compared with the mixture
  of the other datasets.
- Of single datasets the terminal shows the first router alone; the page and the JSON have all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.study.context import StudyContext, bounds_of, scored
from vlrouterbench.evaluation.study.held_out_answers import (
    INSIDE,
    OUTSIDE,
    SIDES_LEGEND,
    Answer,
    Setting,
    answers_on_both_sides,
)
from vlrouterbench.evaluation.study.over_splits import (
    MeanFigures,
    Outcomes,
    OverSplits,
    RankScoreDifference,
    difference_text,
    figures_of,
    mean_record,
)
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.evaluation.study.side_calibration import SideCalibration, side_calibration
from vlrouterbench.evaluation.study.unfamiliar import (
    FLAG_LEGEND,
    GUARD_LEGEND,
    FlagFigures,
    WhenUnfamiliarRow,
    flag_figures,
    flag_table,
    when_unfamiliar_rows,
    when_unfamiliar_table,
)

MIXTURE = "mixture"
_RANKS = ("Rank with", "Rank w/o", "w/o - mixture, 95 %")
RANKS_LEGEND = f"{SIDES_LEGEND} Rank: Rank Score; mixture: the best static mixture of the other datasets."


class SideFigures(MeanFigures):
    """A router on one side; `calibration` is None where the family is not calibrated."""

    calibration: SideCalibration | None


class DatasetRow(TypedDict):
    """One dataset: test samples of all splits together, figures as means over the splits that have some."""

    num_samples: int
    inside: SideFigures
    outside: SideFigures


class Comparison(TypedDict):
    """A router's name and how its sides compare."""

    router: str
    outside_minus_mixture: RankScoreDifference
    inside_minus_outside: RankScoreDifference


class LeftOutRow(Comparison):
    """A router as it was trained, with its figures on every dataset."""

    inside: SideFigures
    outside: SideFigures
    per_dataset: dict[str, DatasetRow]
    unfamiliar: FlagFigures | None


class GuardRow(Comparison):
    """A router under a guard, in standard errors."""

    inside: MeanFigures
    outside: MeanFigures
    guard: float


class LeftOutRecord(TypedDict):
    """Routers, the best outside first; a row per guard of each router that has one, and per guard if unfamiliar."""

    routers: list[LeftOutRow]
    guards: list[GuardRow]
    when_unfamiliar: list[WhenUnfamiliarRow]


@dataclass(frozen=True)
class _SplitFigures:
    """Calibration of both sides on one split, and the figures of each dataset."""

    inside: SideCalibration | None
    outside: SideCalibration | None
    per_dataset: Mapping[str, DatasetRow]
    unfamiliar: FlagFigures | None


class LeftOutPart(StudyPart[LeftOutRecord]):
    """Routers trained with and without each dataset, both scored on its test samples; the mixture is added."""

    name = key = "left-out"

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router or seed, or one twice.
            UnknownNameError: no such family, variant or policy.
            BenchmarkError: fewer than two datasets, or a split without samples on one of its sides.
        """
        super().check(context, routers)
        if decided := [name for name in routers if name in context.decided]:
            raise RouterError(
                f"part {self.name} trains every router without each dataset, and {', '.join(decided)} has decisions "
                "alone. Leave it out, or leave the part out."
            )
        datasets = sorted(set(context.table.column("dataset")))
        if len(datasets) < 2:
            raise BenchmarkError(
                f"expected at least two datasets in {context.table.folder}, found {', '.join(datasets) or 'none'}: "
                "with it left out, nothing would be left to learn from. Build from logs of several datasets, or leave "
                "this part out."
            )
        context.check_sides()

    def run(self, context: StudyContext, routers: Sequence[str]) -> LeftOutRecord:
        """Train routers with and without each dataset, and score both on its test samples."""
        self.check(context, routers)
        names = list(dict.fromkeys((*routers, MIXTURE)))
        over_splits: OverSplits[Setting] = OverSplits(bounds_of(context.table), context.table.goal.beta)
        figures: dict[str, list[_SplitFigures]] = {name: [] for name in names}
        for seed, own, split in context.fitted(names):
            test = scored(split)
            outcomes: dict[Setting, Outcomes] = {}
            for name, inside, outside in answers_on_both_sides(names, context, own, split, seed):
                for side, answer in ((INSIDE, inside), (OUTSIDE, outside)):
                    outcomes |= {(name, side, guard): chosen for guard, chosen in answer.outcomes.items()}
                figures[name].append(_split_figures(inside, outside, test))
            over_splits.add(outcomes, test.column("group_id"), seed=seed)
        rows = [_row(over_splits, name, figures[name]) for name in names]
        guards = [(name, guard) for name, side, guard in over_splits.names if side == OUTSIDE and guard is not None]
        return {
            "routers": sorted(rows, key=lambda row: -row["outside"]["rank_score"]),
            "guards": [_guard_row(over_splits, name, on) for name, on in guards if isinstance(on, float)],
            "when_unfamiliar": when_unfamiliar_rows(over_splits),
        }

    def table(self, record: LeftOutRecord, header: StudyHeader) -> list[TextTable | str]:
        """Routers out of distribution, their calibration, their guards, and single datasets of the first router."""
        rows = [[row["router"], *_ranks(row)] for row in record["routers"]]
        guards = [[row["router"], f"{row['guard']:g}", *_ranks(row)] for row in record["guards"]]
        calibration = [cells for row in record["routers"] for cells in _calibration_cells(row)]
        columns = ("router", "estimates", "ECE with", "ECE w/o", "Brier with", "Brier w/o")
        errors = "ECE, Brier: expected calibration error and Brier score of estimated accuracy."
        tables = (
            (TextTable("trained with, and without, the dataset", ("router", *_RANKS), rows), RANKS_LEGEND),
            (TextTable("calibration, %", columns, calibration), errors),
            (
                TextTable("guard, in standard errors", ("router", "guard", *_RANKS), guards),
                "guard: the best fixed candidate is left only for one that is better by that much.",
            ),
            (when_unfamiliar_table(record["when_unfamiliar"]), GUARD_LEGEND),
            (flag_table({row["router"]: row["unfamiliar"] for row in record["routers"]}), FLAG_LEGEND),
            (_by_dataset(record, header["first"]), "Brier: of the chosen candidate, %; mixture: its Rank w/o."),
        )
        return [line for table, legend in tables if table.rows for line in (table, legend)]


def _split_figures(inside: Answer, outside: Answer, test: RoutingTable) -> _SplitFigures:
    datasets = np.array(test.column("dataset"))
    per_dataset: dict[str, DatasetRow] = {}
    for dataset in dict.fromkeys(test.column("dataset")):
        rows = datasets == dataset
        per_dataset[dataset] = {
            "num_samples": int(rows.sum()),
            "inside": _side_figures(inside, test, rows),
            "outside": _side_figures(outside, test, rows),
        }
    every = np.ones(len(test), dtype=bool)
    told = flag_figures(inside.unfamiliar, outside.unfamiliar)
    with_dataset, without = (side_calibration(answer, test, every) for answer in (inside, outside))
    return _SplitFigures(with_dataset, without, per_dataset, told)


def _side_figures(answer: Answer, test: RoutingTable, rows: np.ndarray) -> SideFigures:
    quality, cost = answer.outcomes[None]
    figures = figures_of((quality[rows], cost[rows]), test.cost_bounds, test.goal.beta)
    return {**figures, "calibration": side_calibration(answer, test, rows)}


def _row(over_splits: OverSplits[Setting], name: str, splits: Sequence[_SplitFigures]) -> LeftOutRow:
    """A router as it was trained: figures on both sides, how they compare, and every dataset."""
    inside, outside = (over_splits.figures((name, side, None)) for side in (INSIDE, OUTSIDE))
    return {
        **_comparison(over_splits, name, None),
        "inside": {**inside, "calibration": mean_record([split.inside for split in splits])},
        "outside": {**outside, "calibration": mean_record([split.outside for split in splits])},
        "per_dataset": {
            dataset: _dataset_row([split.per_dataset[dataset] for split in splits if dataset in split.per_dataset])
            for dataset in sorted({dataset for split in splits for dataset in split.per_dataset})
        },
        "unfamiliar": mean_record([split.unfamiliar for split in splits]),
    }


def _dataset_row(rows: Sequence[DatasetRow]) -> DatasetRow:
    return {
        "num_samples": sum(row["num_samples"] for row in rows),
        "inside": mean_record([row["inside"] for row in rows]),
        "outside": mean_record([row["outside"] for row in rows]),
    }


def _guard_row(over_splits: OverSplits[Setting], name: str, guard: float) -> GuardRow:
    return {
        **_comparison(over_splits, name, guard),
        "inside": over_splits.figures((name, INSIDE, guard)),
        "outside": over_splits.figures((name, OUTSIDE, guard)),
        "guard": guard,
    }


def _comparison(over_splits: OverSplits[Setting], name: str, guard: float | None) -> Comparison:
    inside, outside = (name, INSIDE, guard), (name, OUTSIDE, guard)
    return {
        "router": name,
        "outside_minus_mixture": over_splits.difference([outside], [(MIXTURE, OUTSIDE, None)]),
        "inside_minus_outside": over_splits.difference([inside], [outside]),
    }


def _ranks(row: LeftOutRow | GuardRow) -> tuple[str, str, str]:
    compared = "-" if row["router"] == MIXTURE else difference_text(row["outside_minus_mixture"])
    return f"{row['inside']['rank_score']:.2f}", f"{row['outside']['rank_score']:.2f}", compared


def _calibration_cells(row: LeftOutRow) -> Iterator[list[str]]:
    inside, outside = row["inside"]["calibration"], row["outside"]["calibration"]
    if inside is None or outside is None:
        return
    for words, one, other in (
        ("of the chosen", inside["chosen"], outside["chosen"]),
        ("of all", inside["all"], outside["all"]),
    ):
        values = one["ece"], other["ece"], one["brier"], other["brier"]
        yield [row["router"], words, *(f"{100 * value:.2f}" for value in values)]


def _by_dataset(record: LeftOutRecord, first: str) -> TextTable:
    by_router = {row["router"]: row["per_dataset"] for row in record["routers"]}
    rows = []
    for dataset, own in by_router[first].items():
        mixture = by_router[MIXTURE][dataset]["outside"]
        ranks = (own["inside"]["rank_score"], own["outside"]["rank_score"], mixture["rank_score"])
        rows.append(
            [dataset, f"{own['num_samples']:,}", *(f"{score:.2f}" for score in ranks)]
            + [_brier(own["inside"]), _brier(own["outside"])]
        )
    columns = ("dataset", "samples", "Rank with", "Rank w/o", "mixture", "Brier with", "Brier w/o")
    return TextTable(f"{first} by dataset", columns, rows)


def _brier(figures: SideFigures) -> str:
    calibration = figures["calibration"]
    return "-" if calibration is None else f"{100 * calibration['chosen']['brier']:.2f}"

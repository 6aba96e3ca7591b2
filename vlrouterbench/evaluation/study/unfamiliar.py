"""How well routers tell samples of datasets that they never saw from samples of those that they did.

Decisions
- The same test samples stand on both sides: scored by the router of the whole benchmark, and by the one that was
  trained without the sample's dataset. So nothing but having seen the dataset is told apart.
- A guard on the samples alone that this is said of is compared, on each side, with the same router without one.
- Beside the area under the ROC curve stands the share that a decision says it of (`SAID_FROM`), on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

import numpy as np

from vlrouterbench.evaluation.study.held_out_answers import INSIDE, OUTSIDE, IfUnfamiliar, Setting
from vlrouterbench.evaluation.study.over_splits import MeanFigures, OverSplits, RankScoreDifference, difference_text
from vlrouterbench.evaluation.study.part import TextTable
from vlrouterbench.routers.base.familiarity import SAID_FROM

SAID: tuple[Literal["said_inside"], Literal["said_outside"]] = ("said_inside", "said_outside")
"""Fields of the shares, in the order in which they are shown."""

GUARD_LEGEND = (
    "ignored: Rank Score of the same router without that guard, which is on samples said to be unfamiliar alone."
)
FLAG_LEGEND = (
    f"said: share of samples that a decision says are unfamiliar ({SAID_FROM:g} and more); AUROC: how well that score "
    "tells w/o from with."
)
"""What the terminal's words mean."""


class FlagFigures(TypedDict):
    """Area under the ROC curve, 0 to 1, and the shares of samples that are said to be unlike the training samples."""

    auroc: float
    said_inside: float
    said_outside: float


class WhenUnfamiliarRow(TypedDict):
    """A router under a guard on the samples alone that are said to be unlike its training samples.

    Attributes:
        router: its name.
        guard: standard errors.
        inside: figures on the side of the router that saw the datasets.
        outside: on the other side.
        inside_minus_ignore: how far its Rank Score is above that of the router as it was trained.
        outside_minus_ignore: the same on the other side.
    """

    router: str
    guard: float
    inside: MeanFigures
    outside: MeanFigures
    inside_minus_ignore: RankScoreDifference
    outside_minus_ignore: RankScoreDifference


def flag_figures(inside: np.ndarray | None, outside: np.ndarray | None) -> FlagFigures | None:
    """Figures of `unfamiliar` (num_samples,) of both sides; None for a router that has none."""
    if inside is None or outside is None:
        return None
    from sklearn.metrics import roc_auc_score

    seen = np.concatenate([np.zeros(len(inside)), np.ones(len(outside))])
    return {
        "auroc": float(roc_auc_score(seen, np.concatenate([inside, outside]))),
        "said_inside": float((inside >= SAID_FROM).mean()),
        "said_outside": float((outside >= SAID_FROM).mean()),
    }


def when_unfamiliar_rows(over_splits: OverSplits[Setting]) -> list[WhenUnfamiliarRow]:
    """Figures of every router under every guard, and how far they lie from its own."""
    tried = [(name, on) for name, side, on in over_splits.names if side == OUTSIDE]
    return [_row(over_splits, name, on) for name, on in tried if isinstance(on, IfUnfamiliar)]


def _row(over_splits: OverSplits[Setting], name: str, on: IfUnfamiliar) -> WhenUnfamiliarRow:
    inside, outside = (name, INSIDE, on), (name, OUTSIDE, on)
    return {
        "router": name,
        "guard": on.guard,
        "inside": over_splits.figures(inside),
        "outside": over_splits.figures(outside),
        "inside_minus_ignore": over_splits.difference([inside], [(name, INSIDE, None)]),
        "outside_minus_ignore": over_splits.difference([outside], [(name, OUTSIDE, None)]),
    }


def when_unfamiliar_table(rows: Sequence[WhenUnfamiliarRow]) -> TextTable:
    """How much guards gain on each side, in print."""
    cells = [
        [
            row["router"],
            f"{row['guard']:g}",
            difference_text(row["inside_minus_ignore"]),
            difference_text(row["outside_minus_ignore"]),
        ]
        for row in rows
    ]
    columns = ("router", "guard", "with - ignored, 95 %", "w/o - ignored, 95 %")
    return TextTable("guard if unfamiliar", columns, cells)


def flag_table(figures: Mapping[str, FlagFigures | None]) -> TextTable:
    """Figures of routers, in print; those that have some."""
    cells = [
        [name, f"{own['auroc']:.3f}", *(f"{100 * own[side]:.1f}" for side in SAID)]
        for name, own in figures.items()
        if own is not None
    ]
    return TextTable("unfamiliar", ("router", "AUROC", "said with, %", "said w/o, %"), cells)

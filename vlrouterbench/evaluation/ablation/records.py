"""What `ablation.json` holds, as types, and its rows as the one view shows them."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from vlrouterbench.evaluation.ablation.over_splits import OverSplitsRecord
from vlrouterbench.evaluation.records import (
    Captioned,
    Difference,
    Scored,
    ThroughputRecord,
    ThroughputWithOverhead,
)
from vlrouterbench.evaluation.view import Row, number_text
from vlrouterbench.routers.base.learning import FeatureDescription


class TrainedSetting(TypedDict):
    """A setting's features, what its training chose, and its Rank Score on validation."""

    features: FeatureDescription
    chosen: dict[str, str]
    validation_rank_score: float | None


class AblationRow(Scored):
    """Figures of a setting or policy; the last three fields are those of trained settings."""

    setting: str
    kind: str
    vs_mixture: Difference
    throughput: ThroughputRecord | ThroughputWithOverhead | None
    vs_base: Difference
    features: NotRequired[FeatureDescription]
    chosen: NotRequired[dict[str, str]]
    validation_rank_score: NotRequired[float | None]


class AblationRecord(Captioned):
    """The content of `ablation.json`."""

    axis: str
    router: str
    base: str
    num_left_out: int
    seed: int
    cost_bounds_usd: list[float]
    rows: list[AblationRow]
    over_splits: NotRequired[OverSplitsRecord]
    version: str


def ablation_rows(content: AblationRecord) -> list[tuple[Row, str]]:
    """The rows of an ablation, each with its Rank Score on validation in print; differences are from the base."""
    return [
        (
            Row(
                row["setting"],
                row,
                None if row["setting"] == content["base"] else row["vs_base"],
                kind=row["kind"],
            ),
            number_text(row.get("validation_rank_score")),
        )
        for row in content["rows"]
    ]


def split_note(split: str) -> str:
    """What is to be said of scores on a split that routers have learnt from or were chosen on; "" of the test split."""
    had = {
        "train": "from which every setting's router learnt",
        "validation": "on which every setting's checkpoint, lambda and other settings were chosen",
    }.get(split)
    if had is None:
        return ""
    return (
        f"Scored on the {split} split, {had}: these scores are too high for a final figure and serve to choose among "
        "settings. Report those of the test split."
    )

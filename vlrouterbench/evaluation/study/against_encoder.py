"""Routers over one text encoder beside the same over another, on the same changed requests.

Decisions
- Both are trained on the same splits and asked the same requests, so differences are paired.
- "Changed" is a mean over the changes of the text that apply to some sample, each as the whole test split was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from vlrouterbench.core.errors import RouterError
from vlrouterbench.evaluation.study.context import StudyContext
from vlrouterbench.evaluation.study.over_splits import OverSplits, RankScoreDifference, difference_text
from vlrouterbench.evaluation.study.part import TextTable

AS_IT_STANDS = ""
"""In the place of a change's name: the request itself."""
Asked = tuple[str, str]
"""Router and change."""


class AgainstRow(TypedDict):
    """A router less the same over another text encoder, in Rank Score.

    Attributes:
        router: its name.
        other: its name over the other encoder.
        as_they_stand: on the requests as they stand.
        changed: on those that every change of the text is made to in turn.
    """

    router: str
    other: str
    as_they_stand: RankScoreDifference
    changed: RankScoreDifference


def encoder_sides(context: StudyContext, names: Sequence[str]) -> list[tuple[StudyContext, Mapping[str, str]]]:
    """Contexts with the features that routers are trained over, each with router -> what it is called over them."""
    sides: list[tuple[StudyContext, Mapping[str, str]]] = [(context, {name: name for name in names})]
    if context.against is not None:
        text = context.against.encoder.describe()["text"]
        sides.append((replace(context, features=context.against), {name: f"{name}, text {text}" for name in names}))
    return sides


def check_against(context: StudyContext) -> None:
    """Stop where there are no two text encoders to compare.

    Raises:
        RouterError: features to compare with that read no text.
    """
    if context.against is not None and context.against.encoder.describe()["text"] is None:
        raise RouterError(
            "rewordings: expected features of texts to compare with those of --against-text, found features of images "
            "alone. Leave --against-text out, or --modality and --fusion."
        )


def against_row(name: str, other: str, changes: Sequence[str], over_splits: OverSplits[Asked]) -> AgainstRow:
    """How two names compare; `changes` are those of the text that apply to some sample."""
    changed = ([(router, change) for change in changes] for router in (name, other))
    return {
        "router": name,
        "other": other,
        "as_they_stand": over_splits.difference([(name, AS_IT_STANDS)], [(other, AS_IT_STANDS)]),
        "changed": over_splits.difference(*changed),
    }


def against_table(rows: Sequence[AgainstRow]) -> TextTable:
    """The comparisons in print; at least one."""
    cells = [[row["router"], difference_text(row["as_they_stand"]), difference_text(row["changed"])] for row in rows]
    text = rows[0]["other"].removeprefix(f"{rows[0]['router']}, ")
    return TextTable(f"Rank Score, less that with {text}", ("router", "as they stand", "changed"), cells)

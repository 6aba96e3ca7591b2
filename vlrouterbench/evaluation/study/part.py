"""What a part of a study states: its name, how it is computed, and how its record is shown.

Decisions
- A part is a class in one file of `parts/` and a line of `study.PARTS`; nothing else knows it.
- Its record is written to `study.json` as it is. The terminal and the page show the record and nothing besides.
- Tables are text here: what they look like on a terminal is the command line's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NotRequired, TypedDict, TypeVar

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.data.build_report import BenchmarkIdentity
from vlrouterbench.evaluation.study.context import StudyContext, check_names
from vlrouterbench.plotting.page import render_page

PACKAGE = "evaluation.study"
"""Where the templates are."""
Record = TypeVar("Record")


class StudyHeader(TypedDict):
    """What a study was made on, as `study.json` states it beside the parts.

    Attributes:
        benchmark: which benchmark.
        features: as their encoder describes them.
        encoder_refitted: whether encoders were fitted anew on every split; False where the benchmark brings features.
        backbone: as it describes what end-to-end routers read; where there are some.
        seeds: of the splits.
        first: the router that the others are compared with.
        candidates: that routers are trained and scored on.
        objective: what routers are chosen and ordered by.
        rank_score_reason: why there is no Rank Score; empty where there is one.
        version: of this package.
    """

    benchmark: BenchmarkIdentity
    features: Mapping[str, object]
    encoder_refitted: bool
    backbone: NotRequired[Mapping[str, object]]
    seeds: list[int]
    first: str
    candidates: list[str]
    objective: str
    rank_score_reason: str
    version: str


@dataclass(frozen=True)
class TextTable:
    """A table for the terminal, at most 80 columns wide.

    Attributes:
        title: above the table, may be empty.
        columns: their headings.
        rows: cells of each row; a row may have fewer cells than there are columns.
        emphasis: rows that begin with this stand out.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    emphasis: str | None = None


class StudyPart(ABC, Generic[Record]):
    """A part of a study.

    Attributes:
        name: on the command line.
        key: in `study.json`.
        former_names: spellings of earlier releases, which the command line still accepts.
        over_features: whether its routers all decide by the study's own features, none of them end to end.
        default_routers: for a study of this part alone that names none; empty takes those of every study.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    former_names: ClassVar[Sequence[str]] = ()
    over_features: ClassVar[bool] = True
    default_routers: ClassVar[Sequence[str]] = ()

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """Stop before anything is trained where the part cannot be computed.

        Raises:
            RouterError: no router or seed, or one twice.
            UnknownNameError: no such family, variant or policy.
        """
        check_names(routers, context, over_features=self.over_features)

    @abstractmethod
    def run(self, context: StudyContext, routers: Sequence[str]) -> Record:
        """Compute the record; errors as for `check`.

        Args:
            context: benchmark and splits.
            routers: names (see `context.py`); the first is what the others are compared with.
        """

    @abstractmethod
    def table(self, record: Record, header: StudyHeader) -> Sequence[TextTable | str]:
        """Tables for the terminal, and lines of text between them."""

    def section(self, record: Record, header: StudyHeader) -> str:
        """HTML of the part on the page."""
        return self.render(record, header)

    def render(self, record: Record, header: StudyHeader, **values: Any) -> str:
        """The part's template with the record; names from the data are escaped."""
        template = f"{self.name.replace('-', '_')}.html"
        return render_page(PACKAGE, template, record=record, header=header, per=SAMPLES_PER_COST_UNIT, **values)

"""A study: its parts, run one after another, and the files that it leaves.

Decisions
- The parts are a literal list: a new part is one file of `parts/` and one line here.
- Parts take from minutes to hours, so only the requested ones are run, and each is checked before any is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vlrouterbench.core.errors import unknown_name
from vlrouterbench.core.files import staged_folder, without_nan, write_json
from vlrouterbench.core.simulated import marked
from vlrouterbench.evaluation.decisions import is_decisions_file
from vlrouterbench.evaluation.study.context import SHUFFLED, StudyContext, check_known
from vlrouterbench.evaluation.study.decided import with_decisions
from vlrouterbench.evaluation.study.part import PACKAGE, StudyHeader, StudyPart, TextTable
from vlrouterbench.evaluation.study.parts.budget_streams import BudgetStreamsPart
from vlrouterbench.evaluation.study.parts.calibration import CalibrationPart
from vlrouterbench.evaluation.study.parts.frontiers import FrontiersPart
from vlrouterbench.evaluation.study.parts.learning_curves import LearningCurvesPart
from vlrouterbench.evaluation.study.parts.left_out import LeftOutPart
from vlrouterbench.evaluation.study.parts.measuring import MeasuringPart
from vlrouterbench.evaluation.study.parts.new_candidates import NewCandidatesPart
from vlrouterbench.evaluation.study.parts.rewordings import RewordingsPart
from vlrouterbench.evaluation.study.parts.routers import RoutersPart
from vlrouterbench.metrics.objectives import RANK_SCORE
from vlrouterbench.plotting.page import render_page
from vlrouterbench.routers.registration import FUNCTIONS, is_family
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.version import __version__

PARTS: Sequence[StudyPart[Any]] = (
    RoutersPart(),
    FrontiersPart(),
    CalibrationPart(),
    LeftOutPart(),
    NewCandidatesPart(),
    BudgetStreamsPart(),
    LearningCurvesPart(),
    MeasuringPart(),
    RewordingsPart(),
)
"""In the order of the terminal and of the page."""
DEFAULT_PARTS = ("routers",)
STUDY_PAGE = "study.html"
FIRST = "flagship"
DEFAULT_ROUTERS = (
    FIRST,
    *(name for name in ROUTERS if name != FIRST),
    *("mixture", "strongest", "cheapest", f"{SHUFFLED}{FIRST}"),
)


@dataclass(frozen=True)
class Study:
    """What a study computed.

    Attributes:
        header: what it was made on.
        records: of its parts, by the part's key.
    """

    header: StudyHeader
    records: Mapping[str, Any]

    def content(self) -> dict[str, object]:
        """The content of `study.json`."""
        return cast("dict[str, object]", without_nan({**self.header, **self.records}))

    def tables(self) -> list[TextTable | str]:
        """A title, and what every part shows on the terminal."""
        benchmark = self.header["benchmark"]
        data = marked(benchmark["name"], simulated=benchmark["simulated"])
        splits = len(self.header["seeds"])
        lines: list[TextTable | str] = [
            f"{data}, mean of {splits} test splits" if splits > 1 else f"{data}, one test split"
        ]
        lines += judged_by(self.header)
        for part in self._parts():
            lines += part.table(self.records[part.key], self.header)
        return lines

    def page(self) -> str:
        """The page: a section per part."""
        sections = [part.section(self.records[part.key], self.header) for part in self._parts()]
        report = self.header["benchmark"]
        judged = judged_by(self.header)
        return render_page(PACKAGE, STUDY_PAGE, header=self.header, sections=sections, report=report, judged=judged)

    def _parts(self) -> list[StudyPart[Any]]:
        return [part for part in PARTS if part.key in self.records]


def judged_by(header: StudyHeader) -> list[str]:
    """What routers were trained for and are ordered by, where it is not the Rank Score that tables show."""
    if header["objective"] == RANK_SCORE:
        return []
    return [
        f"Trained for the objective {header['objective']}, which also orders routers and picks the mixture; what is "
        "called Rank Score or Rank is that all the same."
    ]


def study(context: StudyContext, routers: Sequence[str], parts: Sequence[str] = DEFAULT_PARTS) -> Study:
    """Run parts of a study.

    Args:
        context: benchmark and splits.
        routers: names (see `context.py`) and files of decisions; the first is what the others are compared with.
        parts: names of PARTS.

    Raises:
        RouterError: no router or seed, or one twice; routers or a benchmark that a part cannot be computed with.
        UnknownNameError: no such part, family, variant or policy.
        EvaluationError: a file of decisions that cannot be read, or lacks scored samples of a split.
    """
    context, routers = with_decisions(context, routers)
    chosen = list(dict.fromkeys(part_of(name) for name in parts))
    for part in chosen:
        part.check(context, routers)
    header: StudyHeader = {
        "benchmark": context.table.identity,
        "features": context.features.describe(),
        "encoder_refitted": context.refits,
        "seeds": list(context.seeds),
        "first": routers[0],
        "candidates": list(context.table.pool.names),
        "objective": str(context.table.goal.objective),
        "rank_score_reason": context.table.goal.why_no_rank_score,
        "version": __version__,
    }
    if context.rows is not None:
        header["backbone"] = context.rows.describe()
    return Study(header, {part.key: part.run(context, routers) for part in chosen})


def check_request(routers: Sequence[str], parts: Sequence[str], seeds: Sequence[int]) -> None:
    """Stop where names and seeds of a study cannot be used, before anything is encoded for it.

    Args:
        routers: as for `study`.
        parts: as for `study`.
        seeds: of splits.

    Raises:
        RouterError: no router or seed, or one twice; routers that a part cannot be computed with.
        UnknownNameError: no such part, family, variant or policy.
    """
    decided = [name for name in routers if is_decisions_file(name) or (not is_family(name) and name in FUNCTIONS)]
    for part in [part_of(name) for name in parts]:
        check_known(routers, seeds, decided=decided, over_features=part.over_features)


def default_routers(parts: Sequence[str]) -> Sequence[str]:
    """Routers of a study that names none: those of its parts where each has its own, else DEFAULT_ROUTERS.

    Raises:
        UnknownNameError: no such part.
    """
    own = [part_of(name).default_routers for name in parts]
    return list(dict.fromkeys(name for routers in own for name in routers)) if all(own) else DEFAULT_ROUTERS


def part_of(name: str) -> StudyPart[Any]:
    """The part of a name, of this or of an earlier release.

    Raises:
        UnknownNameError: there is none.
    """
    for part in PARTS:
        if name in (part.name, *part.former_names):
            return part
    raise unknown_name("part of a study", name, [part.name for part in PARTS])


def write_study(result: Study, out: Path | str) -> None:
    """Write `study.json` and `study.html` (beside, then renamed)."""
    with staged_folder(Path(out)) as folder:
        write_json(folder / "study.json", result.content())
        (folder / STUDY_PAGE).write_text(result.page(), encoding="utf-8")

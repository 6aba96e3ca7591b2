"""How a row of an evaluation file says its label, and in which file of which datasets it does.

Decisions
- A mark reproduces what VLMEvalKit's summary counts for the row, on [0, 1]. What the summary leaves out has no label.
- Where the file holds a judge's extracted answer alone, VLMEvalKit's comparison of it with the gold answer is applied.
- Cells are text, as read; lists and records in them are Python's own form of them, never run as code.

Source: VLMEvalKit `vlmeval/dataset/` at commit e8e78f05 (18 August 2026); each function names its file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from vlrouterbench.data.sources.vlmevalkit.cells import finite_number, literal
from vlrouterbench.data.sources.vlmevalkit.columns import as_fraction

Row = Mapping[str, str | None]
ScoreFunction = Callable[[Row], float | None]

_HIGHEST_SFE_MARK, _SEEPHYS_FAILED = 9, -1
_YES_TAGS = ("YES", "Yes", "yes")
_CHART_MEASURES = ("text_metrics", "layout_metrics", "chart_type_metrics", "color_metrics")
_FRACTION = re.compile(r"[^:]*:.\s*(\d+)\s*/\s*(\d+)\s*$", re.DOTALL)


@dataclass(frozen=True)
class Mark:
    """The label of a row.

    Attributes:
        columns: those that a file must have.
        text: short name of the rule, for the report and the table of datasets.
        score: label in [0, 1] of one row with these columns, or None without one.
    """

    columns: tuple[str, ...]
    text: str
    score: ScoreFunction


@dataclass(frozen=True)
class OwnRule:
    """A rule of `labels.py`: the column that it reads, and its name."""

    column: str
    text: str


@dataclass(frozen=True)
class LabelSource:
    """Where the label of a sample stands.

    Attributes:
        evaluator: file of VLMEvalKit's `vlmeval/dataset/` that writes it.
        file: suffix behind `<model>_<dataset>`, "*" for a judge's name; with the extension where it is csv or jsonl;
            "" for the file of predictions.
        label: how a row says it; `OwnRule` where `labels.py` has the rule.
        listed: names of the datasets, between spaces.
        rewrites_text: whether the file's `prediction` is not what the candidate wrote.
    """

    evaluator: str
    file: str
    label: Mark | OwnRule
    listed: str
    rewrites_text: bool = False

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets."""
        return tuple(self.listed.split())


def share(column: str) -> Mark:
    """A column of truth values, or of numbers in [0, 1]."""
    return Mark((column,), column, partial(_share, column))


def first_of(*columns: str) -> Mark:
    """The first of several columns that has a value in the row: a set with questions of several kinds."""
    return Mark(columns[:1], ", else ".join(columns), partial(_first_share, columns))


def mean_of(*columns: str) -> Mark:
    """The mean of several columns; -1 in one of them marks a row that the summary leaves out."""
    return Mark(columns, f"mean of {', '.join(columns)}", partial(_mean, columns))


def inverse(column: str) -> Mark:
    """1 - the column, which marks what must not happen."""
    return Mark((column,), f"1 - {column}", partial(_inverse, column))


def _share(column: str, row: Row) -> float | None:
    return as_fraction(row[column])


def _first_share(columns: tuple[str, ...], row: Row) -> float | None:
    return next((value for column in columns if (value := as_fraction(row.get(column))) is not None), None)


def _mean(columns: tuple[str, ...], row: Row) -> float | None:
    values = [value for column in columns if (value := as_fraction(row[column])) is not None]
    return sum(values) / len(columns) if len(values) == len(columns) else None


def _inverse(column: str, row: Row) -> float | None:
    value = as_fraction(row[column])
    return None if value is None else 1 - value


def _sfe(row: Row) -> float | None:
    """`sfebench.py`: a judge's mark from 0 to 9."""
    value = finite_number(row["score"])
    return value / _HIGHEST_SFE_MARK if value is not None and 0 <= value <= _HIGHEST_SFE_MARK else None


def _seephys(row: Row) -> float | None:
    """`utils/seephys.py`: 1 is right; 0, and -1 where the judge failed, are not."""
    if finite_number(row["score"]) == _SEEPHYS_FAILED:
        return 0.0
    value = as_fraction(row["score"])
    return None if value is None else float(value == 1)


def _worldvqa(row: Row) -> float | None:
    """`worldvqa.py`: the verdict is in `extract_answer`; its `score` column is never filled."""
    return float((row["extract_answer"] or "").lower() == "correct")


def _mmvm(row: Row) -> float | None:
    """`image_vqa.py`, MMVMBench: the judge's text, which says yes or no."""
    text = row["score"]
    return None if text is None else float(any(tag in text for tag in _YES_TAGS))


def _asclepius(row: Row) -> float | None:
    """`asclepius.py`: a row without gold answer is not scored, though its mark says 0."""
    return as_fraction(row["eval_score"]) if row["answer"] else None


def _hipho(row: Row) -> float | None:
    """`hipho.py`: points earned, of those that the problem gives."""
    earned, points = finite_number(row["earned_points"]), literal(row["points"])
    possible = [finite_number(str(item)) for item in (points if isinstance(points, list) else [points])]
    total = math.fsum(value for value in possible if value is not None)
    if earned is None or total <= 0:
        return None
    return earned / total if 0 <= earned <= total else None


def _bmmr(row: Row) -> float | None:
    """`utils/bmmr.py`: a record of measures, of which accuracy counts."""
    return as_fraction(_inner(literal(row["reference_based_metrics"]), "acc_score", "acc"))


def _ifeval(row: Row) -> float | None:
    """`mmifeval.py`: the record of a row's scores."""
    return as_fraction(_inner(literal(row["eval_score_dict"]), "total_score"))


def _mathcanvas(row: Row) -> float | None:
    """`utils/mathcanvas.py`: right where every part of the question is; a failed judgement has no label."""
    evaluation = literal(row["evaluation"])
    parts = evaluation.get("correctness") if isinstance(evaluation, dict) else None
    if row["status"] != "success" or not isinstance(parts, list) or not parts:
        return None
    return float(all(part is True for part in parts))


def _chartmimic(row: Row) -> float | None:
    """`chartmimic.py`: the mean of four F1 scores and a judge's mark out of 100, in equal parts."""
    result = literal(row["judge_result"])
    marks = [as_fraction(_inner(result, "low_level", measure, "f1")) for measure in _CHART_MEASURES]
    judged = finite_number(_inner(result, "high_level", "score"))
    found = [mark for mark in marks if mark is not None]
    if len(found) < len(marks) or judged is None or not 0 <= judged <= 100:
        return None
    return (sum(found) / len(found) + judged / 100) / 2


def _mia(row: Row) -> float | None:
    """`miabench.py` (`process_rawscore`): the last of the marks in the judge's first sentence is the total one.

    VLMEvalKit drops a row in which it cannot read every mark, or finds more of them than the question has parts.
    """
    marks = (row["score_raw"] or "").split(".")[0].split(",")
    fractions = [_FRACTION.match(mark) for mark in marks]
    num_parts = len(row["component_type"][2:-2].split("', '")) if row["component_type"] else 0
    last = fractions[-1]
    if last is None or None in fractions or not 1 < len(marks) <= num_parts + 1 or not int(last[2]):
        return None
    return as_fraction(str(int(last[1]) / int(last[2])))


def _inner(record: object, *names: str) -> str | None:
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return None if record is None else str(record)


SFE = Mark(("score",), "score / 9", _sfe)
SEEPHYS = Mark(("score",), "score is 1", _seephys)
WORLDVQA = Mark(("extract_answer",), "extract_answer is Correct", _worldvqa)
MMVM = Mark(("score",), "score says yes", _mmvm)
ASCLEPIUS = Mark(("eval_score", "answer"), "eval_score of answered rows", _asclepius)
HIPHO = Mark(("earned_points", "points"), "earned_points / sum of points", _hipho)
BMMR = Mark(("reference_based_metrics",), "acc of reference_based_metrics", _bmmr)
MM_IFEVAL = Mark(("eval_score_dict",), "total_score of eval_score_dict", _ifeval)
MATHCANVAS = Mark(("evaluation", "status"), "all of evaluation's correctness", _mathcanvas)
CHARTMIMIC = Mark(("judge_result",), "judge_result: mean F1 and judge's mark", _chartmimic)
MIA_BENCH = Mark(("score_raw", "component_type"), "total score of score_raw", _mia)

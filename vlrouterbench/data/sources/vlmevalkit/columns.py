"""Columns of VLMEvalKit's evaluation files that carry a label as it stands, for datasets without a rule of their own.

Decisions
- The first of `COLUMNS` that a file has is read. Values outside [0, 1] are no label.
- `eval_match` holds one mark per gold answer, and which of them counts depends on the dataset's name, as VLMEvalKit's
  `hit_calculate` (`utils/vqa_eval.py`) and `plotqa.py` say; for DocVQA and InfoVQA the marks are distances.
- `verifier_match` is written for every set scored with `--use-verifier` (`_detailed_results`). Which other sets write
  which column stands in `label_sources.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

HIT, CORRECT, VERIFIER_MATCH, EVAL_MATCH, SCORE = "hit", "correct", "verifier_match", "eval_match", "score"
COLUMNS: tuple[str, ...] = (HIT, CORRECT, VERIFIER_MATCH, EVAL_MATCH, SCORE)
"""In the order in which they are looked for."""
_CUTOFF = 0.5
_NUMPY = re.compile(r"np\.\w+\(([^()]*)\)")


def label_column(columns: Collection[str]) -> str | None:
    """The column that carries the label, None where there is none."""
    return next((name for name in COLUMNS if name in columns), None)


def as_fraction(cell: str | None) -> float | None:
    """A truth value or a number in [0, 1]; None for anything else. Text, so that "False" is not taken for true."""
    if cell is None:
        return None
    word = cell.strip().lower()
    if word in ("true", "false"):
        return float(word == "true")
    try:
        value = float(word)
    except ValueError:
        return None
    return value if 0.0 <= value <= 1.0 else None


def eval_match(dataset: str, cell: str | None) -> float | None:
    """The score that VLMEvalKit's summary takes from a list of marks (`utils/vqa_eval.py`, `hit_calculate`)."""
    marks = _marks(cell)
    if not marks:
        return None
    if "DocVQA" in dataset or "InfoVQA" in dataset:
        similarity = 1 - min(marks)
        return similarity if similarity >= _CUTOFF else 0.0
    if any(name in dataset for name in ("ChartQA", "OCRVQA", "PlotQA")):
        return max(marks)
    return sum(marks) / len(marks)


def _marks(cell: str | None) -> list[float] | None:
    """The marks of a list written as Python does, or of a single value; None where one of them is no mark."""
    if cell is None:
        return None
    single = as_fraction(cell)
    if single is not None:
        return [single]
    try:
        items = ast.literal_eval(_NUMPY.sub(r"\1", cell.strip()))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    if not isinstance(items, list):
        return None
    marks = [as_fraction(str(item)) for item in items]
    return None if None in marks else [mark for mark in marks if mark is not None]

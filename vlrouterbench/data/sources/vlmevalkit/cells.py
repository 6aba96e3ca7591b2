"""Cells of log files as VLMEvalKit reads them: missing values, lists and records in Python's own form.

Decisions
- Nothing in a cell is run as code.
- What pandas does to a whole column (one of nothing but numbers loses "007" and "1.0") is not reproduced; it changes no
  label of the example tree.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import lru_cache

_MISSING_MARKS = frozenset(
    "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null".split("|")
)
_FIRST_LETTER = ord("A")


def as_read(cell: str | None) -> str:
    """The text VLMEvalKit scored for a cell.

    It reads its own files with pandas, which takes an empty cell and the words above for "no value", and then scores
    str(nan). So an answer "None" is compared as "nan" (TextVQA would otherwise count it as 0).
    """
    return "nan" if cell is None or cell in _MISSING_MARKS else cell


def literal(cell: str | None) -> object:
    """The list, record or value that a cell spells as Python does; None where it spells none."""
    try:
        return ast.literal_eval((cell or "").strip())
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def finite_number(cell: str | None) -> float | None:
    """A number of any size; None for anything else."""
    try:
        value = float(cell) if cell is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@lru_cache(maxsize=2**15)
def gold_answers(cell: str | None) -> tuple[str, ...]:
    """Gold answers of a cell: the items of a list written as Python does, else the cell itself; () for no answer."""
    if not cell:
        return ()
    answers = _literal_list(cell)
    return (as_read(cell),) if answers is None else answers


@lru_cache(maxsize=2**12)
def options_of(cell: str | None) -> Mapping[str, str]:
    """Options by letter of a `choices` cell; none where the cell is empty or no list."""
    return {chr(_FIRST_LETTER + i): text for i, text in enumerate(_literal_list(cell or "") or ())}


def _literal_list(cell: str) -> tuple[str, ...] | None:
    if not cell.lstrip().startswith("["):
        return None
    items = literal(cell)
    return tuple(str(item) for item in items) if isinstance(items, list | tuple) else None

"""What a cascade sees of an answer: its length, its form and what it settles on, as numbers.

Decisions
- Only what a caller has after the call counts: the answer's text and its output tokens. No log has log-probabilities
  that a benchmark keeps, so there are none here.
- Where no text was logged the output tokens alone are left; where neither was, a cascade cannot be scored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.data.predictions import read_predictions
from vlrouterbench.data.table import RoutingTable

_LETTERS = "ABCDEFGH"
_HEDGES = re.compile(
    r"\b(not sure|unsure|unclear|cannot|can't|unable|impossible to|not possible|sorry|not visible|no information)\b",
    re.I,
)
_LETTER = re.compile(r"\b([A-H])\b(?!['’])")
_YES_NO = re.compile(r"\b(yes|no)\b", re.I)
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?\s*[.%]?\s*$")


def answer_features(table: RoutingTable, candidate: str) -> np.ndarray:
    """Numbers that describe a candidate's answers, (num_samples, num_features) float64.

    Args:
        table: samples.
        candidate: who answered.

    Raises:
        EvaluationError: neither texts nor output tokens of its answers are known.
    """
    column = table.pool.index[candidate]
    tokens = table.matrices["output_tokens"][:, column]
    texts = read_predictions(table.folder, table.samples["sample_id"], candidate)
    if not np.isfinite(tokens).any() and not any(texts):
        raise EvaluationError(
            f"a cascade looks at the answers of {candidate}, and {table.folder} has neither their texts (prediction) "
            "nor their output tokens. Build it from logs that have them."
        )
    known = np.isfinite(tokens)
    lengths = np.log1p(np.where(known, tokens, 0.0))
    options = table.column("options")
    of_texts = [_of_text(text, choices or ()) for text, choices in zip(texts, options, strict=True)]
    return np.column_stack([known, lengths, np.array(of_texts, dtype=float)])


def _of_text(text: str | None, options: Sequence[str]) -> list[float]:
    """Numbers that describe one answer; zeros where it was not logged."""
    answer = (text or "").strip()
    letters = [letter for letter in _LETTER.findall(answer) if _LETTERS.index(letter) < len(options)]
    said = [option for option in options if str(option).strip() and str(option).lower() in answer.lower()]
    yes_no = {word.lower() for word in _YES_NO.findall(answer)}
    last = letters[-1] if letters else ""
    return [
        float(text is not None),
        float(np.log1p(len(answer))),
        float(not answer),
        float(len(answer) <= 3),
        float(len(set(letters)) == 1),
        float(len(set(letters)) > 1),
        float(len(said) == 1),
        float(len(said) > 1),
        float(bool(_HEDGES.search(answer))),
        float(yes_no == {"yes"}),
        float(yes_no == {"no"}),
        float(bool(_NUMBER.search(answer))),
        float(answer[-1:] not in ".!?)>}" and len(answer) > 80),
        *(float(last == letter) for letter in _LETTERS),
    ]

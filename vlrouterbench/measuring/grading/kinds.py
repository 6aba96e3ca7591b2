"""The kinds of grading: which of them there are, and the rule of each that needs no judge.

Decisions
- VLMEvalKit's rules where it has one (`data/sources/vlmevalkit/answers.py`), so that a quality measured here is the one
  that its logs would give.
- A kind may have a tolerance, `numeric=0.05`: the largest distance from the gold number, as a share of it.
- An answer that says nothing is wrong: the candidate was asked and did not answer. A failure is not graded at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vlrouterbench.core.errors import VLRouterBenchError, shown, unknown_name
from vlrouterbench.data.prices.numbers import plain_number
from vlrouterbench.data.sources.vlmevalkit.answers import (
    anls_similarity,
    contains_answer,
    infer_option,
    normalize_vqa_answer,
    relaxed_match,
    vqa_score,
)
from vlrouterbench.measuring.prompts import LETTERS

CHOICE, EXACT, JUDGE = "choice", "exact", "judge"
DEFAULT_TOLERANCE = 1e-6
_NUMBER = re.compile(r"(?:(?<!\w)[-+])?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:[eE][-+]?\d+)?%?")
_WORDS = re.compile(r"[a-z]+")


class GradingError(VLRouterBenchError):
    """A kind of grading, or a gold answer, that cannot be used."""


@dataclass(frozen=True)
class Gold:
    """What an answer is compared with.

    Attributes:
        answers: the gold answers, any of which will do.
        options: the options of the question.
        category: of the sample, "" where none is given; OCRBench compares handwritten formulas differently.
        tolerance: of numbers, as a share of the gold one.
    """

    answers: tuple[str, ...]
    options: tuple[str, ...] = ()
    category: str = ""
    tolerance: float = DEFAULT_TOLERANCE


@dataclass(frozen=True)
class Grading:
    """A kind with its tolerance; `text` is how it is written."""

    kind: str
    tolerance: float = DEFAULT_TOLERANCE

    @property
    def text(self) -> str:
        """As `--grading` and the column `grading` have it."""
        return self.kind if self.tolerance == DEFAULT_TOLERANCE else f"{self.kind}={self.tolerance:g}"


def parse_grading(text: str) -> Grading:
    """A kind as it is written, with its tolerance behind "=".

    Raises:
        UnknownNameError: there is no such kind.
        GradingError: a tolerance that is none, or of a kind that has none.
    """
    kind, mark, tolerance = text.strip().partition("=")
    if kind not in KINDS:
        raise unknown_name("kind of grading", kind, KINDS)
    if not mark:
        return Grading(kind)
    if kind != "numeric":
        raise GradingError(f"expected a tolerance of numeric alone, such as numeric=0.05, found {shown(text)}.")
    return Grading(kind, float(plain_number(tolerance, "numeric", f"grading {shown(text)}")))


def grade(kind: str, prediction: str, gold: Gold) -> float:
    """The quality of an answer, in [0, 1], by a rule that needs no judge.

    Args:
        kind: of KINDS, other than "judge".
        prediction: what the candidate wrote.
        gold: what it is compared with.
    """
    return RULES[kind](prediction, gold)


def check_gold(kind: str, gold: Gold) -> str:
    """Why a gold answer cannot be used by a kind; "" where it can."""
    if not gold.answers:
        return "expected a gold answer, found none"
    if kind == CHOICE:
        if not 2 <= len(gold.options) <= len(LETTERS):
            return f"expected 2 to {len(LETTERS)} options for grading by choice, found {len(gold.options)}"
        if gold_letter(gold) is None:
            return f"expected an option or its letter as answer, found {shown(gold.answers[0])}"
    if kind == "yes-no" and yes_or_no(gold.answers[0]) is None:
        return f"expected yes or no as answer, found {shown(gold.answers[0])}"
    if kind == "numeric" and all(whole_number(answer) is None for answer in gold.answers):
        return f"expected a number as answer, found {shown(gold.answers[0])}"
    return ""


def gold_letter(gold: Gold) -> str | None:
    """The letter of the right option, which the answer states as a letter or as the option's text."""
    letters = LETTERS[: len(gold.options)]
    answer = gold.answers[0].strip()
    if len(answer) == 1 and answer in letters:
        return answer
    same = [letter for letter, option in zip(letters, gold.options, strict=True) if option.strip() == answer]
    if len(same) == 1:
        return same[0]
    return answer.upper() if len(answer) == 1 and answer.upper() in letters else None


def yes_or_no(text: str) -> bool | None:
    """Whether a text says yes, or no; None where it says neither or both.

    Source: VLMEvalKit `vlmeval/dataset/utils/yorn.py` (`YOrN_Extraction`).
    """
    words = set(_WORDS.findall(text.lower()))
    return None if ("yes" in words) == ("no" in words) else "yes" in words


def last_number(text: str) -> float | None:
    """The last number in a text, with thousands between commas, an exponent or a percent sign; None without one."""
    found = [match[0] for match in _NUMBER.finditer(text) if any(letter.isdigit() for letter in match[0])]
    return _number(found[-1]) if found else None


def whole_number(text: str) -> float | None:
    """The number that a text is; None where it is anything else."""
    stripped = text.strip()
    return _number(stripped) if _NUMBER.fullmatch(stripped) and any(map(str.isdigit, stripped)) else None


def _number(text: str) -> float | None:
    value = float(text.rstrip("%").replace(",", ""))
    value = value / 100 if text.endswith("%") else value
    return value if math.isfinite(value) else None


def _plain(text: str) -> str:
    """A text without what does not count in a comparison: case, white space around and between, a full stop."""
    return " ".join(text.casefold().split()).rstrip(".")


def _choice(prediction: str, gold: Gold) -> float:
    options = dict(zip(LETTERS, gold.options, strict=False))
    return float(infer_option(prediction, options) == gold_letter(gold))


def _yes_no(prediction: str, gold: Gold) -> float:
    said = yes_or_no(prediction)
    return float(said is not None and said == yes_or_no(gold.answers[0]))


def _exact(prediction: str, gold: Gold) -> float:
    return float(_plain(prediction) in {_plain(answer) for answer in gold.answers})


def _numeric(prediction: str, gold: Gold) -> float:
    said = last_number(prediction)
    numbers = [number for answer in gold.answers if (number := whole_number(answer)) is not None]
    return float(said is not None and any(_near(said, number, gold.tolerance) for number in numbers))


def _near(said: float, number: float, tolerance: float) -> bool:
    return abs(said - number) <= tolerance * (abs(number) or 1.0)


def _relaxed(prediction: str, gold: Gold) -> float:
    return float(any(relaxed_match(prediction.strip(), answer.strip()) for answer in gold.answers))


def _vqa(prediction: str, gold: Gold) -> float:
    if len(gold.answers) == 1:  # the rule leaves each annotator's answer out once: of one answer nothing is left
        return float(normalize_vqa_answer(prediction) == normalize_vqa_answer(gold.answers[0]))
    return vqa_score(prediction, gold.answers)


def _anls(prediction: str, gold: Gold) -> float:
    return anls_similarity(prediction, gold.answers)


def _ocrbench(prediction: str, gold: Gold) -> float:
    return float(contains_answer(prediction, _given(gold.answers), gold.category or None))


def _contains(prediction: str, gold: Gold) -> float:
    said = _plain(prediction)
    return float(any(_plain(answer) in said for answer in _given(gold.answers)))


def _given(answers: Sequence[str]) -> list[str]:
    """Answers that say something: an empty one would be contained in anything."""
    return [answer for answer in answers if answer.strip()]


RULES: dict[str, Callable[[str, Gold], float]] = {
    CHOICE: _choice,
    "yes-no": _yes_no,
    EXACT: _exact,
    "numeric": _numeric,
    "relaxed": _relaxed,
    "vqa": _vqa,
    "anls": _anls,
    "ocrbench": _ocrbench,
    "contains": _contains,
}
KINDS = (*RULES, JUDGE)

"""Labels of files that hold an extracted answer alone: VLMEvalKit's comparison with the gold answer, row by row.

Each function names the file of VLMEvalKit's `vlmeval/dataset/` (commit e8e78f05, 18 August 2026) whose comparison it
reproduces, odd corners included: the label has to be the one that VLMEvalKit's summary counts. Those of MathVista and
MathVision are the same as in October 2025.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from vlrouterbench.data.sources.vlmevalkit.answers import infer_option, numeric_equal
from vlrouterbench.data.sources.vlmevalkit.cells import as_read, literal, options_of
from vlrouterbench.data.sources.vlmevalkit.marks import Mark, Row

_CENTIMETRES = {
    **dict.fromkeys(("meters", "meter", "m", "metre", "metres"), 100.0),
    **dict.fromkeys(("centimeters", "centimeter", "cm"), 1.0),
    **dict.fromkeys(("feet", "foot", "ft"), 30.48),
    **dict.fromkeys(("inch", "inches", "in"), 2.54),
    "mm": 0.1,
}
_TINY_LENGTH = 1e-8
_FACTOR = 2.0
_EXTRACTED_LENGTH = re.compile(r"\(([\d.-]+), (.+)\)")
_SCALAR, _UNIT = re.compile(r"scalar{([^}]*)}"), re.compile(r"distance_unit{([^}]*)}")
_NUMBER = re.compile(r"\d+\.?\d*")
_DEFAULT_TOLERANCE = 0.01


def _lens(row: Row) -> float | None:
    """`utils/lens.py` (`is_equal`): the same text, the same arithmetic value, or the same LaTeX.

    LaTeX is not compared here, so that two texts of which one is LaTeX have no label unless they are the same.
    """
    predicted, gold = as_read(row["res"]), row["answer"]
    if gold is None:
        return None
    if numeric_equal(predicted, gold):
        return 1.0
    return None if "\\" in predicted or "\\" in gold else 0.0


def _post_check(compare_texts: Callable[[str, str], bool], row: Row) -> float | None:
    """An option, a number of the answer's kind, or text: `post_check` of `utils/mathvista.py` and `ocr_reasoning.py`.

    "2.0" is no integer here. `compare_texts` says whether any other text is the gold one.
    """
    predicted, gold = as_read(row["res"]), row["answer"]
    if row["question_type"] == "multi_choice":
        gold = row["answer_option"]
        return None if gold is None else float(infer_option(predicted, options_of(row["choices"])) == gold)
    if gold is None:
        return None
    convert = {"integer": int, "float": float}.get(row["answer_type"] or "")
    try:
        return float(compare_texts(predicted, gold) if convert is None else convert(predicted) == convert(gold))
    except ValueError:
        return 0.0


def _never(predicted: str, gold: str) -> bool:
    """MathVista: free-form text and lists are compared as the word "None"."""
    return False


def _same_but_for_spaces(predicted: str, gold: str) -> bool:
    return predicted.replace(" ", "") == gold.replace(" ", "")


def _mathvision(row: Row) -> float | None:
    """`utils/mathv.py` (`post_check`)."""
    predicted, gold, options = as_read(row["res"]), row["answer"], options_of(row["choices"])
    if gold is None:
        return None
    option = infer_option(predicted, options) if options else predicted
    return float(option is not None and numeric_equal(option, gold))


def _qspatial(row: Row) -> float | None:
    """`image_vqa.py` (`QSpatial.evaluate`): the length that the judge extracted is within a factor of two."""
    extracted = row["res"]
    if extracted is None:
        return None  # the judge failed on every try, and VLMEvalKit's summary too
    match = _EXTRACTED_LENGTH.match(extracted)
    try:
        bounds = [float(part) for part in match[1].split("-")] if match else []
    except ValueError:
        bounds = []
    # A range counts as its middle; anything else than one or two numbers as no length at all.
    value = sum(bounds) / len(bounds) if match and len(bounds) in (1, 2) else 0.0
    return _within_factor(value * _unit(match[2]) if match else 0.0, row["answer"])


def _qspatial_text(row: Row) -> float | None:
    """`image_vqa.py` (`QSpatial.evaluate`), without a judge: the last length in the answer's own markup."""
    text = row["prediction"] or ""
    scalars, units = _SCALAR.findall(text), _UNIT.findall(text)
    if not scalars or not units:
        return _within_factor(_TINY_LENGTH, row["answer"])
    numbers = [float(number) for number in _NUMBER.findall(scalars[-1])]
    if not numbers:
        return None if row["answer"] is None else 0.0
    return _within_factor(sum(numbers) / len(numbers) * _unit(units[-1]), row["answer"])


def _within_factor(centimetres: float, answer: str | None) -> float | None:
    gold = literal(answer)
    if not isinstance(gold, tuple | list) or len(gold) != 2 or not isinstance(gold[0], int | float):
        return None
    first, second = centimetres + _TINY_LENGTH, gold[0] * _unit(str(gold[1])) + _TINY_LENGTH
    return float(max(first / second, second / first) < _FACTOR)


def _unit(name: str) -> float:
    return _CENTIMETRES.get(name.lower(), 0.0)


def _macbench(row: Row) -> float | None:
    """`macbench.py` (`cal_acc`): the option, or a number within the question's tolerance, by default 1 % of the answer.

    A tolerance column with an empty cell lets no number pass, and neither does a negative answer by default.
    """
    gold, predicted = row["answer"], (row["res"] or "").strip()
    if gold is None:
        return None
    if row.get("A") is not None:
        return float(predicted == gold)
    try:
        value, answer = float(predicted), float(gold)
        if "relative_tolerance" not in row:
            tolerance = answer * _DEFAULT_TOLERANCE
        elif row["relative_tolerance"] is None:
            return 0.0
        else:
            tolerance = float(row["relative_tolerance"]) or answer * _DEFAULT_TOLERANCE
    except ValueError:
        return 0.0
    return float(abs(value - answer) < tolerance)


LENS = Mark(("res", "answer"), "extracted answer equals the gold one", _lens)
_CHECKED = ("res", "question_type", "answer_type", "choices", "answer", "answer_option")
MATHVISTA = Mark(_CHECKED, "extracted answer", partial(_post_check, _never))
MATHVISION = Mark(("res", "choices", "answer"), "extracted answer", _mathvision)
OCR_REASONING = Mark(_CHECKED, "extracted answer or its text", partial(_post_check, _same_but_for_spaces))
QSPATIAL = Mark(("res", "answer"), "extracted length within a factor of 2", _qspatial)
QSPATIAL_TEXT = Mark(("prediction", "answer"), "length in the answer within a factor of 2", _qspatial_text)
MACBENCH = Mark(("res", "answer"), "extracted answer within its tolerance", _macbench)

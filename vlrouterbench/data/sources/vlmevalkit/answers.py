"""Comparing an answer's text with the gold text, by the rules VLMEvalKit applies.

Decisions
- Each rule reproduces VLMEvalKit of October 2025 (commit b9ff66c9), odd corners included: the label has to be the one
  its summary files were made from. Corners that change a label are commented where they happen.
- The "answer is X" pattern that VLMEvalKit added to option matching in June 2026 is applied where predictions are
  matched anew (`exact.py`) and not where a judge's answer of that time is compared, and neither is LaTeX
  comparison for MathVision: the stock requirements of October 2025 do not install it.
- VQA accuracy has a second form, `legacy`: before 13 May 2025 (commit 928a95b0) a period after a digit went too, so
  "2012." equalled "2012"; now it does not. No file says which code scored it, so the later form is the default.
- Numeric answers go through a small arithmetic evaluator over `ast`; nothing is run as Python code.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

ANLS_CUTOFF = 0.5
RELATIVE_TOLERANCE = 0.05
NUMERIC_TOLERANCE = 1e-6

Number = int | float | complex

_HANDWRITTEN_MATH = "Handwritten Mathematical Expression Recognition"

_CACHED_TEXT_LENGTH, _AGREEING_ANSWERS, _MAX_PERIODS_REMOVED = 200, 3, 32
_PUNCTUATION = frozenset(';/[]"{}()=+\\_-><@`,?!')
_GROUPED_DIGITS = re.compile(r"\d,\d")
_LOOSE_PERIOD, _LEGACY_LOOSE_PERIOD = re.compile(r"(?<!\d)\.(?!\d)"), re.compile(r"\.(?!\d)")
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten".split()
_DIGIT_WORDS = {"none": "0"} | {word: str(value) for value, word in enumerate(_NUMBER_WORDS)}
_CONTRACTION_STEMS = {
    "n't": "ai are ca could did does do had has have is might must need ought sha should was were wo would",
    "n't've": "could had might should would",
    "'ve": "could might must not should they we what where who would you",
    "'d": "he how it someone something there they where who you",
    "'d've": "he it she somebody someone something there they we who y'all you",
    "'ll": "how it somebody someone something they what who why y'all you",
    "'s": "he how somebody someone that there what when where who why",
    "'re": "there they what why you",
    "": "ma'am o'clock 'twas y'all 'ow's'at",
}

_OPTION_PUNCTUATION, _OPTION_WINDOW = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " ")), 4
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_FAILED_CALL = "Failed to obtain answer via API"
_ANSWER_IS = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)
_ARITHMETIC = re.compile(r"[0-9a-fjox_.+\-*/%^() \t]{1,1000}")
_MAX_BASE, _MAX_EXPONENT = 1e9, 64
_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitXor: operator.xor,  # "^" is Python's exclusive or there, not a power
}
# Every spelling that lacks exactly one of its apostrophes, and the one entry that runs the other way.
_CONTRACTIONS = {"somebody'd": "somebodyd"} | {
    word[:i] + word[i + 1 :]: word
    for ending, stems in _CONTRACTION_STEMS.items()
    for word in (stem + ending for stem in stems.split())
    for i, char in enumerate(word)
    if char == "'"
}
_OTHER_WORDS = _CONTRACTIONS | _DIGIT_WORDS
_CHANGED_WORDS = _ARTICLES.union(_OTHER_WORDS)


@lru_cache(maxsize=2**16)
def normalize_vqa_answer(text: str, legacy: bool = False) -> str:
    """Bring an answer to the form in which VQA answers are compared.

    Source: VLMEvalKit `vlmeval/dataset/utils/vqa_eval.py` (`process_answer`), after the VQA challenge's evaluation.
    Number words become digits, articles go, missing apostrophes return. A punctuation mark is removed if it stands next
    to a space somewhere in the text (or the text has a "1,000"); else it becomes a space. Not idempotent.
    """
    text = without_punctuation(text.replace("\n", " ").replace("\t", " ").strip(), legacy=legacy)
    words = text.lower().split()
    if not _CHANGED_WORDS.isdisjoint(words):
        words = [_OTHER_WORDS.get(word, word) for word in words if word not in _ARTICLES]
    return " ".join(words)


def without_punctuation(text: str, *, legacy: bool = False) -> str:
    """A text without punctuation marks, as VLMEvalKit's `process_punctuation` (`vqa_eval.py`) leaves it."""
    present = _PUNCTUATION.intersection(text)
    if present:
        drop_all = _GROUPED_DIGITS.search(text) is not None
        drop = {p for p in present if drop_all or p + " " in text or " " + p in text}
        text = text.translate({ord(p): None if p in drop else " " for p in present})
    if "." in text:
        # VLMEvalKit hands a regex flag (32) to the argument for the count, so later periods survive.
        text = (_LEGACY_LOOSE_PERIOD if legacy else _LOOSE_PERIOD).sub("", text, count=_MAX_PERIODS_REMOVED)
    return text


def vqa_score(prediction: str, answers: Sequence[str], *, legacy: bool = False) -> float:
    """VQA accuracy against the annotators' answers (TextVQA): with ten answers, one of 0, .3, .6, .9, 1.

    Source: VLMEvalKit `vqa_eval.py` (`process_line`, method "vqa_score"). Each answer is left out once, and three
    agreeing answers among the others give full marks. A single answer leaves none to agree with, so it scores 0.
    """
    if not answers:
        return 0.0
    # Long outputs are rarely seen twice: keeping them out of the cache bounds its memory.
    normalize = normalize_vqa_answer if len(prediction) <= _CACHED_TEXT_LENGTH else normalize_vqa_answer.__wrapped__
    target = normalize(prediction, legacy)
    count, agreeing = len(answers), [normalize_vqa_answer(answer, legacy) for answer in answers].count(target)
    agreeing_left_out = agreeing * min(1.0, (agreeing - 1) / _AGREEING_ANSWERS)
    other_left_out = (count - agreeing) * min(1.0, agreeing / _AGREEING_ANSWERS)
    return (agreeing_left_out + other_left_out) / count


@lru_cache(maxsize=2**15)
def _plain_and_length(text: str) -> tuple[str, int]:
    return " ".join(text.lower().split()), len(text.upper())


def anls_similarity(prediction: str, answers: Sequence[str]) -> float:
    """Best normalised edit similarity to any answer, 0 where it is below 0.5 (DocVQA, InfoVQA).

    Source: VLMEvalKit `vqa_eval.py` (`anls_compute`, `hit_calculate`). Case and runs of white space do not count in the
    distance, but it is divided by the length of the longer text as written.
    """
    predicted, written = _plain_and_length.__wrapped__(prediction)
    best = 0.0
    for answer in answers:
        gold, length = _plain_and_length(answer)
        length = max(length, written)
        if length == 0 or predicted == gold:
            return 1.0
        if abs(len(predicted) - len(gold)) / length <= 1 - ANLS_CUTOFF:
            best = max(best, 1 - _edit_distance(predicted, gold) / length)
    return best if best >= ANLS_CUTOFF else 0.0


def relaxed_match(prediction: str, answer: str) -> bool:
    """Whether a number is within 5 % of the gold number, or a text equals it but for case (ChartQA).

    Source: VLMEvalKit `vqa_eval.py` (`relaxed_correctness`). A gold 0 has no relative error and is compared as text.
    """
    predicted, gold = _as_float(prediction), _as_float(answer)
    if predicted is not None and gold:
        return abs(predicted - gold) / abs(gold) <= RELATIVE_TOLERANCE
    return prediction.lower() == answer.lower()


def contains_answer(prediction: str, answers: Sequence[str], category: str | None = None) -> bool:
    """Whether any gold text occurs in the prediction (OCRBench).

    Source: VLMEvalKit `vlmeval/dataset/image_vqa.py` (`OCRBench.evaluate`). Case does not count, except for handwritten
    formulas, where spaces do not count instead. VLMEvalKit cleans the prediction anew for every answer, to no effect.
    """

    def clean(text: str) -> str:
        text = text.strip().replace("\n", " ")
        return text.replace(" ", "") if category == _HANDWRITTEN_MATH else text.lower()

    predicted = clean(prediction)
    return any(clean(answer) in predicted for answer in answers)


def infer_option(answer_text: str, options: Mapping[str, str], *, says_answer_is: bool = False) -> str | None:
    """The letter of the option that an answer names, or None where it names none or several.

    Source: VLMEvalKit `vlmeval/utils/matching_util.py` (`can_infer`). One option letter standing alone within the last
    four words decides; else the one option whose text occurs in an answer at most twice as long as all options. With
    `says_answer_is`, what follows "answer is" comes between the two, as in the newest version.
    """
    if _FAILED_CALL not in answer_text:
        if any(phrase in answer_text for phrase in _REFUSALS):
            return None
        words = answer_text.translate(_OPTION_PUNCTUATION).split()
        letters = [letter for letter in options if letter in words]
        # Only the letter's first occurrence counts: "A ... a long reason ... A" is not decided here.
        if len(letters) == 1 and words.index(letters[0]) >= len(words) - _OPTION_WINDOW:
            return letters[0]
        if not letters and "Z" in words:
            return None
        said = _ANSWER_IS.search(answer_text) if says_answer_is else None
        if said and said[1].upper() in options:
            return said[1].upper()
    if len(answer_text.lower()) > 2 * sum(map(len, options.values())):
        return None
    occurring = [letter for letter, text in options.items() if text.lower() in answer_text.lower()]
    return occurring[0] if len(occurring) == 1 else None


def numeric_equal(prediction: str, answer: str) -> bool:
    """Whether two answers are the same text (but for case) or the same number, also written as a sum or fraction.

    Source: VLMEvalKit `vlmeval/dataset/utils/mathv.py` (`is_equal`), used for MathVision.
    """
    predicted, gold = prediction.lower().strip(), answer.lower().strip()
    if predicted == gold:
        return True
    gold_value = _arithmetic_value(gold, {})
    if gold_value is None:
        return False
    # VLMEvalKit has the gold number in a variable `a` when it evaluates the answer: a bare "A" equals any number.
    predicted_value = _arithmetic_value(predicted, {"a": gold_value})
    try:
        return predicted_value is not None and abs(gold_value - predicted_value) < NUMERIC_TOLERANCE
    except ArithmeticError:
        return False


def _edit_distance(first: str, second: str) -> int:
    """Levenshtein distance, one row of the table held as the bits of an integer (Myers 1999, Hyyroe 2003)."""
    if not first or not second:
        return len(first) + len(second)
    mask, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    positions: dict[str, int] = {}
    for i, char in enumerate(first):
        positions[char] = positions.get(char, 0) | 1 << i
    up, down, distance = mask, 0, len(first)
    for char in second:
        same = positions.get(char, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        grown, shrunk = down | ~(diagonal | up) & mask, diagonal & up
        distance += bool(grown & last) - bool(shrunk & last)
        grown, shrunk = (grown << 1 | 1) & mask, shrunk << 1 & mask
        up, down = shrunk | ~(diagonal | grown) & mask, diagonal & grown
    return distance


def _as_float(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _arithmetic_value(text: str, names: Mapping[str, Number]) -> Number | None:
    if not _ARITHMETIC.fullmatch(text):
        return None
    try:
        return _node_value(ast.parse(text, mode="eval").body, names)
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
        return None


def _node_value(node: ast.expr, names: Mapping[str, Number]) -> Number:
    match node:
        case ast.Constant(value=int() | float() | complex() as value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _node_value(operand, names)
            return -value if isinstance(sign, ast.USub) else value
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = _node_value(left, names), _node_value(right, names)
            if abs(exponent) <= _MAX_EXPONENT and abs(base) <= _MAX_BASE:
                return base**exponent
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_node_value(left, names), _node_value(right, names))
    raise ValueError("not plain arithmetic")

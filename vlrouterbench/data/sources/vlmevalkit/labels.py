"""Which label each row of a VLMEvalKit file carries: one rule per dataset.

Decisions
- The label is VLMEvalKit's own per-sample score. Where no stock file holds it (VQA sets, MathVista, MathVision), it is
  computed again from prediction or extracted answer and gold. `columns.py` has the columns of all other datasets.
- An `is_correct` column wins wherever it has a value: the published archive of the benchmark is said to carry it.
- Graded scores stay graded (TextVQA, DocVQA, InfoVQA); everything else is 0 or 1.
- A row without gold answer, or whose `hit` / `score` is empty or outside [0, 1], has no label (None): never a silent 0.
- Rules see one row at a time. What pandas does to a whole column (one of nothing but numbers loses "007" and "1.0") is
  not reproduced; it changes no label of the example tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from vlrouterbench.data.sources.vlmevalkit.answers import (
    anls_similarity,
    contains_answer,
    infer_option,
    numeric_equal,
    relaxed_match,
    vqa_score,
)
from vlrouterbench.data.sources.vlmevalkit.columns import (
    CORRECT,
    EVAL_MATCH,
    VERIFIER_MATCH,
    as_fraction,
    eval_match,
    label_column,
)

Row = Mapping[str, str | None]
ScoreFunction = Callable[[Row], float | None]

EVALUATION = "evaluation"
INFERENCE = "inference"
IS_CORRECT = "is_correct"

_MISSING_MARKS = frozenset(
    "|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null".split("|")
)
_FIRST_LETTER = ord("A")


@dataclass(frozen=True)
class LabelRule:
    """How one dataset's rows are labelled.

    Attributes:
        name: Short name of the rule, for messages.
        needs: The file it reads: "evaluation" (per-sample evaluation file) or "inference" (the prediction file; the
            evaluation file repeats its columns and serves as well).
        columns: Columns a file must have for the rule to apply.
        score: Score in [0, 1] of one row (column name to cell text, None for an empty cell), or None without a label.
        suffix_pattern: What stands between "<model>_<dataset>" and the extension of the evaluation file it reads
            (regular expression for the whole suffix; empty where VLMEvalKit writes no such file).
    """

    name: str
    needs: str
    columns: tuple[str, ...]
    score: ScoreFunction
    suffix_pattern: str

    def accepts_suffix(self, suffix: str) -> bool:
        """Whether an evaluation file with this suffix ("_openai_result") can be the one the rule reads."""
        return re.fullmatch(self.suffix_pattern, suffix) is not None


def rule_for(dataset: str, columns: Collection[str], *, legacy: bool = False) -> LabelRule | None:
    """The rule for a file of a dataset, or None where its columns hold no label.

    Args:
        dataset: VLMEvalKit's name; need not be one of the 14.
        columns: Columns of the file at hand.
        legacy: Whether to score as VLMEvalKit did before 13 May 2025 (TextVQA only; see `answers`).

    Returns:
        The dataset's own rule if the file has its columns (with `is_correct`: always), else that of the first of
        `columns.COLUMNS`. For an unknown dataset `score` may be a judge's mark on another scale; then rows outside
        [0, 1] give None, and the caller must not mix them with the rest.
    """
    rule = LABEL_RULES.get(_RELATED_DATASETS.get(dataset, dataset))
    if legacy:
        rule = LEGACY_LABEL_RULES.get(dataset, rule)
    if IS_CORRECT in columns:
        return replace(rule or _HIT_RULE, name=IS_CORRECT, needs=EVALUATION, columns=(IS_CORRECT,), suffix_pattern=".*")
    if rule is not None and set(rule.columns).issubset(columns):
        return rule
    column = label_column(columns)
    if column == EVAL_MATCH:
        return _rule(column, EVALUATION, (column,), lambda row: eval_match(dataset, row[column]), _ANY)
    return None if column is None else _COLUMN_RULES[column]


def _rule(name: str, needs: str, columns: tuple[str, ...], score: ScoreFunction, suffix_pattern: str) -> LabelRule:
    """A rule whose score is a filled `is_correct` cell, else `score` where the row has the columns for it."""

    def score_row(row: Row) -> float | None:
        published = as_fraction(row.get(IS_CORRECT))
        if published is not None:
            return published
        return score(row) if all(column in row for column in columns) else None

    return LabelRule(name, needs, columns, score_row, suffix_pattern)


def _cell_of(column: str, row: Row) -> float | None:
    return as_fraction(row[column])


def _textvqa(row: Row, *, legacy: bool = False) -> float | None:
    answers = _gold_answers(row["answer"])
    return vqa_score(as_read(row["prediction"]), answers, legacy=legacy) if answers else None


def _anls(row: Row) -> float | None:
    answers = _gold_answers(row["answer"])
    return anls_similarity(as_read(row["prediction"]), answers) if answers else None


def _chartqa(row: Row) -> float | None:
    answers, prediction = _gold_answers(row["answer"]), as_read(row["prediction"]).strip()
    return float(any(relaxed_match(prediction, answer) for answer in answers)) if answers else None


def _ocrbench(row: Row) -> float | None:
    answers = _gold_answers(row["answer"])
    return float(contains_answer(as_read(row["prediction"]), answers, row["category"])) if answers else None


def _mathvista(row: Row) -> float | None:
    """VLMEvalKit `vlmeval/dataset/utils/mathvista.py` (`post_check`)."""
    predicted, gold = as_read(row["res"]), row["answer"]
    if row["question_type"] == "multi_choice":
        gold = row["answer_option"]
        return None if gold is None else float(infer_option(predicted, _options(row["choices"])) == gold)
    if gold is None:
        return None
    convert = {"integer": int, "float": float}.get(row["answer_type"] or "")
    if convert is None:
        return 0.0  # free-form text and lists: VLMEvalKit compares the word "None" with the gold answer
    try:
        return float(convert(predicted) == convert(gold))
    except ValueError:
        return 0.0  # not a number of that kind ("2.0" is no integer here)


def _mathvision(row: Row) -> float | None:
    """VLMEvalKit `vlmeval/dataset/utils/mathv.py` (`post_check`)."""
    predicted, gold, options = as_read(row["res"]), row["answer"], _options(row["choices"])
    if gold is None:
        return None
    option = infer_option(predicted, options) if options else predicted
    return float(option is not None and numeric_equal(option, gold))


def as_read(cell: str | None) -> str:
    """The text VLMEvalKit scored for a cell.

    It reads its own files with pandas, which takes an empty cell and the words below for "no value", and then scores
    str(nan). So an answer "None" is compared as "nan" (TextVQA would otherwise count it as 0).
    """
    return "nan" if cell is None or cell in _MISSING_MARKS else cell


@lru_cache(maxsize=2**15)
def _gold_answers(cell: str | None) -> tuple[str, ...]:
    """Gold answers of a cell: the items of a list written as Python does, else the cell itself; () for no answer."""
    if not cell:
        return ()
    answers = _literal_list(cell)
    return (as_read(cell),) if answers is None else answers


@lru_cache(maxsize=2**12)
def _options(cell: str | None) -> Mapping[str, str]:
    """Options by letter of a `choices` cell; none where the cell is empty or no list."""
    return {chr(_FIRST_LETTER + i): text for i, text in enumerate(_literal_list(cell or "") or ())}


def _literal_list(cell: str) -> tuple[str, ...] | None:
    if not cell.lstrip().startswith("["):
        return None
    try:
        return tuple(str(item) for item in ast.literal_eval(cell.strip()))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


_GOLD = ("prediction", "answer")
_ANY, _JUDGED = "_.+", r"_(?!(?:.*_)?vanilla_).+(?<!_acc)"
_EXTRACTED = r"_.+(?<!_score)(?<!_extract)(?<!_result)(?<!_results)"
_HIT_RULE = _rule("hit", EVALUATION, ("hit",), partial(_cell_of, "hit"), _JUDGED)
_SCORE_RULE = _rule("score", EVALUATION, ("score",), partial(_cell_of, "score"), _ANY)
_COLUMN_RULES = {
    "hit": _HIT_RULE,
    "score": _SCORE_RULE,
    **{name: _rule(name, EVALUATION, (name,), partial(_cell_of, name), _ANY) for name in (CORRECT, VERIFIER_MATCH)},
}

LABEL_RULES: dict[str, LabelRule] = {
    # General. MMBench: one row per question, its hit is that of the whole group of rotated options.
    "MMBench_DEV_EN_V11": _HIT_RULE,
    "MMStar": _HIT_RULE,
    "MMMU_DEV_VAL": _HIT_RULE,
    "RealWorldQA": _HIT_RULE,
    "InfoVQA_VAL": _rule("text similarity", INFERENCE, _GOLD, _anls, "_results"),
    "HallusionBench": _rule("yes/no score", EVALUATION, ("score",), partial(_cell_of, "score"), r"_.+(?<!_score)"),
    # STEM
    "MathVista_MINI": _rule(
        "extracted answer",
        EVALUATION,
        ("res", "question_type", "answer_type", "choices", "answer", "answer_option"),
        _mathvista,
        _EXTRACTED,
    ),
    "MathVision_MINI": _rule("extracted answer", EVALUATION, ("res", "choices", "answer"), _mathvision, _EXTRACTED),
    "MathVerse_MINI": _rule("judge's score", EVALUATION, ("score",), partial(_cell_of, "score"), r"_.+_score"),
    "AI2D_TEST": _HIT_RULE,
    # Charts & OCR
    "ChartQA_TEST": _rule("relaxed match", INFERENCE, _GOLD, _chartqa, "_results"),
    "DocVQA_VAL": _rule("text similarity", INFERENCE, _GOLD, _anls, "_results"),
    "TextVQA_VAL": _rule("VQA accuracy", INFERENCE, _GOLD, _textvqa, "_results"),
    "OCRBench": _rule("contained answer", INFERENCE, (*_GOLD, "category"), _ocrbench, ""),
}

LEGACY_LABEL_RULES: dict[str, LabelRule] = {
    "TextVQA_VAL": _rule("VQA accuracy before May 2025", INFERENCE, _GOLD, partial(_textvqa, legacy=True), "_results"),
}

_RELATED_DATASETS: dict[str, str] = {
    "InfoVQA_TEST": "InfoVQA_VAL",
    "DocVQA_TEST": "DocVQA_VAL",
    "OCRBench_MINI": "OCRBench",
    "MathVision": "MathVision_MINI",
}

"""Which label each row of a VLMEvalKit file carries: one rule per dataset.

Decisions
- The label is VLMEvalKit's own per-sample score. Where no stock file holds it (VQA sets, MathVista, MathVision), it is
  computed again from prediction or extracted answer and gold. `label_sources.py` has all other image datasets.
- An `is_correct` column wins wherever it has a value: the published archive of the benchmark is said to carry it.
- Graded scores stay graded (TextVQA, DocVQA, InfoVQA); everything else is 0 or 1.
- A row without gold answer, or whose `hit` / `score` is empty or outside [0, 1], has no label (None): never a silent 0.
- A column `score` says a label only where the dataset is known to write it so, or is not known at all: VLMEvalKit has
  scores of several scales.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

from vlrouterbench.data.sources.vlmevalkit.answers import (
    anls_similarity,
    contains_answer,
    relaxed_match,
    vqa_score,
)
from vlrouterbench.data.sources.vlmevalkit.cells import as_read, gold_answers
from vlrouterbench.data.sources.vlmevalkit.columns import (
    CORRECT,
    EVAL_MATCH,
    SCORE,
    VERIFIER_MATCH,
    as_fraction,
    eval_match,
    label_column,
)
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS, sources_of
from vlrouterbench.data.sources.vlmevalkit.extracted import MATHVISION, MATHVISTA
from vlrouterbench.data.sources.vlmevalkit.marks import LabelSource, Mark, Row, ScoreFunction

EVALUATION = "evaluation"
INFERENCE = "inference"
IS_CORRECT = "is_correct"


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
        in_predictions: Whether the file of predictions may hold it too.
        rewrites_text: Whether the evaluation file's `prediction` is not what the candidate wrote.
    """

    name: str
    needs: str
    columns: tuple[str, ...]
    score: ScoreFunction
    suffix_pattern: str
    in_predictions: bool = True
    rewrites_text: bool = False

    def accepts_suffix(self, suffix: str) -> bool:
        """Whether an evaluation file with this suffix ("_openai_result") can be the one the rule reads."""
        return re.fullmatch(self.suffix_pattern, suffix) is not None

    def named(self, name: str) -> LabelRule:
        """The same rule under another name."""
        return replace(self, name=name)


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
    rule = LABEL_RULES.get(RELATED_DATASETS.get(dataset, dataset))
    if legacy:
        rule = LEGACY_LABEL_RULES.get(dataset, rule)
    if IS_CORRECT in columns:
        return replace(rule or _HIT_RULE, name=IS_CORRECT, needs=EVALUATION, columns=(IS_CORRECT,), suffix_pattern=".*")
    if rule is not None and set(rule.columns).issubset(columns):
        return rule
    for source in sources_of(dataset):
        if isinstance(source.label, Mark) and set(source.label.columns).issubset(columns):
            return _rule_of(source, source.label)
    is_score_known = dataset in LABEL_RULES or dataset not in IMAGE_DATASETS
    column = label_column([name for name in columns if name != SCORE or is_score_known])
    if column == EVAL_MATCH:
        return replace(_GRADED_RULE, score=partial(_graded, dataset))
    return None if column is None else _COLUMN_RULES[column]


def rule_of_column(name: str) -> LabelRule:
    """The rule that a column of the file of predictions is the label."""
    return _rule(name, INFERENCE, (name,), partial(_cell_of, name), "")


def _rule_of(source: LabelSource, mark: Mark) -> LabelRule:
    column_rule = _COLUMN_RULES.get(mark.text)
    if column_rule is not None:
        return replace(column_rule, rewrites_text=source.rewrites_text)
    reads_predictions = not source.file
    rule = _rule(mark.text, EVALUATION, mark.columns, mark.score, "" if reads_predictions else _ANY)
    return replace(rule, in_predictions=reads_predictions, rewrites_text=source.rewrites_text)


def _rule(name: str, needs: str, columns: tuple[str, ...], score: ScoreFunction, suffix_pattern: str) -> LabelRule:
    """A rule whose score is a filled `is_correct` cell, else `score` where the row has the columns for it."""
    needed = frozenset(columns)

    def score_row(row: Row) -> float | None:
        cell = row.get(IS_CORRECT)
        published = None if cell is None else as_fraction(cell)
        if published is not None:
            return published
        return score(row) if needed <= row.keys() else None

    return LabelRule(name, needs, columns, score_row, suffix_pattern)


def _cell_of(column: str, row: Row) -> float | None:
    return as_fraction(row[column])


def _graded(dataset: str, row: Row) -> float | None:
    return eval_match(dataset, row[EVAL_MATCH])


def _textvqa(row: Row, *, legacy: bool = False) -> float | None:
    answers = gold_answers(row["answer"])
    return vqa_score(as_read(row["prediction"]), answers, legacy=legacy) if answers else None


def _anls(row: Row) -> float | None:
    answers = gold_answers(row["answer"])
    return anls_similarity(as_read(row["prediction"]), answers) if answers else None


def _chartqa(row: Row) -> float | None:
    answers, prediction = gold_answers(row["answer"]), as_read(row["prediction"]).strip()
    return float(any(relaxed_match(prediction, answer) for answer in answers)) if answers else None


def _ocrbench(row: Row) -> float | None:
    answers = gold_answers(row["answer"])
    return float(contains_answer(as_read(row["prediction"]), answers, row["category"])) if answers else None


_GOLD = ("prediction", "answer")
_ANY, _JUDGED = "_.+", r"_(?!(?:.*_)?vanilla_).+(?<!_acc)"
_EXTRACTED = r"_.+(?<!_score)(?<!_extract)(?<!_result)(?<!_results)"
_HIT_RULE = _rule("hit", EVALUATION, ("hit",), partial(_cell_of, "hit"), _JUDGED)
_SCORE_RULE = _rule("score", EVALUATION, ("score",), partial(_cell_of, "score"), _ANY)
_COLUMN_RULES = {
    "hit": _HIT_RULE,
    "score": _SCORE_RULE,
    **{
        name: replace(_rule(name, EVALUATION, (name,), partial(_cell_of, name), _ANY), in_predictions=False)
        for name in (CORRECT, VERIFIER_MATCH)
    },
}
_GRADED_RULE = LabelRule(EVAL_MATCH, EVALUATION, (EVAL_MATCH,), partial(_graded, ""), _ANY, in_predictions=False)

LABEL_RULES: dict[str, LabelRule] = {
    # General. MMBench: one row per question, its hit is that of the whole group of rotated options.
    "MMBench_DEV_EN_V11": _HIT_RULE,
    "MMStar": _HIT_RULE,
    "MMMU_DEV_VAL": _HIT_RULE,
    "RealWorldQA": _HIT_RULE,
    "InfoVQA_VAL": _rule("text similarity", INFERENCE, _GOLD, _anls, "_results"),
    "HallusionBench": _rule("yes/no score", EVALUATION, ("score",), partial(_cell_of, "score"), r"_.+(?<!_score)"),
    # STEM
    "MathVista_MINI": _rule(MATHVISTA.text, EVALUATION, MATHVISTA.columns, MATHVISTA.score, _EXTRACTED),
    "MathVision_MINI": _rule(MATHVISION.text, EVALUATION, MATHVISION.columns, MATHVISION.score, _EXTRACTED),
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

RELATED_DATASETS: dict[str, str] = {
    "InfoVQA_TEST": "InfoVQA_VAL",
    "DocVQA_TEST": "DocVQA_VAL",
    "OCRBench_MINI": "OCRBench",
    "MathVision": "MathVision_MINI",
}

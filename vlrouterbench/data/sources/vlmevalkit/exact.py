"""VLMEvalKit's exact matching: the label that it gives to a prediction where no judge answers.

Decisions
- Only datasets whose evaluator is the plain one of multiple choice or of yes and no have it: others extract an answer
  with a judge, or have rules of their own. Text and number comparisons need no judge at all and are in `labels.py`.
- What the matching cannot decide is wrong, as VLMEvalKit counts it ("Failed in Prefetch ... under exact_matching").
- Circular sets: a question is right where all its rotations are; the first rotation is the sample.
- The newest source is followed, with its pattern "answer is X" (June 2026): that is what evaluating today gives.

Source: VLMEvalKit at commit e8e78f05, `vlmeval/dataset/image_mcq.py` (ImageMCQDataset.evaluate_heuristic; MMMUDataset),
`vlmeval/dataset/utils/multiple_choice.py` (mcq_vanilla_eval, mcq_circular_eval, prefetch_circular_group, MMMU_preproc),
`vlmeval/utils/matching_util.py` (can_infer), `vlmeval/dataset/image_yorn.py`, `vlmeval/dataset/utils/yorn.py`
(YOrN_Extraction).
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from vlrouterbench.cards.dataset_card import NO_JUDGE
from vlrouterbench.data.sources.vlmevalkit.answers import infer_option, without_punctuation
from vlrouterbench.data.sources.vlmevalkit.cells import as_read
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS, sources_of
from vlrouterbench.data.sources.vlmevalkit.labels import LABEL_RULES, RELATED_DATASETS, LabelRule, rule_of_column
from vlrouterbench.data.sources.vlmevalkit.questions import CIRCULAR_STEP, Rows, normalize_index

LABEL = "exact_matching"
"""Column that holds the label."""
_CIRCULAR = ("mmbench", "ccbench", "circular", "mmcr")
_OWN_EVALUATION = (
    "GMAI-MMBench",
    "HRBench",
    "CV-Bench",
    "tdbench_",
    "TopViewRS",
    "LEGO",
)
"""Beginnings of datasets of `image_mcq.py` whose classes evaluate in another way."""
_CHOICE, _YES_NO = "image_mcq.py", "image_yorn.py"
_MMMU, _AMBER = "MMMU", "AMBER"


def exact_rule(dataset: str) -> LabelRule | None:
    """The rule of a dataset by exact matching, None where VLMEvalKit needs a judge or has a rule of its own.

    Rows have to be labelled first (`labelled_exactly`) where the rule reads the column LABEL.
    """
    computed = LABEL_RULES.get(RELATED_DATASETS.get(dataset, dataset))
    if computed is not None and computed.needs == "inference":
        return computed.named(f"{computed.name} ({NO_JUDGE})")
    kind = _kind(dataset)
    if not kind:
        return None
    return rule_of_column(LABEL).named(f"{'choice' if kind == _CHOICE else 'yes or no'} ({NO_JUDGE})")


def labelled_exactly(dataset: str, rows: Rows) -> Rows:
    """Rows of predictions with their label in the column LABEL; of circular sets each question's first rotation."""
    if _kind(dataset) == _YES_NO:
        return [{**row, LABEL: _mark(_yes_no(dataset, row))} for row in rows]
    if not _kind(dataset):
        return rows
    hits = [_choice(dataset, row) for row in rows]
    if not any(name in dataset.lower() for name in _CIRCULAR):
        return [{**row, LABEL: _mark(hit)} for row, hit in zip(rows, hits, strict=True)]
    main = [_main_index(row) for row in rows]
    groups: dict[str | None, list[bool | None]] = {}
    for index, hit in zip(main, hits, strict=True):
        groups.setdefault(index, []).append(hit)
    # A wrong rotation decides; one without gold answer leaves the question without a label.
    whole = {index: False if False in of_it else None if None in of_it else True for index, of_it in groups.items()}
    return [
        {**row, LABEL: _mark(whole[index])}
        for row, index in zip(rows, main, strict=True)
        if normalize_index(row.get("index")) == index
    ]


def _kind(dataset: str) -> str:
    if dataset.startswith(_OWN_EVALUATION) or dataset.endswith("_COT"):
        return ""
    if dataset not in IMAGE_DATASETS:
        return ""
    files = {(source.evaluator, source.file) for source in sources_of(dataset)}
    if (_CHOICE, "_*_result") in files:
        return _CHOICE
    return _YES_NO if (_YES_NO, "_auxmatch") in files else ""


def _choice(dataset: str, row: Mapping[str, str | None]) -> bool | None:
    gold = row.get("answer")
    if not gold:
        return None
    letters = (letter for letter in string.ascii_uppercase if row.get(letter) is not None)
    options = {letter: as_read(row[letter]) for letter in letters}
    if _MMMU in dataset:
        if "A" not in options:
            # An open question: its gold answer is option A, and every other answer is option B.
            options |= {"A": gold, "B": "Other Answers"}
        gold = gold if gold in string.ascii_uppercase else "A"
    return infer_option(as_read(row.get("prediction")), options, says_answer_is=True) == gold


def _yes_no(dataset: str, row: Mapping[str, str | None]) -> bool | None:
    gold = row.get("answer")
    if not gold:
        return None
    words = without_punctuation(as_read(row.get("prediction")).lower()).split()
    said = {("yes", True): "Yes", ("no", True): "No"}.get(
        ("yes" if "yes" in words else "no", ("yes" in words) != ("no" in words)), "Unknown"
    )
    return said.lower() == gold.lower() if _AMBER in dataset else said == gold


def _main_index(row: Mapping[str, str | None]) -> str | None:
    index = normalize_index(row.get("index"))
    return str(int(index) % CIRCULAR_STEP) if index is not None and index.isdecimal() else index


def _mark(hit: bool | None) -> str | None:
    return None if hit is None else str(int(hit))

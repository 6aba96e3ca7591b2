"""A VLMEvalKit tree of any size for speed comparisons: the 14 datasets, the 17 candidates, outputs of realistic length.

Decisions
- The questions and answers are nonsense words; only the form, the row counts and the lengths are those of real logs.
- Written once and kept: writing xlsx is the slow part. A marker file says that a tree is whole.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from vlrouterbench.data.candidates import published_pool
from vlrouterbench.data.simulation.accuracies import INFERRED_SIZES, PROFILES

_WORDS = np.array(
    [f"{a}{b}{c}" for a in ("ka", "lo", "mi", "ne", "pu") for b in "rstlnm" for c in ("a", "ed", "ing", "o")]
)
_CHOICE = ("MMBench_DEV_EN_V11", "MMStar", "MMMU_DEV_VAL", "RealWorldQA", "AI2D_TEST")
LogRow = dict[str, str | int | float | bool]
"""A row of a log by column: which columns there are depends on the dataset."""
TREE_VERSION = 2
"""Raised whenever other files would be written."""
_MARKER = ".complete"


def make_log_tree(folder: Path, *, scale: float = 1.0, num_proc: int = 2) -> Path:
    """Write the tree, or return the one that is there.

    Args:
        folder: where it is kept.
        scale: share of the published size; 1 is 30,540 rows per candidate.
        num_proc: processes that write.
    """
    tree = folder / f"log-tree-v{TREE_VERSION}-{scale:g}"
    if not (tree / _MARKER).is_file():
        tasks = [
            (tree, candidate.name, candidate.log_name, dataset, max(5, round(size * scale)))
            for candidate in published_pool().candidates
            for dataset, size in INFERRED_SIZES.items()
        ]
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=num_proc, mp_context=context) as pool:
            list(pool.map(_write_pair, tasks, chunksize=4))
        (tree / _MARKER).touch()
    return tree


def log_files(tree: Path) -> list[Path]:
    """The xlsx files of a tree."""
    return sorted(tree.rglob("*.xlsx"))


def _write_pair(task: tuple[Path, str, str, str, int]) -> None:
    """The prediction file of a candidate and dataset, and its evaluation file where VLMEvalKit writes one."""
    tree, candidate, log_name, dataset, num_rows = task
    # Questions are the dataset's: the same for every candidate.
    questions = np.random.default_rng([num_rows, len(dataset)])
    answers = np.random.default_rng([num_rows, len(dataset), len(candidate)])
    rows = [_row(dataset, index, questions, answers, PROFILES[candidate][1]) for index in range(num_rows)]
    inference = tree / "VLMEvalKit_inference" / log_name / f"{log_name}_{dataset}.xlsx"
    _write(inference, [{name: row[name] for name in row if name not in ("hit", "log", "score", "res")} for row in rows])
    suffix = {"HallusionBench": "_auxmatch", "MathVerse_MINI": "_gpt-4o-mini_score"}.get(dataset, "")
    suffix = suffix or ("_openai_result" if dataset in _CHOICE else "_gpt-4o-mini" if "Math" in dataset else "")
    if suffix:
        _write(tree / "VLMEvalKit_evaluation" / log_name / f"{log_name}_{dataset}{suffix}.xlsx", rows)


def _row(
    dataset: str, index: int, questions: np.random.Generator, answers: np.random.Generator, length: float
) -> LogRow:
    row: LogRow = {"index": index, "question": _text(questions, int(questions.integers(8, 40))), "category": "c"}
    if dataset in _CHOICE:
        row |= {letter: _text(questions, 3) for letter in "ABCD"} | {"answer": "ABCD"[int(questions.integers(4))]}
    elif dataset.startswith("MathV"):
        row |= {"question_type": "free_form", "answer_type": "integer", "choices": "[]", "answer_option": ""}
        row |= {"answer": str(int(questions.integers(100)))}
    elif dataset == "HallusionBench":
        row |= {"answer": ("Yes", "No")[int(questions.integers(2))]}
    else:
        row |= {"answer": str([_text(questions, 2) for _ in range(10 if dataset == "TextVQA_VAL" else 2)])}
    row["prediction"] = _text(answers, max(1, int(answers.gamma(2.0, length / 2.0))))
    correct = int(answers.integers(2))
    return row | {"res": row["answer"] if correct else "0", "hit": correct, "score": bool(correct), "log": "Succeed"}


def _text(rng: np.random.Generator, num_words: int) -> str:
    return " ".join(_WORDS[rng.integers(len(_WORDS), size=num_words)])


def _write(path: Path, rows: list[LogRow]) -> None:
    from openpyxl import Workbook

    path.parent.mkdir(parents=True, exist_ok=True)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    book.save(path)

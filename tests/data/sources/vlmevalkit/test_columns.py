"""Label columns of datasets without a rule of their own, each in the form in which VLMEvalKit writes it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.data.sources.vlmevalkit.log_trees import write_tsv
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.columns import eval_match, label_column
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

POOL = CandidatePool((CandidateModel("m", 1.0, 1.0, log_name="m"),), "a test")
TRUE = {"True": 1.0, "False": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0}


@pytest.mark.parametrize(
    ("dataset", "suffix", "column", "cells"),
    [
        ("LogicVista", "_zephyr", "hit", TRUE),
        ("VLMBias", "_gpt-4o", "hit", TRUE),
        ("LiveMMBench_Perception", "_judge", "hit", TRUE),
        ("RefCOCO", "_detail", "hit", TRUE),
        ("DynaMath", "_gpt-4o-mini", "correct", TRUE),
        ("SIUO_MCQ", "_detailed", "correct", TRUE),
        ("M3oralBench", "_detailed", "correct", TRUE),
        ("MSSBench", "_gpt-4o-mini_detailed", "correct", TRUE),
        ("CoreCognition", "_exact_matching_result", "correct", TRUE),
        ("MMStar", "_detailed_results", "verifier_match", TRUE),
        ("MathVista_MINI", "_detailed_results", "verifier_match", TRUE),
        ("GQA_TestDev_Balanced", "_results", "eval_match", {"[True]": 1.0, "[0.0]": 0.0, "[np.float64(1.0)]": 1.0}),
        ("GQA_TestDev_Balanced", "_results", "eval_match", {"[1.0, 0.0]": 0.5}),
        ("OCRVQA_TEST", "_results", "eval_match", {"[False, True]": 1.0, "[False]": 0.0}),
        ("PlotQA", "_results", "eval_match", {"[True]": 1.0}),
        ("POPE", "_auxmatch", "score", TRUE),
        ("MMVet", "_gpt-4-turbo", "score", {"0.5": 0.5, "1.0": 1.0}),
        ("SeePhys", "_deepseek", "score", TRUE),
        ("SFE", "_judge", "score", {"9": 1.0, "1": 1 / 9, "0": 0.0}),
        ("RoboSpatialHome", "_results", "is_correct", TRUE),
        ("Anything_Else", "_whoever v2_result", "hit", TRUE),
    ],
)
def test_a_column_gives_the_label(tmp_path, dataset, suffix, column, cells):
    rows = [{"index": n, "question": "q", "answer": "x", "prediction": "A"} for n in range(len(cells))]
    write_tsv(tmp_path / "m" / f"m_{dataset}.tsv", rows)
    write_tsv(
        tmp_path / "m" / f"m_{dataset}{suffix}.tsv",
        [row | {column: cell} for row, cell in zip(rows, cells, strict=True)],
    )
    with TemporaryDirectory() as folder:
        logs = VLMEvalKitLogs().read(tmp_path, ReadOptions(POOL, Path(folder)))
    assert set(logs.outcomes["sample_id"].to_pylist()) == {f"{dataset}/{n}" for n in range(len(cells))}
    assert logs.outcomes["quality"].to_pylist() == pytest.approx(list(cells.values()))


@pytest.mark.parametrize("column", ["correct", "verifier_match", "eval_match"])
def test_a_column_of_the_questions_is_no_label(tmp_path, column):
    row = {"index": 1, "question": "q", "answer": "x", "prediction": "A", column: "1"}
    write_tsv(tmp_path / "m" / "m_Other.tsv", [row])
    with TemporaryDirectory() as folder:
        logs = VLMEvalKitLogs().read(tmp_path, ReadOptions(POOL, Path(folder)))
    assert logs.outcomes.num_rows == 0
    assert "no_label" in [str(entry.reason) for entry in logs.left_out]


def test_the_first_column_that_a_file_has_is_read():
    assert label_column(["score", "eval_match", "verifier_match", "correct", "hit"]) == "hit"
    assert label_column(["score", "eval_score", "correct"]) == "correct"
    assert label_column(["eval_score", "res"]) is None


@pytest.mark.parametrize(
    ("dataset", "cell", "expected"),
    [
        ("DocVQA_X", "[0.0, 0.9]", 1.0),
        ("InfoVQA_X", "[0.4]", 0.6),
        ("DocVQA_X", "[0.6]", 0.0),
        ("ChartQA_X", "[False, True]", 1.0),
        ("TextVQA_X", "[1.0, 0.6, 0.2]", 0.6),
        ("GQA", "True", 1.0),
        ("GQA", "[]", None),
        ("GQA", "[7]", None),
        ("GQA", "[True, 'x']", None),
        ("GQA", "{'a': 1}", None),
        ("GQA", None, None),
    ],
)
def test_marks_become_the_score_of_vlmevalkits_summary(dataset, cell, expected):
    assert eval_match(dataset, cell) == (None if expected is None else pytest.approx(expected))

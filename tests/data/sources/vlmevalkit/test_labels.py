"""Label rules: single rows, the choice of a rule, and full agreement with VLMEvalKit's own labels."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import fastexcel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.sources.vlmevalkit.labels import EVALUATION, INFERENCE, LABEL_RULES, rule_for

NUM_TRUTH_ROWS = 2116
REAL_ACCURACY = {
    # Percent: TextVQA_VAL as published (code before May 2025), the same files scored by VLMEvalKit b9ff66c9 (October
    # 2025, run once to obtain the number), LogicVista as published.
    "Qwen2.5-VL-7B-Instruct": (85.392, 85.376, 46.756),
    "Qwen2.5-VL-3B-Instruct": (79.130, 79.116, 39.597),
    "VLM-R1": (74.870, 74.856, 38.031),
    "LLaVA-CoT": (0.000, 0.000, 35.794),
    "Llama-3.2-11B-Vision-Instruct": (54.046, 45.052, 35.570),
}
KNOWN_EXCEPTIONS: dict[tuple[str, str], str] = {}  # (sample_id, model) -> reason


def read_rows(path: Path) -> list[dict[str, str | None]]:
    return fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_arrow().to_pylist()


def score(dataset, **cells):
    return LABEL_RULES[dataset].score(cells)


def test_every_dataset_has_a_rule_and_nothing_else():
    assert set(LABEL_RULES) == set(DATASETS)
    assert {rule.needs for rule in LABEL_RULES.values()} == {EVALUATION, INFERENCE}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("1", 1.0), ("0", 0.0), ("1.0", 1.0), ("True", 1.0), ("false", 0.0), ("0.5", 0.5)]
    + [(None, None), ("", None), ("7", None), ("-1", None), ("nan", None), ("good", None)],
)
def test_hit_and_score_are_read_as_fractions(cell, expected):
    assert score("MMStar", hit=cell) == expected
    assert score("HallusionBench", score=cell) == expected


def test_row_without_the_rules_columns_has_no_label():
    assert score("MMStar", answer="A", prediction="A") is None
    assert score("MathVision_MINI", answer="A", choices="[]") is None
    assert score("OCRBench", answer="['a']", prediction="a") is None


def test_textvqa_scores_the_text_that_pandas_would_read():
    answers = str(["0"] * 10)
    assert score("TextVQA_VAL", prediction="none", answer=answers) == 1.0
    assert score("TextVQA_VAL", prediction="None", answer=answers) == 0.0  # read as a missing value, scored as "nan"
    assert score("TextVQA_VAL", prediction=None, answer=str(["nan"] * 10)) == 1.0


def test_textvqa_answer_that_is_no_list_is_a_single_answer():
    assert score("TextVQA_VAL", prediction="yes", answer="yes") == 0.0
    assert score("TextVQA_VAL", prediction="yes", answer="[sic]") == 0.0


@pytest.mark.parametrize("dataset", ["TextVQA_VAL", "ChartQA_TEST", "DocVQA_VAL", "InfoVQA_VAL", "OCRBench"])
@pytest.mark.parametrize("answer", [None, "[]"])
def test_row_without_gold_answer_has_no_label(dataset, answer):
    assert score(dataset, prediction="yes", answer=answer, category="x") is None


def test_document_sets_keep_the_graded_similarity():
    assert score("InfoVQA_VAL", prediction="107%", answer="['107%', '107']") == 1.0
    assert score("DocVQA_VAL", prediction="107", answer="['107%']") == 0.75
    assert score("DocVQA_VAL", prediction="abc", answer="['107%']") == 0.0


def test_chartqa_takes_the_best_of_several_answers():
    assert score("ChartQA_TEST", prediction=" 104 ", answer="100") == 1.0
    assert score("ChartQA_TEST", prediction="7", answer="[10, 7]") == 1.0
    assert score("ChartQA_TEST", prediction="None", answer="None") == 0.0  # both NaN


def test_mathvista_follows_question_and_answer_type():
    def vista(res, question_type, answer_type, answer, option=None, choices="[]"):
        cells = {"question_type": question_type, "answer_type": answer_type, "answer_option": option}
        return score("MathVista_MINI", res=res, answer=answer, choices=choices, **cells)

    assert vista("brown", "multi_choice", "text", "brown", "B", "['red', 'brown']") == 1.0
    assert vista("A", "multi_choice", "text", "brown", "B", "['red', 'brown']") == 0.0
    assert vista("", "multi_choice", "text", "brown", "B", "['red', 'brown']") == 0.0
    assert vista("7", "free_form", "integer", "7") == 1.0
    assert vista("7.0", "free_form", "integer", "7") == 0.0
    assert vista("1.50", "free_form", "float", "1.5") == 1.0
    assert vista(None, "free_form", "float", "1.5") == 0.0
    assert vista("[1, 2]", "free_form", "list", "[1, 2]") == 0.0
    assert vista("7", "free_form", "integer", None) is None


def test_mathvision_compares_letters_or_numbers():
    assert score("MathVision_MINI", res="(B)", choices="['1', '2']", answer="B") == 1.0
    assert score("MathVision_MINI", res="2", choices="['1', '2']", answer="B") == 1.0
    assert score("MathVision_MINI", res="no idea", choices="['1', '2']", answer="B") == 0.0
    assert score("MathVision_MINI", res="1/2", choices="[]", answer="0.5") == 1.0
    assert score("MathVision_MINI", res=None, choices="[]", answer="0.5") == 0.0


def test_is_correct_wins_where_it_has_a_value():
    assert score("MMStar", hit="0", is_correct="True") == 1.0
    assert score("MMStar", hit="0", is_correct=None) == 0.0
    assert score("TextVQA_VAL", is_correct="0.3") == 0.3


def test_rule_for_prefers_is_correct_then_the_datasets_own_rule():
    rule = rule_for("TextVQA_VAL", ["index", "prediction", "answer", "is_correct"])
    assert (rule.name, rule.needs, rule.columns) == ("is_correct", EVALUATION, ("is_correct",))
    assert rule.score({"is_correct": "1"}) == 1.0
    assert rule_for("TextVQA_VAL", ["prediction", "answer", "hit"]) is LABEL_RULES["TextVQA_VAL"]
    assert rule_for("DocVQA_TEST", ["prediction", "answer"]) is LABEL_RULES["DocVQA_VAL"]


def test_rule_for_another_dataset_reads_hit_before_score():
    assert rule_for("LogicVista", ["res", "hit", "score"]).columns == ("hit",)
    assert rule_for("Other", ["score"]).score({"score": "True"}) == 1.0
    assert rule_for("Other", ["score"]).score({"score": "8"}) is None
    assert rule_for("Other", ["prediction", "answer"]) is None
    assert rule_for("MMStar", ["prediction", "answer"]) is None


@pytest.mark.parametrize(
    ("dataset", "accepted", "refused"),
    [
        ("MMStar", "_openai_result", "_acc"),
        ("MMBench_DEV_EN_V11", "_gpt-4o-mini_result", "_vanilla_circ0_result"),
        ("HallusionBench", "_auxmatch", "_score"),
        ("MathVista_MINI", "_gpt-4o-mini", "_gpt-4o-mini_score"),
        ("MathVerse_MINI", "_gpt-4o-mini_score", "_gpt-4o-mini_extract"),
        ("TextVQA_VAL", "_results", ""),
        ("OCRBench", "", "_score"),
    ],
)
def test_suffixes_of_evaluation_files(dataset, accepted, refused):
    assert LABEL_RULES[dataset].accepts_suffix(accepted)
    assert not LABEL_RULES[dataset].accepts_suffix(refused)


CELLS = st.one_of(
    st.none(), st.text(), st.sampled_from(["[]", "['a', 'b']", "7", "integer", "multi_choice", "B", "NA"])
)


@given(st.sampled_from(DATASETS), st.data())
def test_label_of_any_row_is_none_or_a_fraction(dataset, data):
    rule = LABEL_RULES[dataset]
    label = rule.score({column: data.draw(CELLS) for column in rule.columns})
    assert label is None or 0.0 <= label <= 1.0


def labelled_rows(root: Path, dataset: str, model: str) -> dict[str, float | None]:
    """Label by index, read from the file the dataset's rule asks for."""
    rule = LABEL_RULES[dataset]
    folder, stem = root / "VLMEvalKit_evaluation" / model, f"{model}_{dataset}"
    if rule.needs == INFERENCE:
        paths = list(folder.glob(f"T*/{stem}.xlsx"))
    else:
        files = folder.glob(f"T*/{stem}_*.xlsx")
        paths = [path for path in files if rule.accepts_suffix(path.stem.removeprefix(stem))]
    assert len(paths) == 1, paths
    rows = read_rows(paths[0])
    assert rule_for(dataset, rows[0]) is rule
    return {row["index"]: rule.score(row) for row in rows}


def test_labels_agree_with_vlmevalkit_on_the_whole_example_tree(data_root):
    example = data_root / "vlmevalkit_example"
    with (example / "truth.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    by_file = defaultdict(list)
    for row in truth:
        by_file[row["dataset"], row["model"]].append(row)
    differing = {}
    for (dataset, model), rows in by_file.items():
        labels = labelled_rows(example / "vlm_router_data", dataset, model)
        for row in rows:
            label = labels.get(row["sample_id"].removeprefix(f"{dataset}:"))
            if label is None or abs(label - float(row["score"])) >= 1e-6:
                differing[row["sample_id"], model] = (label, row["score"])
    assert len(truth) == NUM_TRUTH_ROWS
    assert differing.keys() == KNOWN_EXCEPTIONS.keys(), differing


def mean_percent(rule, rows):
    return round(100 * sum(rule.score(row) for row in rows) / len(rows), 3)


@pytest.mark.parametrize("model", REAL_ACCURACY)
def test_mean_labels_of_real_runs_equal_the_published_accuracy(data_root, model):
    real, (published, october_2025, logicvista) = data_root / "vlmevalkit_real", REAL_ACCURACY[model]
    rows = read_rows(real / "VLMEvalKit_inference" / model / f"{model}_TextVQA_VAL.xlsx")
    assert mean_percent(rule_for("TextVQA_VAL", rows[0], legacy=True), rows) == published
    assert mean_percent(rule_for("TextVQA_VAL", rows[0]), rows) == october_2025
    rows = read_rows(real / "VLMEvalKit_evaluation" / model / f"{model}_LogicVista_gpt4o-mini.xlsx")
    rule = rule_for("LogicVista", rows[0])
    assert rule.accepts_suffix("_gpt4o-mini")
    assert mean_percent(rule, rows) == logicvista

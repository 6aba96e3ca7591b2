"""What is known of a dataset by its name: the tables name every one once, and the page in docs is theirs."""

from collections import Counter
from pathlib import Path

import pytest

from tests.data.sources.vlmevalkit.log_trees import write_tsv
from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS, page, sources_of, why_no_label
from vlrouterbench.data.sources.vlmevalkit.label_sources import LABEL_SOURCES
from vlrouterbench.data.sources.vlmevalkit.labels import LABEL_RULES, rule_for
from vlrouterbench.data.sources.vlmevalkit.marks import OwnRule
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs
from vlrouterbench.data.sources.vlmevalkit.unlabelled import UNLABELLED

PAGE = Path(__file__).parents[4] / "docs" / "vlmevalkit_labels.md"
POOL = CandidatePool((CandidateModel("m", 1.0, 1.0, log_name="m"),), "a test")
IMAGE_DATASETS_OF_VLMEVALKIT = 496


def test_the_page_is_rendered_from_the_tables():
    assert PAGE.read_text(encoding="utf-8") == page(), f"write page() of dataset_table.py to {PAGE.name}"


def test_every_dataset_has_a_label_or_a_reason_and_not_both():
    labelled = {name for source in LABEL_SOURCES for name in source.datasets}
    unlabelled = Counter(name for entry in UNLABELLED for name in entry.datasets)
    assert set(unlabelled.values()) == {1}
    assert not labelled & set(unlabelled)
    assert len(labelled | set(unlabelled)) == len(IMAGE_DATASETS) == IMAGE_DATASETS_OF_VLMEVALKIT
    for source in LABEL_SOURCES:
        assert len(set(source.datasets)) == len(source.datasets)


def test_rules_of_their_own_are_those_of_the_benchmarks_datasets():
    own = {
        name: source.label for source in LABEL_SOURCES if isinstance(source.label, OwnRule) for name in source.datasets
    }
    assert set(DATASETS) <= set(own)
    for dataset in DATASETS:
        assert own[dataset].text == LABEL_RULES[dataset].name
        assert own[dataset].column in LABEL_RULES[dataset].columns


def test_a_dataset_without_labels_is_named_with_the_reason_and_what_is_needed(tmp_path):
    rows = [{"index": n, "question": "q", "answer": "7", "prediction": "7"} for n in range(2)]
    reasons = {entry.datasets[0]: entry.reason for entry in UNLABELLED}
    for dataset in reasons:
        write_tsv(tmp_path / "work" / "m" / f"m_{dataset}.tsv", rows)
        write_tsv(tmp_path / "work" / "m" / f"m_{dataset}_judge.tsv", [row | {"score": "1"} for row in rows])
    logs = VLMEvalKitLogs().read(tmp_path / "work", ReadOptions(POOL, tmp_path))
    assert logs.outcomes.num_rows == 0
    assert {str(entry.reason) for entry in logs.left_out} == {"no_label"}
    named = {entry.file.removeprefix("m/m_").removesuffix(".tsv"): entry.detail for entry in logs.left_out}
    assert named == {dataset: why_no_label(dataset) for dataset in reasons}
    for dataset, reason in reasons.items():
        assert reason in named[dataset]
        assert "is_correct" in named[dataset]


@pytest.mark.parametrize("column", ["is_correct", "verifier_match"])
def test_a_dataset_without_labels_takes_those_that_a_user_or_a_verifier_adds(column, tmp_path):
    row = {"index": 1, "question": "q", "answer": "7", "prediction": "7", column: "1"}
    write_tsv(tmp_path / "work" / "m" / "m_CountBenchQA_marks.tsv", [row])
    logs = VLMEvalKitLogs().read(tmp_path / "work", ReadOptions(POOL, tmp_path))
    assert logs.outcomes["quality"].to_pylist() == [1.0]


def test_a_score_of_a_dataset_that_writes_another_label_is_no_label():
    assert rule_for("WorldVQA", ["index", "score"]) is None
    assert rule_for("LLaVABench", ["index", "score", "gpt4_score"]) is None
    assert rule_for("MMVet", ["index", "score"]).name == "score"
    assert rule_for("My_Own_Set", ["index", "score"]).name == "score"


def test_what_is_needed_names_the_file_and_column_of_the_dataset():
    assert "_* with verdict" in why_no_label("MOAT")
    assert "_*_result with hit" in why_no_label("BLINK")
    assert "hit, correct, verifier_match, eval_match, score or is_correct" in why_no_label("My_Own_Set")
    assert sources_of("My_Own_Set") == ()

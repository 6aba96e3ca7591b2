"""Which file gives a candidate's labels, and by which form of the rule."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.data.sources.vlmevalkit.log_trees import write_tsv
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

POOL = CandidatePool((CandidateModel("m", 1.0, 1.0, log_name="m"),), "a test")


def read(source):
    with TemporaryDirectory() as folder:
        return VLMEvalKitLogs().read(source, ReadOptions(POOL, Path(folder)))


def qualities(source):
    table = source.outcomes
    return dict(zip(table["sample_id"].to_pylist(), table["quality"].to_pylist(), strict=True))


def text_rows():
    """One TextVQA answer that the older rule accepts and today's does not: "2012." against "2012"."""
    return [{"index": "1", "question": "q", "answer": str(["2012"] * 10), "prediction": "2012."}]


@pytest.mark.parametrize(
    ("folder", "further", "quality"),
    [
        ("m", None, 1.0),
        ("m/T20250512_Gaaaaaaaa", None, 1.0),
        ("m/T20250513_Gaaaaaaaa", None, 0.0),
        ("m/T20251023_Gb9ff66c9", None, 0.0),
        ("m", "m_TextVQA_VAL_results.tsv", 0.0),
    ],
)
def test_textvqa_is_scored_by_the_rule_of_its_day(tmp_path, folder, further, quality):
    write_tsv(tmp_path / folder / "m_TextVQA_VAL.tsv", text_rows())
    if further:
        write_tsv(tmp_path / folder / further, text_rows())
    source = read(tmp_path)
    assert qualities(source) == {"TextVQA_VAL/1": quality}
    name = "VQA accuracy before May 2025" if quality else "VQA accuracy"
    assert source.label_rules == {"TextVQA_VAL": {name: 1}}


def test_a_computed_label_needs_no_evaluation_file_and_a_read_one_does(tmp_path):
    rows = [{"index": "1", "question": "q", "answer": "7", "prediction": "7"}]
    write_tsv(tmp_path / "m" / "m_ChartQA_TEST.tsv", rows)
    write_tsv(tmp_path / "m" / "m_MMStar.tsv", rows)
    source = read(tmp_path)
    assert qualities(source) == {"ChartQA_TEST/1": 1.0}
    assert [(e.file, str(e.reason)) for e in source.left_out if e.reason != "image"] == [("m/m_MMStar.tsv", "no_label")]


def test_mathverse_labels_come_from_the_score_file_not_from_the_extraction(tmp_path):
    rows = [{"index": "1", "question": "q", "prediction": "so 7", "extract": "7"}]
    write_tsv(tmp_path / "m" / "m_MathVerse_MINI.tsv", rows)
    write_tsv(tmp_path / "m" / "m_MathVerse_MINI_gpt-4o-mini_extract.tsv", rows)
    write_tsv(tmp_path / "m" / "m_MathVerse_MINI_gpt-4o-mini_score.tsv", [rows[0] | {"score": "True"}])
    assert qualities(read(tmp_path)) == {"MathVerse_MINI/1": 1.0}


def test_a_score_out_of_ten_is_no_share_of_correctness(tmp_path):
    rows = [{"index": n, "question": "q", "prediction": "p", "score": score} for n, score in enumerate((1, 0, 8))]
    write_tsv(tmp_path / "m" / "m_Other_gpt-4o-mini.tsv", rows)
    write_tsv(tmp_path / "m" / "m_Other.tsv", [{k: v for k, v in row.items() if k != "score"} for row in rows])
    source = read(tmp_path)
    assert qualities(source) == {}
    assert "not in [0, 1]" in next(e.detail for e in source.left_out if e.reason == "no_label")


def test_a_row_without_index_is_named_and_the_others_are_read(tmp_path):
    rows = [{"index": i, "question": "q", "prediction": "A", "hit": 1} for i in ("1", "", "3")]
    write_tsv(tmp_path / "m" / "m_MMStar_openai_result.tsv", rows)
    source = read(tmp_path)
    assert qualities(source) == {"MMStar/1": 1.0, "MMStar/3": 1.0}
    assert [e.detail for e in source.left_out if e.reason == "no_label"] == ["row 2: no index"]


def test_a_damaged_evaluation_file_is_named_once_not_also_as_unlabelled(tmp_path):
    write_tsv(tmp_path / "m" / "m_MMStar.tsv", [{"index": "1", "question": "q", "prediction": "A"}])
    (tmp_path / "m" / "m_MMStar_openai_result.xlsx").write_bytes(b"PK")
    assert [str(e.reason) for e in read(tmp_path).left_out] == ["unreadable"]

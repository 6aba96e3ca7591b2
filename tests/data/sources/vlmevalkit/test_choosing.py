"""Which run, which judge and which text: a label and its prediction come from the same run, and from the right one.

Every tree here is made by its test; what is expected was worked out by hand from the rules of `choosing.py`.
"""

from pathlib import Path

import openpyxl
import pytest

from tests.data.sources.vlmevalkit.log_trees import choice_rows, write_choice_logs, write_images, write_tsv, write_xlsx
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

POOL = CandidatePool((CandidateModel("m", 1.0, 1.0, log_name="m"),), "a test")
OLD, NEW = "T20250901_Gaaaaaaaa", "T20251023_Gb9ff66c9"
JUDGED = "m_MMStar_openai_result.tsv"
FAILED = "Failed to obtain answer via API."


class Read:
    """What reading a source gave, by index."""

    def __init__(self, source):
        images = source.parent / "images"
        images.mkdir(exist_ok=True)
        logs = VLMEvalKitLogs().read(source, ReadOptions(POOL, images))
        rows = [row for row in logs.outcomes.to_pylist() if row["sample_id"].startswith("MMStar/")]
        self.quality = [row["quality"] for row in rows]
        self.texts = [row["prediction"] for row in rows]
        self.tokens = [row["output_tokens"] for row in rows]
        self.rows = logs.outcomes.to_pylist()
        self.left_out = logs.left_out

    def named(self, reason):
        return {e.file: e.detail for e in self.left_out if e.reason == reason}


@pytest.fixture
def source(tmp_path):
    """A work folder with four questions of MMStar."""
    write_images(tmp_path / "work", "MMStar", 4)
    return tmp_path / "work"


def write_run(folder, hits, text, dataset="MMStar"):
    write_choice_logs(folder, "m", dataset, hits, [text] * len(hits))


def test_of_complete_runs_the_newest_is_read_and_the_older_is_named_file_by_file(source):
    write_run(source / "m" / OLD, [0, 0, 0, 0], "old")
    write_run(source / "m" / NEW, [1, 0, 1, 0], "new")
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 0, 1, 0], {"new"})
    assert set(read.named("superseded_run")) == {f"m/{OLD}/m_MMStar.tsv", f"m/{OLD}/{JUDGED}"}


def test_the_root_entry_counts_as_the_newest(source):
    write_run(source / "m" / NEW, [0, 0, 0, 0], "run")
    write_run(source / "m", [1, 1, 0, 1], "root")
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 1, 0, 1], {"root"})
    assert set(read.named("superseded_run")) == {f"m/{NEW}/m_MMStar.tsv", f"m/{NEW}/{JUDGED}"}


def test_the_run_that_the_root_entry_links_to_is_the_newest(source):
    write_run(source / "m" / OLD, [1, 1, 0, 1], "linked")
    write_run(source / "m" / NEW, [0, 0, 0, 0], "not linked")
    for name in ("m_MMStar.tsv", JUDGED):
        (source / "m" / name).symlink_to(f"{OLD}/{name}")
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 1, 0, 1], {"linked"})
    assert set(read.named("superseded_run")) == {f"m/{NEW}/m_MMStar.tsv", f"m/{NEW}/{JUDGED}"}


@pytest.mark.parametrize("complete", ["m", f"m/{OLD}"])
@pytest.mark.parametrize("has_questions", [True, False])
def test_a_complete_run_is_read_before_a_newer_incomplete_one(source, complete, has_questions):
    if not has_questions:
        (source / "TSV_images" / "MMStar.tsv").unlink()
    write_run(source / complete, [1, 0, 0, 1], "complete")
    write_run(source / "m" / NEW, [0, 1], "half")
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 0, 0, 1], {"complete"})
    assert read.named("not_found") == {}


def test_where_no_run_is_complete_the_fullest_is_read_and_named(source):
    write_run(source / "m" / OLD, [1, 0, 1], "three rows")
    write_run(source / "m" / NEW, [0, 1], "two rows")
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 0, 1], {"three rows"})
    detail = "incomplete: 1 of 4 questions are not in it, and no run of it has them all"
    assert read.named("not_found") == {f"m/{OLD}/{JUDGED}": detail}


def test_questions_without_image_are_not_asked_and_their_rows_are_not_missed(source):
    path = source / "TSV_images" / "MMStar.tsv"
    path.write_text(path.read_text() + "9\t\tQuestion 9?\tyes\tno\n")
    write_run(source / "m", [1, 0, 0, 1], "complete")
    assert Read(source).named("not_found") == {}


def test_a_damaged_newest_run_is_named_and_the_newest_readable_one_is_read(source):
    write_run(source / "m" / OLD, [1, 0, 0, 1], "old")
    path = write_xlsx(source / "m" / NEW / "m_MMStar_openai_result.xlsx", [["index", "hit"], [1, 0]])
    path.write_bytes(path.read_bytes()[:200])
    read = Read(source)
    assert (read.quality, set(read.texts)) == ([1, 0, 0, 1], {"old"})
    assert set(read.named("unreadable")) == {f"m/{NEW}/m_MMStar_openai_result.xlsx"}


def test_texts_of_failed_calls_in_another_tree_do_not_touch_the_labels_of_the_run_that_was_scored(source):
    write_run(source / "VLMEvalKit_evaluation" / "m", [1, 1, 0, 1], "A")
    rows = [{"index": n, "question": f"Question {n}?", "prediction": FAILED} for n in range(1, 5)]
    write_tsv(source / "VLMEvalKit_inference" / "m" / "m_MMStar.tsv", rows)
    read = Read(source)
    assert (read.quality, read.texts, read.tokens) == ([1, 1, 0, 1], ["A"] * 4, [1] * 4)
    assert set(read.named("superseded_run")) == {"VLMEvalKit_inference/m/m_MMStar.tsv"}


@pytest.mark.parametrize(
    ("dataset", "suffix"), [("OCRBench", None), ("ChartQA_TEST", None), ("ChartQA_TEST", "_results")]
)
def test_labels_that_follow_from_texts_follow_from_those_of_the_tree_that_was_scored(source, dataset, suffix):
    rows = [{"index": 1, "question": "q", "answer": "7", "category": "x", "prediction": "7"}]
    write_tsv(source / "VLMEvalKit_evaluation" / "m" / OLD / f"m_{dataset}.tsv", rows)
    if suffix:
        write_tsv(source / "VLMEvalKit_evaluation" / "m" / OLD / f"m_{dataset}{suffix}.tsv", rows)
    failed = [row | {"prediction": FAILED} for row in rows]
    write_tsv(source / "VLMEvalKit_inference" / "m" / f"m_{dataset}.tsv", failed)
    read = Read(source)
    assert [(row["quality"], row["prediction"]) for row in read.rows] == [(1.0, "7")]
    assert set(read.named("superseded_run")) == {f"VLMEvalKit_inference/m/m_{dataset}.tsv"}


def test_an_evaluation_files_own_text_goes_with_its_label(source):
    write_run(source / "m", [1, 0, 1, 0], "scored")
    rows = [{"index": n, "question": f"Question {n}?", "prediction": "scored"} for n in range(1, 5)]
    rows[2]["prediction"] = "asked again later"
    write_tsv(source / "m" / "m_MMStar.tsv", rows)
    read = Read(source)
    assert read.texts == ["scored"] * 4
    assert read.named("superseded_run") == {
        "m/m_MMStar.tsv": "1 of its 4 texts are not those that were scored: "
        f"labels and predictions are those of m/{JUDGED}"
    }


@pytest.mark.parametrize(("logged", "scored"), [("", "nan"), ("None", "nan"), ("N/A", "nan"), ("a b", "a b")])
def test_a_text_that_the_evaluation_read_as_nan_is_the_logged_one(source, logged, scored):
    write_run(source / "m", [0, 0, 0, 0], scored)
    rows = [{"index": n, "question": f"Question {n}?", "prediction": logged} for n in range(1, 5)]
    write_tsv(source / "m" / "m_MMStar.tsv", rows)
    read = Read(source)
    assert read.texts == [logged or None] * 4
    assert read.left_out == []


def test_an_evaluation_file_without_texts_takes_those_of_its_own_run(source):
    write_run(source / "m" / OLD, [1, 0, 1, 0], "of the run")
    write_tsv(source / "m" / OLD / JUDGED, [{"index": n, "hit": n % 2} for n in range(1, 5)])
    write_tsv(source / "m" / NEW / "m_MMStar.tsv", [{"index": n, "prediction": "newer"} for n in range(1, 5)])
    read = Read(source)
    assert (read.quality, read.texts) == ([1, 0, 1, 0], ["of the run"] * 4)


def test_an_evaluation_file_without_texts_takes_none_of_another_run(source):
    write_tsv(source / "m" / OLD / JUDGED, [{"index": n, "hit": n % 2} for n in range(1, 5)])
    write_tsv(source / "m" / NEW / "m_MMStar.tsv", [{"index": n, "prediction": "newer"} for n in range(1, 5)])
    read = Read(source)
    assert (read.quality, read.texts, read.tokens) == ([1, 0, 1, 0], [None] * 4, [None] * 4)
    assert set(read.named("superseded_run")) == {f"m/{NEW}/m_MMStar.tsv"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("_openai_result", "_exact_matching_result"),
        ("_gpt-4o-mini_result", "_exact_matching_result"),
        ("_zephyr_result", "_exact_matching_result"),
        ("_openai_result", "_gpt-4o-mini_result"),
        ("_gpt-4o-mini_result", "_CompassVerifier-7B_result"),
        ("_gpt-4o-mini_result", "_gpt-4o_result"),
    ],
)
def test_of_two_judges_the_documented_order_decides_and_the_other_is_named_with_what_differs(source, first, second):
    write_tsv(source / "m" / f"m_MMStar{first}.tsv", choice_rows([1, 0, 1, 0]))
    write_tsv(source / "m" / f"m_MMStar{second}.tsv", choice_rows([0, 0, 1, 1]))
    read = Read(source)
    assert read.quality == [1, 0, 1, 0]
    detail = f"labels were read from m/m_MMStar{first}.tsv: 2 of 4 labels differ"
    assert read.named("second_judge") == {f"m/m_MMStar{second}.tsv": detail}


def test_a_judge_that_scored_every_row_comes_before_one_that_did_not(source):
    write_tsv(source / "m" / "m_MMStar_openai_result.tsv", choice_rows([0, 0]))
    write_tsv(source / "m" / "m_MMStar_exact_matching_result.tsv", choice_rows([1, 0, 1, 0]))
    assert Read(source).quality == [1, 0, 1, 0]


def empty_file(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def further_sheet(path):
    book = openpyxl.Workbook()
    for row in [list(choice_rows([1])[0])] + [list(row.values()) for row in choice_rows([1, 0, 1, 0])]:
        book.active.append(row)
    book.create_sheet("Sheet2")
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def empty_first_sheet(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    openpyxl.Workbook().save(path)


def mixed_index(path):
    rows = [
        row | {"index": str(row["index"]) if row["index"] > 2 else row["index"]} for row in choice_rows([1, 0, 1, 0])
    ]
    write_xlsx(path, [list(rows[0]), *[list(row.values()) for row in rows]])


def mixed_index_tsv(path):
    write_tsv(path, [row | {"index": f"{row['index']}.0" if row["index"] > 2 else row["index"]} for row in ROWS])


def header_only(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("index\tquestion\tprediction\n")


def text(content):
    def write(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    return write


ROWS = choice_rows([1, 0, 1, 0])


@pytest.mark.parametrize(
    ("write", "name", "reason"),
    [
        (empty_file, f"m/{OLD}/m_MMStar.xlsx", "unreadable"),
        (empty_file, f"m/{NEW}/m_MMStar.tsv", "unreadable"),
        (empty_file, "VLMEvalKit_inference/m/m_MMStar.xlsx", "unreadable"),
        (header_only, f"m/{NEW}/m_MMStar.tsv", "unreadable"),
        (empty_first_sheet, f"m/{NEW}/m_MMStar_openai_result.xlsx", "unreadable"),
        (text("Overall\n"), "m/m_MMStar_acc.csv", "unreadable"),
        (text(""), f"m/{NEW}/m_MMStar_acc.csv", "unreadable"),
        (text("split,Overall\nnone,0.5\n"), "m/m_AI2D_TEST_acc.csv", "aggregate_only"),
        (text("x"), "m/~$m_MMStar.xlsx", "not_a_log"),
        (text("x"), "m/.DS_Store", "not_a_log"),
        (text("x"), "m/notes.txt", "not_a_log"),
        (text("x"), "m/copy of m_MMStar.xlsx", "not_a_log"),
        (text("x"), "TSV_images/Thumbs.db", "not_a_log"),
        (header_only, "m/old/m_MMStar.tsv", "not_a_log"),
    ],
)
def test_a_damage_that_changes_nothing_kept_is_named(source, write, name, reason):
    if name.startswith("VLM"):
        write_run(source / "VLMEvalKit_evaluation" / "m", [1, 0, 1, 0], "A")
    else:
        write_run(source / "m", [1, 0, 1, 0], "A")
    write(source / name)
    read = Read(source)
    assert (read.quality, read.texts) == ([1, 0, 1, 0], ["A"] * 4)
    named = name.removesuffix("/m_MMStar.tsv") if name.startswith("m/old") else name
    assert [(e.file, str(e.reason)) for e in read.left_out] == [(named, reason)]


@pytest.mark.parametrize(
    ("write", "name", "reason", "detail"),
    [
        (further_sheet, "m_MMStar_openai_result.xlsx", "not_a_log", "Sheet2"),
        (mixed_index, "m_MMStar_openai_result.xlsx", "conflict", "cells of text among cells of numbers"),
        (mixed_index_tsv, "m_MMStar_openai_result.tsv", "conflict", "12.0 among 12"),
    ],
)
def test_what_is_odd_about_a_file_that_is_read_is_named(source, write, name, reason, detail):
    write(source / "m" / name)
    read = Read(source)
    assert read.quality == [1, 0, 1, 0]
    assert [(e.file, str(e.reason)) for e in read.left_out] == [(f"m/{name}", reason)]
    assert detail in read.left_out[0].detail


def test_by_products_of_vlmevalkit_are_not_named(source):
    write_run(source / "m", [1, 0, 1, 0], "A")
    for name in (
        "m_MMStar_openai_result.pkl",
        "01_MMStar.pkl",
        "status.json",
        "status.json.lock",
        "m_MMStar_score.txt",
    ):
        (Path(source) / "m" / name).write_text("x")
    assert Read(source).left_out == []


@pytest.mark.parametrize("name", ["MMStar", "mmstar"])
def test_a_summary_of_labels_that_are_read_from_the_other_tree_is_not_called_without_labels(source, name):
    write_run(source / "VLMEvalKit_inference" / "m", [1, 0, 1, 0], "A")
    text("split,Overall\nnone,0.5\n")(source / "VLMEvalKit_evaluation" / "m" / f"m_{name}_acc.csv")
    read = Read(source)
    (entry,) = (e for e in read.left_out if e.file.endswith("_acc.csv"))
    assert str(entry.reason) == "aggregate_only" and read.quality == [1, 0, 1, 0]
    assert "in its per-sample files, which lie in the other tree" in entry.detail
    assert "no per-sample label" not in entry.detail


def test_a_tree_in_other_letters_is_named(source):
    write_run(source / "VLMEvalKit_inference" / "m", [1, 0, 1, 0], "A")
    write_run(source / "vlmevalkit_evaluation" / "m", [1, 1, 1, 1], "A")
    named = {e.file: (str(e.reason), e.detail) for e in Read(source).left_out}
    reason, detail = named["vlmevalkit_evaluation"]
    assert reason == "not_a_log" and "VLMEvalKit_evaluation" in detail

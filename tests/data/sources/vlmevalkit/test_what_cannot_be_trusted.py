"""Files, folders and columns whose labels would be wrong or lost without a word: each is read right, or named.

Every tree is made by its test: one model "m" on four questions of MMStar, with the labels 1, 0, 1, 0.
"""

import json

import pytest

from tests.data.sources.vlmevalkit.log_trees import (
    choice_rows,
    picture,
    write_choice_logs,
    write_images,
    write_tsv,
    write_xlsx,
)
from tests.data.sources.vlmevalkit.test_odd_files import JUDGED, LABELS, ROWS, Read, as_csv, as_json, judged_file, sheet

WRITE = {
    "xlsx": lambda path, rows: write_xlsx(path, sheet(rows)),
    "tsv": write_tsv,
    "csv": as_csv,
    "json": as_json,
    "jsonl": lambda path, rows: path.write_text("\n".join(map(json.dumps, rows)) + "\n"),
}


@pytest.fixture
def source(tmp_path):
    write_images(tmp_path / "work", "MMStar", 4)
    write_choice_logs(tmp_path / "work" / "m", "m", "MMStar", [1, 0, 1, 0])
    return tmp_path / "work"


def joined(delimiter, encoding):
    text = "\n".join(delimiter.join(map(str, row)) for row in sheet(ROWS)) + "\n"
    return lambda path: path.write_bytes(text.encode(encoding))


CSV_READ = {
    "xlsx": (lambda path: write_xlsx(path.with_suffix(".xlsx"), sheet(ROWS)).rename(path), "its content is xlsx"),
    "tsv": (lambda path: write_tsv(path, ROWS), "its content is tsv"),
    "json": (lambda path: as_json(path, ROWS), "its content is json"),
    "semicolons": (joined(";", "utf-8"), None),
    "semicolons in UTF-16": (joined(";", "utf-16"), None),
    "names in capitals": (
        lambda path: as_csv(path, [{k.upper() if k != "A" else k: v for k, v in row.items()} for row in ROWS]),
        "INDEX",
    ),
}


@pytest.mark.parametrize("kind", CSV_READ)
def test_a_csv_file_is_read_by_its_content(source, kind):
    write, detail = CSV_READ[kind]
    path = judged_file(source, ".csv")
    write(path)
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == (set() if detail is None else {(f"m/{path.name}", "conflict")})
    assert detail is None or detail in read.details[f"m/{path.name}"]


CSV_NOT_READ = {
    "no byte": (lambda path: path.write_bytes(b""), "unreadable"),
    "a header alone": (lambda path: as_csv(path, [dict.fromkeys(ROWS[0], "")][:1]), "no_label"),
    "bytes of no text": (lambda path: path.write_bytes(bytes(range(256)) * 8), "unreadable"),
    "Latin-1": (lambda path: path.write_bytes("index,prediction,hit\n1,é,1\n".encode("latin-1")), "unreadable"),
    "no index": (lambda path: as_csv(path, [{"hit": row["hit"], "A": row["A"]} for row in ROWS]), "no_label"),
}


@pytest.mark.parametrize("kind", CSV_NOT_READ)
def test_a_csv_file_called_a_judges_result_is_no_summary_and_is_named(source, kind):
    write, reason = CSV_NOT_READ[kind]
    path = judged_file(source, ".csv")
    write(path)
    read = Read(source)
    assert read.labels == {}
    assert (f"m/{path.name}", reason) in read.named
    assert "summary" not in read.details[f"m/{path.name}"]


@pytest.mark.parametrize("name", ["M", "m_old", "m (copy)", "phi35"])
def test_a_folder_by_another_name_that_holds_files_of_a_candidate_is_named(source, name):
    write_choice_logs(source / name, "m", "MMStar", [0, 0, 0, 0])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == {(name, "unknown_model")}
    assert "2 of its files begin with m_" in read.details[name]


@pytest.mark.parametrize(("scale", "highest"), [(100, "100"), (5, "5"), (10, "10")])
def test_a_column_on_another_scale_is_refused_as_a_whole(source, scale, highest):
    path = judged_file(source, ".tsv")
    write_tsv(path, choice_rows([scale, 0, scale, 0]))
    read = Read(source)
    assert read.labels == {}
    assert (f"m/{path.name}", "no_label") in read.named
    assert f"found values up to {highest}: divide by {highest}" in read.details[f"m/{path.name}"]


def test_a_single_mark_out_of_bounds_costs_its_row_alone(source):
    path = judged_file(source, ".tsv")
    write_tsv(path, choice_rows([1, 0, 2, 0]))
    read = Read(source)
    assert read.labels == {"m": {k: v for k, v in LABELS.items() if k != "MMStar/3"}}
    assert (f"m/{path.name}", "no_label") in read.named


JUDGED_FILE = f"m/{JUDGED}.tsv"
RUNS = ("T20260101_Gaaaaaaaa", "T20260101_Gbbbbbbbb")


def with_questions(*questions):
    return [row | {"question": question} for row, question in zip(ROWS, questions, strict=True)]


def conflicts(read, file):
    return [entry.detail for entry in read.left_out if entry.file == file and entry.reason == "conflict"]


def test_rows_whose_question_is_that_of_another_index_give_no_labels(source):
    write_tsv(source / JUDGED_FILE, with_questions("Question 1?", "Question 3?", "Question 2?", "Question 4?"))
    read = Read(source)
    assert read.labels == {"m": {"MMStar/1": 1.0, "MMStar/4": 0.0}}
    [detail] = conflicts(read, JUDGED_FILE)
    assert detail.startswith("2 of 4 rows have another question than their index has in the table of questions")


def test_a_question_to_which_an_evaluator_added_something_is_the_same_one(source):
    write_tsv(
        source / JUDGED_FILE,
        with_questions("Question 1? Answer with a letter.", "question  2", "", "Please say: Question 4?"),
    )
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert conflicts(read, JUDGED_FILE) == []


def test_an_index_that_the_table_of_questions_does_not_have_is_no_sample(source):
    write_tsv(source / JUDGED_FILE, [*ROWS, *choice_rows([1, 1], first=99)])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    [detail] = conflicts(read, JUDGED_FILE)
    assert detail.startswith(
        "2 of 6 rows have an index that is not in the table of questions, MMStar.tsv (index 99, 100)"
    )


def test_without_a_table_of_questions_every_index_is_a_sample(source):
    (source / "TSV_images" / "MMStar.tsv").unlink()
    assert Read(source).labels == {"m": LABELS}


def test_an_index_that_stands_twice_in_the_table_of_questions_is_named(source):
    table = source / "TSV_images" / "MMStar.tsv"
    rows = [{"index": n, "image": picture((n, 9, 9)), "question": f"Question {n}?"} for n in (1, 2, 3, 4, 2, 3)]
    write_tsv(table, [{"index": 1, "image": rows[0]["image"], "question": "Who?"}, *rows])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert conflicts(read, "TSV_images/MMStar.tsv") == [
        "1 indices stand twice with different rows (index 1): the first is kept"
    ]


def test_of_two_tables_apart_by_case_alone_the_exact_name_is_read_and_the_other_named(source):
    table = source / "TSV_images" / "MMStar.tsv"
    (source / "TSV_images" / "mmstar.tsv").write_bytes(table.read_bytes().replace(b"Question", b"Riddle"))
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == {("TSV_images/mmstar.tsv", "superseded_run")}


def test_runs_of_one_day_are_named_as_a_tie_with_what_differs(source):
    for file in (source / "m").iterdir():
        file.unlink()
    write_choice_logs(source / "m" / RUNS[0], "m", "MMStar", [1, 1, 1, 1])
    write_choice_logs(source / "m" / RUNS[1], "m", "MMStar", [1, 0, 1, 0])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.details[f"m/{RUNS[0]}/{JUDGED}.tsv"] == (
        f"m/{RUNS[1]}/{JUDGED}.tsv was read instead: 2 of 4 labels differ, and the runs are of one day: "
        "the last by name was read"
    )


@pytest.mark.parametrize(("first", "second"), [("xlsx", "tsv"), ("tsv", "csv"), ("csv", "json"), ("json", "jsonl")])
def test_of_two_formats_of_one_file_the_documented_order_decides_and_the_other_is_named(source, first, second):
    (source / JUDGED_FILE).unlink()
    WRITE[first](source / "m" / f"{JUDGED}.{first}", ROWS)
    WRITE[second](source / "m" / f"{JUDGED}.{second}", choice_rows([0, 1, 0, 0]))
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.details[f"m/{JUDGED}.{second}"] == f"m/{JUDGED}.{first} was read instead: 3 of 4 labels differ"

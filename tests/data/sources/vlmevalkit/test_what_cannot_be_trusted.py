"""Files, folders and columns whose labels would be wrong or lost without a word: each is read right, or named.

Every tree is made by its test: one model "m" on four questions of MMStar, with the labels 1, 0, 1, 0.
"""

import pytest

from tests.data.sources.vlmevalkit.log_trees import choice_rows, write_choice_logs, write_images, write_tsv, write_xlsx
from tests.data.sources.vlmevalkit.test_odd_files import LABELS, ROWS, Read, as_csv, as_json, judged_file, sheet


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

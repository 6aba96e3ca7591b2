"""Files that went through other programs, machines and hands: each label is the right one, or its file is named.

Every tree is made by its test: one model "m" on four questions of MMStar, with the labels 1, 0, 1, 0.
"""

import gzip
import json
import unicodedata

import pytest

from tests.data.sources.vlmevalkit.log_trees import choice_rows, write_choice_logs, write_images, write_tsv, write_xlsx
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.candidates import CandidateModel, CandidatePool
from vlrouterbench.data.sources.source import ReadOptions
from vlrouterbench.data.sources.vlmevalkit.layout import find_logs
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

ROWS = choice_rows([1, 0, 1, 0])
LABELS = {"MMStar/1": 1.0, "MMStar/2": 0.0, "MMStar/3": 1.0, "MMStar/4": 0.0}
JUDGED = "m_MMStar_openai_result"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
RUN = "T20251023_Gb9ff66c9"


class Read:
    """Labels by model and sample, and what was named."""

    def __init__(self, source, *models):
        pool = CandidatePool(tuple(CandidateModel(name, 1.0, 1.0, log_name=name) for name in models or ("m",)), "test")
        (source.parent / "images").mkdir(exist_ok=True)
        logs = VLMEvalKitLogs().read(source, ReadOptions(pool, source.parent / "images"))
        self.labels = {}
        for row in logs.outcomes.to_pylist():
            self.labels.setdefault(row["candidate"], {})[row["sample_id"]] = row["quality"]
        self.left_out = logs.left_out
        self.named = {(entry.file, str(entry.reason)) for entry in logs.left_out}
        self.details = {entry.file: entry.detail for entry in logs.left_out}


@pytest.fixture
def source(tmp_path):
    write_images(tmp_path / "work", "MMStar", 4)
    write_choice_logs(tmp_path / "work" / "m", "m", "MMStar", [1, 0, 1, 0])
    return tmp_path / "work"


def sheet(rows):
    return [list(rows[0]), *[list(row.values()) for row in rows]]


def with_indices(*indices):
    return [row | {"index": index} for row, index in zip(ROWS, indices, strict=True)]


def judged_file(source, extension):
    """The path for the evaluation file of that kind, in the place of the one that is there."""
    (source / "m" / f"{JUDGED}.tsv").unlink()
    return source / "m" / f"{JUDGED}{extension}"


def as_json(path, rows, encoding="utf-8"):
    path.write_text(json.dumps(rows), encoding=encoding)


def as_csv(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in sheet(rows)) + "\n")


def recoded(path, encoding, line_end="\n"):
    text = write_tsv(path, ROWS).read_bytes().decode().replace("\r\n", line_end)
    path.write_bytes(text.encode(encoding))


READ_WHOLE = {
    "upper case extension": (".XLSX", lambda path: write_xlsx(path, sheet(ROWS)), None),
    "csv": (".csv", lambda path: as_csv(path, ROWS), None),
    "jsonl": (".jsonl", lambda path: path.write_text("\n".join(map(json.dumps, ROWS)) + "\n"), None),
    "UTF-16, as spreadsheets save text": (".tsv", lambda path: recoded(path, "utf-16"), None),
    "a mark of UTF-8, and lines of Windows": (".tsv", lambda path: recoded(path, "utf-8-sig", "\r\n"), None),
    "json with a mark of UTF-8": (".json", lambda path: as_json(path, ROWS, "utf-8-sig"), None),
    "xlsx named tsv": (
        ".tsv",
        lambda path: write_xlsx(path.with_suffix(".xlsx"), sheet(ROWS)).rename(path),
        "its content is xlsx",
    ),
    "tsv named xlsx": (".xlsx", lambda path: write_tsv(path, ROWS), "its content is tsv"),
    "csv named tsv": (".tsv", lambda path: as_csv(path, ROWS), "its content is csv"),
    "json named xlsx": (".xlsx", lambda path: as_json(path, ROWS), "its content is json"),
    "json, numbers and texts": (".json", lambda path: as_json(path, with_indices("1", 2.0, 3, 4)), "float, int, str"),
    "json, texts among numbers": (".json", lambda path: as_json(path, with_indices(1, "2", 3, 4)), "int, str"),
    "json, texts of floats": (".json", lambda path: as_json(path, with_indices("1.0", 2, 3, 4)), "int, str"),
    "xlsx, numbers and texts": (
        ".xlsx",
        lambda path: write_xlsx(path, sheet(with_indices("1", 2.0, "3.0", " 4 "))),
        "several types",
    ),
    "xlsx, mixed in a column that is not the first": (
        ".xlsx",
        lambda path: write_xlsx(path, sheet([{"A": row["A"]} | row for row in with_indices(1, "2", 3, 4)])),
        "several types",
    ),
    "csv, 12.0 among 12": (".csv", lambda path: as_csv(path, with_indices("1.0", 2, 3, 4)), "several types"),
    "columns in other case": (
        ".tsv",
        lambda path: write_tsv(path, [{k.upper() if k != "A" else k: v for k, v in row.items()} for row in ROWS]),
        "INDEX",
    ),
    "a last line without end": (
        ".tsv",
        lambda path: path.write_bytes(write_tsv(path, ROWS).read_bytes().rstrip(b"\r\n")),
        "its last line has no end",
    ),
    "a row twice": (".tsv", lambda path: write_tsv(path, [*ROWS, ROWS[0]]), "before them: 1"),
}


@pytest.mark.parametrize("kind", READ_WHOLE)
def test_a_table_of_another_kind_gives_the_same_labels_and_what_is_odd_is_named(source, kind):
    extension, write, detail = READ_WHOLE[kind]
    path = judged_file(source, extension)
    write(path)
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == (set() if detail is None else {(f"m/{path.name}", "conflict")})
    assert detail is None or detail in read.details[f"m/{path.name}"]


NOT_READ = {
    "old Excel": (".xls", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600)), "not_a_log"),
    "compressed": (".tsv.gz", lambda path: path.write_bytes(gzip.compress(b"index\thit\n1\t1\n")), "not_a_log"),
    "a pointer of Git LFS": (".xlsx", lambda path: path.write_text(POINTER), "unreadable"),
    "a pointer of Git LFS, tsv": (".tsv", lambda path: path.write_text(POINTER), "unreadable"),
    "an error page": (".xlsx", lambda path: path.write_text("<html>404</html>"), "unreadable"),
    "Latin-1": (".tsv", lambda path: path.write_bytes("index\thit\n1\té\n".encode("latin-1")), "unreadable"),
    "marks without index": (
        ".tsv",
        lambda path: write_tsv(path, [{k: v for k, v in row.items() if k != "index"} for row in ROWS]),
        "no_label",
    ),
    "one record": (".json", lambda path: path.write_text('{"index": {"0": 1}, "hit": {"0": 1}}'), "unreadable"),
}


@pytest.mark.parametrize("kind", NOT_READ)
def test_a_file_that_gives_no_labels_is_named_itself(source, kind):
    extension, write, reason = NOT_READ[kind]
    path = judged_file(source, extension)
    write(path)
    read = Read(source)
    assert read.labels == {}
    assert (f"m/{path.name}", reason) in read.named


@pytest.mark.parametrize("extension", [".json", ".tsv", ".xlsx"])
@pytest.mark.parametrize("missing", [float("nan"), None])
def test_a_row_without_an_index_is_no_sample_called_nan(source, extension, missing):
    rows = with_indices(missing, 2, 3, 4)
    path = judged_file(source, extension)
    if extension == ".json":
        as_json(path, rows)
    elif extension == ".xlsx":
        write_xlsx(path, sheet(with_indices(None if missing is None else "nan", 2, 3, 4)))
    else:
        write_tsv(path, rows)
    read = Read(source)
    assert read.labels == {"m": {k: v for k, v in LABELS.items() if k != "MMStar/1"}}
    assert (f"m/{path.name}", "no_label") in read.named
    assert "conflict" not in {reason for _, reason in read.named}


@pytest.mark.parametrize(
    "run", ["T20251301_Gaaaaaaaa", "T20251024_Gabc (1)", "T20251024-250000", "T2025-10-24", "t20251024_G"]
)
def test_a_folder_whose_name_is_no_date_of_a_run_is_named_and_not_the_newest(source, run):
    for name in ("m_MMStar.tsv", f"{JUDGED}.tsv"):
        (source / "m" / RUN).mkdir(exist_ok=True)
        (source / "m" / name).rename(source / "m" / RUN / name)
    write_choice_logs(source / "m" / run, "m", "MMStar", [0, 1, 0, 1])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == {(f"m/{run}", "not_a_log")}


@pytest.mark.parametrize("run", ["T20251024_G", "T20251024_Gunknown", "T20251024-093000"])
def test_every_form_of_a_runs_name_is_a_run(source, run):
    write_choice_logs(source / "m" / RUN, "m", "MMStar", [0, 1, 0, 1])
    for name in ("m_MMStar.tsv", f"{JUDGED}.tsv"):
        (source / "m" / run).mkdir(exist_ok=True)
        (source / "m" / name).rename(source / "m" / run / name)
    assert Read(source).labels == {"m": LABELS}


@pytest.mark.parametrize("copy", [" (1)", " - Copy", " copy", ".bak", "~", "-copy", "_backup"])
def test_a_copy_is_no_dataset_of_its_own_and_is_named(source, copy):
    write_choice_logs(source / "m", "m", f"MMStar{copy}", [0, 0, 0, 0])
    read = Read(source)
    assert read.labels == {"m": LABELS}
    names = {f"m/m_MMStar{copy}.tsv", f"m/m_MMStar{copy}_openai_result.tsv"}
    assert names <= {file for file, _ in read.named}


@pytest.mark.parametrize("copy", ["_old", "_x"])
def test_predictions_under_another_name_are_named(source, copy):
    rows = [{k: v for k, v in row.items() if k != "hit"} | {"prediction": "B"} for row in ROWS]
    path = write_tsv(source / "m" / f"m_MMStar{copy}.tsv", rows)
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == {(f"m/{path.name}", "superseded_run")}


def test_a_file_of_a_model_whose_name_goes_on_from_the_folders_is_not_the_folders_own(source):
    write_choice_logs(source / "m_mini", "m_mini", "MMStar", [0, 0, 0, 0])
    for path in (source / "m_mini").iterdir():
        (source / "m" / path.name).write_bytes(path.read_bytes())
    read = Read(source, "m", "m_mini")
    assert read.labels == {"m": LABELS, "m_mini": dict.fromkeys(LABELS, 0.0)}
    strangers = {("m/m_mini_MMStar.tsv", "not_a_log"), ("m/m_mini_MMStar_openai_result.tsv", "not_a_log")}
    assert read.named == strangers
    # Also where that model is no candidate, but has a folder.
    assert Read(source, "m").named == strangers | {("m_mini", "unknown_model")}


def test_a_model_called_as_another_one_on_a_dataset_keeps_its_files_and_so_does_that_one(source):
    write_choice_logs(source / "m_MMStar", "m_MMStar", "BLINK", [1, 1])
    write_tsv(source / "m" / "m_MMStar_BLINK-judge_result.tsv", choice_rows([0, 0, 0, 0]))
    read = Read(source, "m", "m_MMStar")
    assert read.labels == {"m": LABELS, "m_MMStar": {"BLINK/1": 1.0, "BLINK/2": 1.0}}
    assert ("m/m_MMStar_BLINK-judge_result.tsv", "second_judge") in read.named


@pytest.mark.parametrize("judge", ["MMBench-judge_AI2D_TEST", "KO-judge", "my judge (v2)+é[x]", "m_MMStar", "裁判"])
def test_a_judge_may_have_any_name(source, judge):
    (source / "m" / f"{JUDGED}.tsv").rename(source / "m" / f"m_MMStar_{judge}_result.tsv")
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == set()


@pytest.mark.parametrize("dataset", ["mmstar", "MMSTAR", "MMStar "])
def test_a_datasets_name_in_other_case_or_with_a_space_behind_it_is_the_dataset(source, dataset):
    for path in list((source / "m").iterdir()):
        path.rename(path.with_name(path.name.replace("MMStar", dataset)))
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == set()


def test_datasets_that_differ_by_case_alone_stay_two(tmp_path):
    write_choice_logs(tmp_path / "work" / "m", "m", "MMBench_DEV_CN", [1, 0])
    write_choice_logs(tmp_path / "work" / "m", "m", "MMBench_dev_cn", [0, 1])
    assert Read(tmp_path / "work").labels["m"] == {
        "MMBench_DEV_CN/1": 1.0,
        "MMBench_DEV_CN/2": 0.0,
        "MMBench_dev_cn/1": 0.0,
        "MMBench_dev_cn/2": 1.0,
    }


@pytest.mark.parametrize("spelling", ["NFC", "NFD"])
def test_a_models_name_with_an_accent_is_the_same_in_both_spellings(tmp_path, spelling):
    name = unicodedata.normalize(spelling, "café-7B")
    write_choice_logs(tmp_path / "work" / name, name, "MMStar", [1, 0, 1, 0])
    assert Read(tmp_path / "work", unicodedata.normalize("NFC", "café-7B")).labels == {"café-7B": LABELS}
    assert Read(tmp_path / "work", unicodedata.normalize("NFD", "café-7B")).labels == {
        unicodedata.normalize("NFD", "café-7B"): LABELS
    }


def test_a_folder_that_links_to_itself_is_no_second_run(source):
    (source / "m" / RUN).symlink_to(".")
    read = Read(source)
    assert read.labels == {"m": LABELS}
    assert read.named == set()


def test_judges_in_different_runs_are_read_by_the_rule_of_runs_first(source):
    (source / "m" / "T20250901_Gaaaaaaaa").mkdir()
    (source / "m" / f"{JUDGED}.tsv").rename(source / "m" / "T20250901_Gaaaaaaaa" / f"{JUDGED}.tsv")
    newer = write_tsv(source / "m" / RUN / "m_MMStar_exact_matching_result.tsv", choice_rows([1, 1, 1, 1]))
    read = Read(source)
    assert read.labels == {"m": dict.fromkeys(LABELS, 1.0)}
    assert newer.exists()
    assert (f"m/T20250901_Gaaaaaaaa/{JUDGED}.tsv", "second_judge") in read.named


def test_where_no_logs_are_found_the_message_says_what_was_passed_over(tmp_path):
    write_choice_logs(tmp_path / "work" / "m" / "m", "m", "MMStar", [1, 0])
    with pytest.raises(SourceError, match=r"Not read: m/m \(no run folder by its name"):
        Read(tmp_path / "work")


@pytest.mark.parametrize("inner", ["m", "T20250202_G2", "results"])
def test_a_folder_of_logs_within_a_run_folder_is_named(source, inner):
    write_choice_logs(source / "m" / "T20250101_G1" / inner, "m", "MMStar", [0, 0, 0, 0])
    entries = find_logs(source, folders=["m"]).left_out
    assert [entry.detail for entry in entries if entry.file == f"m/T20250101_G1/{inner}"] == [
        "a folder within a run folder: nothing in it is read"
    ]


def test_a_video_set_is_named_and_not_read_and_alone_it_is_an_error_that_says_so(source):
    rows = [row | {"video": f"clip{row['index']}.mp4"} for row in ROWS]
    for name in ("m_Video-MME_8frame.tsv", "m_Video-MME_8frame_score.tsv"):
        write_tsv(source / "m" / name, rows)
    read = Read(source)
    assert read.labels == {"m": LABELS}
    said = {entry.file: entry.detail for entry in read.left_out if entry.reason == "video"}
    assert set(said) == {"m/m_Video-MME_8frame.tsv", "m/m_Video-MME_8frame_score.tsv"}
    assert all("is a video set (column video)" in detail for detail in said.values())
    for path in source.rglob("*MMStar*"):
        path.unlink()
    (source.parent / "pool.csv").write_text("name,input_price,output_price\nm,1,1\n")
    with pytest.raises(SourceError, match=r"nothing to build.*is a video set \(column video\)"):
        build_benchmark(source, source.parent / "out", BuildOptions(candidates=source.parent / "pool.csv"))


def test_a_file_of_another_model_in_a_models_folder_is_named_and_not_read(source):
    write_tsv(source / "m" / "other_MMStar_openai_result.tsv", ROWS)
    read = Read(source)
    assert read.labels == {"m": LABELS} and "m/other_MMStar_openai_result.tsv" in read.details

"""Reading one log file: text cells, and damage that is noticed and never passed on."""

import json
import random

import openpyxl
import pyarrow as pa
import pytest

from tests.data.sources.vlmevalkit.log_trees import write_tsv, write_xlsx
from vlrouterbench.core import limits
from vlrouterbench.data.sources.vlmevalkit.file_kinds import UnreadableFileError
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table

SMALL = "vlm_router_data/VLMEvalKit_inference/GeminiFlash2-5/GeminiFlash2-5_ChartQA_TEST.xlsx"


@pytest.fixture
def real_file(data_root, tmp_path):
    """A small real xlsx, free to be damaged: (path, its bytes, its table)."""
    source = data_root / "vlmevalkit_example" / SMALL
    path = tmp_path / "a.xlsx"
    path.write_bytes(source.read_bytes())
    return path, source.read_bytes(), read_text_table(source)


def damaged_table(path, content):
    """The table, or None where the file was refused. Anything else that is raised fails the test."""
    path.write_bytes(content)
    try:
        return read_text_table(path)
    except UnreadableFileError:
        return None


@pytest.mark.parametrize("seed", range(60))
def test_a_flipped_byte_is_refused_or_changes_nothing(real_file, seed):
    path, content, table = real_file
    rng = random.Random(seed)
    damaged = bytearray(content)
    damaged[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    read = damaged_table(path, bytes(damaged))
    assert read is None or read.equals(table)


@pytest.mark.parametrize("part", range(20))
def test_a_truncated_file_is_refused_or_whole(real_file, part):
    path, content, table = real_file
    read = damaged_table(path, content[: len(content) * part // 20])
    assert read is None or read.equals(table)


def test_most_damage_is_noticed(real_file):
    path, content, _ = real_file
    middle = range(len(content) // 4, len(content) // 2, 97)
    flipped = (content[:i] + bytes([content[i] ^ 255]) + content[i + 1 :] for i in middle)
    assert all(damaged_table(path, damaged) is None for damaged in flipped)


def test_the_real_file_reads_as_text_with_its_columns(real_file):
    table = real_file[2]
    assert {"index", "question", "answer", "prediction"} <= set(table.column_names)
    assert set(table.schema.types) <= {pa.string(), pa.large_string()}
    assert table.num_rows > 0


def test_cells_of_every_kind_are_text_and_empty_ones_null(tmp_path):
    path = write_xlsx(
        tmp_path / "a.xlsx", [["index", "prediction"], [1, "None"], [2, "NA"], ["x", None], [4, 7], [5, True]]
    )
    table = read_text_table(path)
    assert table["prediction"].to_pylist()[:4] == ["None", "NA", None, "7"]
    assert table["prediction"].to_pylist()[4].lower() == "true"
    assert [float(i) if i != "x" else i for i in table["index"].to_pylist()] == [1, 2, "x", 4, 5]


def test_a_late_text_in_a_column_of_numbers_is_not_lost(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", [["answer"], *[[n] for n in range(2000)], ["forty"]])
    assert read_text_table(path)["answer"].to_pylist()[-1] == "forty"


def test_a_sheet_with_a_header_alone_has_columns_and_no_rows(tmp_path):
    table = read_text_table(write_xlsx(tmp_path / "a.xlsx", [["index", "prediction"]]))
    assert (table.column_names, table.num_rows) == (["index", "prediction"], 0)


@pytest.mark.parametrize("suffix", ["xlsx", "tsv", "json"])
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff\xfe", b"\x80text", b"{", b'"', b"[1, 2]"])
def test_what_is_no_table_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    try:
        table = read_text_table(path)
    except UnreadableFileError:
        return
    assert suffix == "tsv" and content and table.num_rows == 0  # any text is the header of a tsv


@pytest.mark.parametrize("suffix", ["xlsx", "tsv", "json"])
def test_a_file_of_no_bytes_is_refused(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").touch()
    with pytest.raises(UnreadableFileError):
        read_text_table(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["xlsx", "tsv", "json"])
def test_a_file_that_is_gone_is_refused(tmp_path, suffix):
    with pytest.raises(UnreadableFileError):
        read_text_table(tmp_path / f"a.{suffix}")


def test_an_empty_sheet_is_refused(tmp_path):
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    with pytest.raises(UnreadableFileError):
        read_text_table(tmp_path / "a.xlsx")


def test_a_zip_that_is_no_sheet_is_refused(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("readme.txt", "text")
    with pytest.raises(UnreadableFileError, match="not readable as xlsx"):
        read_text_table(tmp_path / "a.xlsx")


def test_a_sheet_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = write_xlsx(tmp_path / "a.xlsx", [["index"], [1]])
    monkeypatch.setattr(limits, "WORKBOOK_BYTES", 100)
    with pytest.raises(UnreadableFileError, match="unpacks to more than 100 bytes"):
        read_text_table(path)


def test_tsv_cells_keep_line_breaks_quotes_and_tabs(tmp_path):
    rows = [
        {"index": "1", "prediction": 'line one\nline "two"\twith tab', "empty": ""},
        {"index": "007", "prediction": "None", "empty": ""},
        {"index": "1e3", "prediction": " spaced ", "empty": ""},
    ]
    table = read_text_table(write_tsv(tmp_path / "a.tsv", rows))
    assert table.to_pylist() == [row | {"empty": None} for row in rows]


def test_a_tsv_row_with_too_many_cells_is_refused(tmp_path):
    (tmp_path / "a.tsv").write_text("index\tprediction\n1\tA\n2\tB\tC\n")
    with pytest.raises(UnreadableFileError, match="not readable as tsv"):
        read_text_table(tmp_path / "a.tsv")


def test_json_is_a_list_of_records_with_any_keys(tmp_path):
    rows = [{"index": 1, "prediction": "a"}, {"index": "2", "extra": [1, 2], "prediction": None}, {"prediction": ""}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    assert read_text_table(tmp_path / "a.json").to_pylist() == [
        {"index": "1", "prediction": "a", "extra": None},
        {"index": "2", "prediction": None, "extra": "[1, 2]"},
        {"index": None, "prediction": None, "extra": None},
    ]


@pytest.mark.parametrize("content", ['{"index": {"0": 1}}', "[[1]]", "3", "null", "[]", "[" * 100_000])
def test_other_json_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UnreadableFileError):
        read_text_table(tmp_path / "a.json")


def test_half_a_surrogate_pair_in_json_does_not_stop_the_reader(tmp_path):
    (tmp_path / "a.json").write_text('[{"index": 1, "prediction": "cut \\ud83d"}]')
    assert read_text_table(tmp_path / "a.json")["prediction"].to_pylist()[0].startswith("cut ")


def test_a_byte_order_mark_is_no_part_of_a_column_name(tmp_path):
    (tmp_path / "a.tsv").write_text("index\tprediction\n7\tA\n", encoding="utf-8-sig")
    assert read_text_table(tmp_path / "a.tsv").to_pylist() == [{"index": "7", "prediction": "A"}]


def test_a_member_that_claims_to_be_encrypted_is_refused(real_file):
    path, content, _ = real_file
    damaged = bytearray(content)
    damaged[content.index(b"PK\x01\x02") + 8] ^= 1  # the flag in the archive's directory
    assert damaged_table(path, bytes(damaged)) is None

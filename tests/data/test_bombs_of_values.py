"""Small files whose cells would be many objects, or that no reader takes: each is one error."""

import gzip
import io
import json
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.core import limits
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.archive import unpacked
from vlrouterbench.data.saved_tables.form import TableError, TableForm
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.routers.encoders.sample_input import list_of

DIGITS = "9" * 5000
FORM = TableForm(("question",))


def refusal(path):
    with pytest.raises(TableError) as raised:
        read_saved_table(path, FORM)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 500
    return str(raised.value)


def test_a_packed_table_many_times_its_size_is_refused_and_one_of_the_limit_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("vlrouterbench.data.saved_tables.read.PACKED_BYTES", 100_000)
    path = tmp_path / "questions.csv.gz"
    path.write_bytes(gzip.compress(b"question\n" + b"a" * 99_991))
    assert path.stat().st_size * limits.TABLE_RATIO < 100_000 and read_saved_table(path, FORM).num_rows == 1
    path.write_bytes(gzip.compress(b"question\n" + b"a" * 99_992))
    assert "unpacks to more than 100,000 bytes" in refusal(path)


@pytest.mark.parametrize("name", ["questions.json", "questions.jsonl"])
def test_a_number_of_more_digits_than_are_read_is_an_error_of_its_row(tmp_path, name):
    row = f'{{"question": {DIGITS}}}'
    (tmp_path / name).write_text(f"[{row}]" if name.endswith("json") else f'{{"question": "a"}}\n{row}\n')
    assert "row" in (said := refusal(tmp_path / name)) and ("digits" in said or "kind" in said)


def test_lists_and_values_of_one_list_of_rows_are_counted_and_those_in_texts_are_not(tmp_path, monkeypatch):
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([{"question": '{[,,,\\"{['}] * 20))
    monkeypatch.setattr(limits, "JSON_CONTAINERS", 21)
    monkeypatch.setattr(limits, "JSON_VALUES", 20)
    assert read_saved_table(path, FORM).num_rows == 20
    monkeypatch.setattr(limits, "JSON_VALUES", 18)
    assert "more than 18 values" in refusal(path)
    monkeypatch.setattr(limits, "JSON_CONTAINERS", 20)
    assert "more than 20 lists and objects" in refusal(path)


def test_values_of_one_row_are_counted_and_commas_in_texts_are_not(tmp_path, monkeypatch):
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": "a,b" * 9, "options": ["a"] * 5}) + "\n")
    monkeypatch.setattr(limits, "JSON_ROW_VALUES", 5)
    assert read_saved_table(path, FORM).num_rows == 1
    monkeypatch.setattr(limits, "JSON_ROW_VALUES", 4)
    assert "line 1 has more than 4 values" in refusal(path)


def test_values_in_lists_of_a_parquet_file_are_counted_against_its_size(tmp_path):
    path = tmp_path / "questions.parquet"
    count = limits.FREE_VALUES + 2
    items = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), pa.nulls(count, pa.int8()))
    pq.write_table(pa.table({"question": ["a"], "options": items}), path, compression="zstd")
    assert path.stat().st_size * limits.VALUES_PER_BYTE < count
    assert f"lists hold {count - 1:,} values" in refusal(path)


def test_cells_without_lists_are_not_counted_against_the_size_of_an_honest_file(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE_VALUES", 1_000)
    monkeypatch.setattr(limits, "VALUES_PER_BYTE", 0)
    path = tmp_path / "outcomes.parquet"
    pq.write_table(pa.table({"question": ["a"] * 5_000, "quality": [1.0] * 5_000}), path, compression="zstd")
    assert read_saved_table(path, FORM).num_rows == 5_000


def test_a_text_that_the_parser_of_lists_gives_up_on_is_no_list():
    assert list_of("[" + "-" * 50_000 + "1]") is None


def test_an_archive_whose_folders_lie_too_deep_is_refused(tmp_path):
    with tarfile.open(tmp_path / "logs.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a/" * 2000 + "x.csv"), io.BytesIO())
    with pytest.raises(SourceError, match="path of more than 100 folders"), unpacked(tmp_path / "logs.tar"):
        pass

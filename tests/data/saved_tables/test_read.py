"""Tables as people save them: every format gives the same rows; what is none is said in one line."""

import csv
import gzip
import io
import json
import logging
import re

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.data.saved_tables import delimited, json_rows
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.read import read_saved_table

FORM = TableForm(texts=("sample_id", "question", "options"), others=("quality", "input_tokens"), images=("image",))
ROWS = [
    {
        "sample_id": "007",
        "question": 'Who; "what",\nwhere\tnow?',
        "options": '["a", "b"]',
        "quality": 0.5,
        "input_tokens": 3,
    },
    {"sample_id": "None", "question": "图中有几个方框？", "options": "", "quality": 1.0, "input_tokens": 40_000},
    {"sample_id": "NA", "question": "été", "options": "a|b", "quality": 0.25, "input_tokens": 0},
]
CHINESE = [row | {"question": "图中有几个方框？红色的在哪里？"} for row in ROWS]
FRAME = pd.DataFrame(ROWS)


def packed(write):
    def pack(path):
        plain = io.BytesIO()
        write(plain)
        path.write_bytes(gzip.compress(plain.getvalue()))

    return pack


SAVED = {
    "t.csv": lambda path: FRAME.to_csv(path, index=False),
    "t.CSV": lambda path: FRAME.to_csv(path, index=False),
    "semicolon.csv": lambda path: FRAME.to_csv(path, index=False, sep=";"),
    "comma decimals.csv": lambda path: FRAME.to_csv(path, index=False, sep=";", decimal=","),
    "tab and comma decimals.csv": lambda path: FRAME.to_csv(path, index=False, sep="\t", decimal=","),
    "mark.csv": lambda path: FRAME.to_csv(path, index=False, encoding="utf-8-sig"),
    "utf-16.csv": lambda path: FRAME.to_csv(path, index=False, encoding="utf-16"),
    "utf-16 big.csv": lambda path: path.write_bytes(b"\xfe\xff" + FRAME.to_csv(index=False).encode("utf-16-be")),
    "windows lines.csv": lambda path: path.write_bytes(FRAME.to_csv(index=False, lineterminator="\r\n").encode()),
    "t.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "commas.tsv": lambda path: FRAME.to_csv(path, index=False),
    "t.jsonl": lambda path: FRAME.to_json(path, orient="records", lines=True),
    "t.json": lambda path: FRAME.to_json(path, orient="records", force_ascii=False),
    "lines.json": lambda path: FRAME.to_json(path, orient="records", lines=True),
    "t.xlsx": lambda path: FRAME.to_excel(path, index=False),
    "t.XLSX": lambda path: (
        FRAME.to_excel(path.with_suffix(".xlsx"), index=False) or path.with_suffix(".xlsx").rename(path)
    ),
    "t.parquet": lambda path: FRAME.to_parquet(path),
    "t.Parquet": lambda path: FRAME.to_parquet(path),
    "t.csv.gz": packed(lambda file: FRAME.to_csv(file, index=False)),
    "t.TSV.GZ": packed(lambda file: FRAME.to_csv(file, index=False, sep="\t")),
    "t.json.gz": packed(lambda file: FRAME.to_json(file, orient="records")),
    "t.jsonl.gz": packed(lambda file: FRAME.to_json(file, orient="records", lines=True)),
    "parquet by another name.csv": lambda path: FRAME.to_parquet(path),
}


def rows_of(table):
    """Rows, with an empty cell of a workbook as the empty text that it is in csv."""
    return [{name: "" if cell is None else cell for name, cell in row.items()} for row in table.to_pylist()]


@pytest.mark.parametrize("name", SAVED)
def test_every_format_and_encoding_gives_the_same_rows(tmp_path, name):
    SAVED[name](tmp_path / name)
    assert rows_of(read_saved_table(tmp_path / name, FORM)) == ROWS
    assert ending_of(tmp_path / name) is not None


@pytest.mark.parametrize(("name", "sep"), [("t.csv", ","), ("t.csv", ";"), ("t.tsv", "\t")])
def test_chinese_in_gbk_is_read_with_a_word_on_it(tmp_path, caplog, name, sep):
    pd.DataFrame(CHINESE).assign(quality=1.0).to_csv(
        tmp_path / name, index=False, encoding="gbk", sep=sep, errors="ignore"
    )
    with caplog.at_level(logging.WARNING):
        table = read_saved_table(tmp_path / name, FORM)
    assert table["question"].to_pylist() == [row["question"] for row in CHINESE]
    assert f"{name} is not UTF-8 and was read as GBK" in caplog.text


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251", "shift_jis", "big5"])
def test_other_encodings_are_refused_and_never_read_as_chinese(tmp_path, encoding):
    words = {"latin-1": "été naïve à Noël", "cp1252": "été naïve à Noël", "cp1251": "Сколько коробок на рисунке?"}
    words |= {"shift_jis": "この絵に箱はいくつありますか", "big5": "圖中有幾個方框？紅色的在哪裡？"}
    (tmp_path / "t.csv").write_bytes(f"sample_id,question\n1,{words[encoding]}\n".encode(encoding))
    with pytest.raises(TableError, match=r"expected UTF-8 or UTF-16 text, found neither\. Save it as UTF-8"):
        read_saved_table(tmp_path / "t.csv", FORM)


TEXT = "sample_id,question\n1,a\n"
KOREAN = "sample_id,question\n1,그림에 상자가 몇 개 있습니까? 빨간 것은 어디에 있나요?\n"
JSON = '[{"sample_id": "1", "question": "a"}]'
SAVE = "Save it as UTF-8 (in a spreadsheet: CSV UTF-8)."
WIDE = {
    "utf-32": ("t.csv", TEXT.encode("utf-32"), f"found UTF-32. {SAVE}"),
    "utf-32 big": ("t.csv", b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"), f"found UTF-32. {SAVE}"),
    "no mark": ("t.csv", TEXT.encode("utf-16-le"), f"found UTF-16 without its mark. {SAVE}"),
    "no mark, big": ("t.tsv", TEXT.encode("utf-16-be"), f"found UTF-16 without its mark. {SAVE}"),
    "no mark, json": ("t.json", JSON.encode("utf-16-le"), f"found UTF-16 without its mark. {SAVE}"),
    "Korean": ("t.csv", KOREAN.encode("euc-kr"), f"may be Korean (EUC-KR) or Chinese (GBK). {SAVE}"),
    "Korean of Windows": ("t.csv", KOREAN.encode("cp949"), f"may be Korean (EUC-KR) or Chinese (GBK). {SAVE}"),
}


@pytest.mark.parametrize("case", WIDE)
def test_encodings_that_are_not_read_are_named_with_what_to_do(tmp_path, case):
    name, content, said = WIDE[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError) as caught:
        read_saved_table(tmp_path / name, FORM)
    assert said in str(caught.value)


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n', "SEP=;\n"])
def test_the_line_by_which_excel_states_the_separator_is_no_header(tmp_path, first):
    (tmp_path / "t.csv").write_bytes(f"{first}sample_id;question;quality\n1;a, b;0,5\n".encode())
    table = read_saved_table(tmp_path / "t.csv", FORM)
    assert table.to_pylist() == [{"sample_id": "1", "question": "a, b", "quality": 0.5}]
    (tmp_path / "t.csv").write_text(first)
    with pytest.raises(TableError, match="it is empty, where a header and rows were expected"):
        read_saved_table(tmp_path / "t.csv", FORM)


NO_WORKBOOK = {
    "web page": (b"<html><table><tr><td>sample_id</td></tr></table></html>", "it is a web page or XML. Open it in"),
    "csv": (TEXT.encode(), r"it is text. Name it \.csv, \.tsv or \.json"),
    "xls": (b"\xd0\xcf\x11\xe0" + bytes(600), "it is an xls file, or has a password. Save it as xlsx"),
    "nothing": (b"", "it is empty. Open it in a spreadsheet"),
    "other bytes": (b"\1\0\2", "it is no zip archive. Open it in a spreadsheet"),
    "cut short": (b"PK\3\4" + bytes(100), "File is not a zip file. Open it in a spreadsheet"),
}


@pytest.mark.parametrize("case", NO_WORKBOOK)
def test_what_is_called_xlsx_and_is_none_is_said_to_be_what_it_is(tmp_path, case):
    content, said = NO_WORKBOOK[case]
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(TableError, match=f"^ is not readable as xlsx: {said}"):
        read_saved_table(tmp_path / "t.xlsx", FORM)


def test_a_column_of_a_workbook_without_a_name_is_left_out_where_it_is_empty_and_else_refused(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["sample_id", None, "question"])
    book.active.append(["1", None, "a"])
    book.save(tmp_path / "t.xlsx")
    assert read_saved_table(tmp_path / "t.xlsx", FORM).column_names == ["sample_id", "question"]
    book.active.append(["2", "x", "b"])
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(TableError, match=r"found none in column 2, which is not empty\. Name it, or delete it"):
        read_saved_table(tmp_path / "t.xlsx", FORM)


def test_a_limit_is_told_with_what_to_do(tmp_path):
    (tmp_path / "t.csv").write_text(",".join(map(str, range(6000))) + "\n")
    with pytest.raises(TableError, match=r"more than 5,000 columns\. Leave out what is not needed, or divide it"):
        read_saved_table(tmp_path / "t.csv", FORM)


def test_a_row_beyond_the_longest_is_told_in_words_of_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK_BYTES", (2**10, 2**12))
    monkeypatch.setattr(json_rows, "BLOCK_BYTES", (2**10, 2**12))
    (tmp_path / "t.csv").write_text("sample_id,question\n1," + "x" * 10_000 + "\n")
    (tmp_path / "t.jsonl").write_text('{"sample_id": "' + "x" * 10_000 + '"}\n')
    for name in ("t.csv", "t.jsonl"):
        with pytest.raises(TableError, match=r"a row has more than [\d,]+ bytes\. Save images as files"):
            read_saved_table(tmp_path / name, FORM)


def test_a_number_in_the_place_of_a_text_is_its_text_in_every_format(tmp_path):
    frame = pd.DataFrame({"sample_id": [1, 2], "question": [10, 20], "quality": [0, 1]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_json(tmp_path / "t.json", orient="records")
    for path in tmp_path.iterdir():
        table = read_saved_table(path, FORM)
        assert table["sample_id"].to_pylist() == ["1", "2"] and table["question"].to_pylist() == ["10", "20"], path


def test_a_decimal_comma_is_read_only_where_no_comma_parts_columns(tmp_path):
    (tmp_path / "t.csv").write_text('sample_id,question,quality\n1,a,"0,5"\n')
    assert read_saved_table(tmp_path / "t.csv", FORM)["quality"].to_pylist() == ["0,5"]
    (tmp_path / "t.csv").write_text("sample_id;question;quality\n1;a;1.234,5\n")
    assert read_saved_table(tmp_path / "t.csv", FORM)["quality"].to_pylist() == ["1.234,5"]


def test_the_sheet_with_the_columns_is_read_and_two_are_not_guessed_between(tmp_path):
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame({"notes": ["hello"]}).to_excel(book, sheet_name="Notes", index=False)
        FRAME.to_excel(book, sheet_name="Data", index=False)
    assert rows_of(read_saved_table(tmp_path / "t.xlsx", FORM)) == ROWS
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        for name in ("Old", "New"):
            FRAME.to_excel(book, sheet_name=name, index=False)
    with pytest.raises(TableError, match=r"one sheet with the columns, found Old, New"):
        read_saved_table(tmp_path / "t.xlsx", FORM)


def test_rows_longer_than_a_block_are_read(tmp_path):
    long = "x" * 3_000_000
    with (tmp_path / "t.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([("sample_id", "question"), ("1", long), ("2", "b")])
    (tmp_path / "t.jsonl").write_text(json.dumps({"sample_id": "1", "question": long}) + "\n" + '{"sample_id": "2"}\n')
    for path in tmp_path.iterdir():
        assert read_saved_table(path, FORM)["question"][0].as_py() == long


def test_dates_in_json_stay_text(tmp_path):
    rows = [{"sample_id": "1", "question": "2024-01-01"}, {"sample_id": "2", "question": "2024-01-02T10:00:00Z"}]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    assert read_saved_table(tmp_path / "t.json", FORM).to_pylist() == rows


def test_images_that_stand_in_parquet_stay_as_they_are(tmp_path):
    cells = [{"bytes": b"\x89PNG", "path": "a.png"}, {"bytes": None, "path": "b.png"}]
    pq.write_table(pa.table({"sample_id": ["1", "2"], "image": cells}), tmp_path / "t.parquet")
    assert read_saved_table(tmp_path / "t.parquet", FORM)["image"].to_pylist() == cells
    pq.write_table(pa.table({"sample_id": ["1"], "image": [b"\x89PNG"]}), tmp_path / "t.parquet")
    assert read_saved_table(tmp_path / "t.parquet", FORM)["image"].to_pylist() == [b"\x89PNG"]


BAD = {
    "names that are no text.csv": (b"sample_id,qu\xff\xfestion\n1,a\n", "found neither"),
    "empty.csv": (b"", "not readable as csv"),
    "empty.json": (b"[]", "expected a list of rows"),
    "object.json": (b'{"sample_id": {"0": "a"}}', "orient='records'"),
    "numbers.json": (b"[1, 2]", "expected a list of rows"),
    "broken.json": (b"[{", "not readable as json"),
    "deep.json": (b"[" * 100_000, "not readable as json"),
    "twice.csv": (b"a,a\n1,2\n", "each column once, found a more than once"),
    "zeros.csv": (b"sample_id\0,question\n", "bytes that are none"),
    "half.csv": (b"\xff\xfes\0a\0", "less than two lines"),
    "odd.csv": (b"\xff\xfes\0a\0\n\0b", "begins as UTF-16 text, and is none"),
    "ragged.csv": (b"a,b\n1,2,3\n", "not readable as csv: expected 2 cells in every row as in the header, found 3"),
    "not packed.csv.gz": (b"sample_id\n", "not readable as csv.gz"),
    "cut.csv.gz": (gzip.compress(b"sample_id,question\n1,a\n" * 99)[:-20], "not readable as csv.gz"),
    "no book.xlsx": (b"sample_id", "not readable as xlsx"),
    "old.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "not readable as xlsx"),
    "no parquet.parquet": (b"sample_id", "not readable as parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_is_said_in_one_line(tmp_path, name):
    content, said = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=said) as caught:
        read_saved_table(tmp_path / name, FORM)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 300


def test_names_of_parquet_columns_that_are_no_text_are_said(tmp_path):
    pq.write_table(pa.table({"sample_id": ["1"], "qqqqqqqq": ["a"]}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes().replace(b"qqqqqqqq", b"qq\xff\xfeqqqq")
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TableError) as caught:
        read_saved_table(tmp_path / "t.parquet", FORM)
    assert len(str(caught.value).splitlines()) == 1


def test_a_packed_file_is_unpacked_up_to_the_limit_only(tmp_path):
    form = TableForm(texts=("question",), most_bytes=1_000_000, most_rows=10)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"question\n" + b"a\n" * 10_000_000))
    with pytest.raises(TableError, match="unpacks to more than 1 MiB"):
        read_saved_table(tmp_path / "t.csv.gz", form)
    pd.DataFrame({"question": ["x" * 100] * 30_000}).to_excel(tmp_path / "t.xlsx", index=False)
    with pytest.raises(TableError, match="unpacks to more than 1 MiB"):
        read_saved_table(tmp_path / "t.xlsx", form)
    pq.write_table(pa.table({"question": ["a"] * 11}), tmp_path / "t.parquet")
    with pytest.raises(TableError, match="11 rows; at most 10"):
        read_saved_table(tmp_path / "t.parquet", form)


@given(
    content=st.binary(max_size=200) | st.text(max_size=80).map(str.encode),
    ending=st.sampled_from(["csv", "json", "tsv", "jsonl", "xlsx", "parquet"]),
)
@examples(60)
def test_whatever_stands_in_a_file_it_is_a_table_or_one_line(tmp_path_factory, content, ending):
    path = tmp_path_factory.getbasetemp() / f"any.{ending}"
    path.write_bytes(content)
    try:
        read_saved_table(path, FORM)
    except TableError as error:
        assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [{"q": 1}, {"q": None}, {"q": 1.5}, {"q": "1"}],
            r', row 4: expected a number in "q" as in row 1, found a text',
        ),
        ([{"q": ["a"]}, {"q": "a|b"}], r', row 2: expected a list in "q" as in row 1, found a text'),
        ([{"q": ["a"]}, {"q": [1]}], r', row 2: expected a text in "q" as in row 1, found a number'),
        ([{"q": True}, {"q": {"a": 1}}], r', row 2: expected a true or false in "q" as in row 1, found a object'),
    ],
)
def test_a_cell_of_another_kind_is_named_with_its_row(tmp_path, rows, said):
    # Longer than a block that the fast reader would take by itself: it loses the cell there, or ends the process.
    rows = [*rows[:-1], *({"long": "x" * 2**16} for _ in range(40)), rows[-1]]
    said = re.sub(r"row (\d)", f"row {len(rows)}", said, count=1)
    (tmp_path / "t.json").write_text(json.dumps(rows))
    (tmp_path / "t.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    for name in ("t.json", "t.jsonl"):
        with pytest.raises(TableError, match=said):
            read_saved_table(tmp_path / name, FORM)


@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_a_key_twice_is_refused_with_its_row(tmp_path, name):
    rows = ['{"sample_id": "1", "quality": 1}', '{"sample_id": "2", "quality": 1, "quality": 0}']
    (tmp_path / name).write_text(f"[{','.join(rows)}]" if name == "t.json" else "\n".join(rows))
    with pytest.raises(
        TableError, match=', row 2: expected each key once in an object, found "quality" more than once'
    ):
        read_saved_table(tmp_path / name, FORM)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"q": 1}\n{"q":\n', r", row 2, is not readable as json: "),
        ('{"q": 1}\n[2]\n', r", row 2: expected an object with the columns, found a list\."),
        ("[" * 100_000, r" is not read"),
    ],
)
def test_rows_that_are_no_json_are_named(tmp_path, text, said):
    for name in ("t.json", "t.jsonl"):
        (tmp_path / name).write_text(text)
        with pytest.raises(TableError, match=said) as caught:
            read_saved_table(tmp_path / name, FORM)
        assert "recursion" not in str(caught.value) and str(caught.value).endswith(".")

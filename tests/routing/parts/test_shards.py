"""Which tables an input names, and any of their rows, whatever they are saved as."""

import codecs
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.core.errors import SourceError
from vlrouterbench.routing.limits import UNLIMITED, QuestionError
from vlrouterbench.routing.parts.shard_rows import ShardReader, id_of
from vlrouterbench.routing.parts.shards import find_shards
from vlrouterbench.routing.question_table import read_question_table, read_questions

ROWS = [{"sample_id": f"s{number}", "question": f"What is {number}?", "hint": None} for number in range(50)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same fifty rows in three formats, the parquet file in row groups of seven."""
    folder = tmp_path_factory.mktemp("shards")
    table = pa.Table.from_pylist(ROWS, pa.schema([(name, pa.string()) for name in ROWS[0]]))
    pq.write_table(table, folder / "a.parquet", row_group_size=7)
    lines = ["sample_id,question,hint", *(f"{row['sample_id']},{row['question']}," for row in ROWS)]
    (folder / "b.csv").write_text("\n".join(lines))
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (folder / "notes.json").write_text("{}")
    (folder / ".d.parquet").write_text("hidden")
    (folder / "below").mkdir()
    (folder / "below" / "e.csv").write_text("question\nWhy?\n")
    return folder


def test_a_folder_names_its_own_tables_and_a_pattern_those_that_fit(folder, monkeypatch):
    assert find_shards(folder).names == ("a.parquet", "b.csv", "c.jsonl")
    assert find_shards(folder / "*.csv").names == ("b.csv",)
    assert find_shards(folder / "**" / "*.csv").names == ("b.csv", "below/e.csv")
    assert find_shards(folder / "b.csv").names == ("b.csv",)
    monkeypatch.chdir(folder)
    assert find_shards((folder / "below" / "..").relative_to(folder) / "*.csv").names == ("b.csv",)
    assert find_shards(folder / "*.csv").root == folder


def test_a_benchmark_is_its_samples(simulated_folder):
    names = find_shards(simulated_folder).names
    assert names and all(name.endswith(".parquet") for name in names)
    assert sum(ShardReader(simulated_folder / "data").content(name).rows for name in names) == 400


def test_what_names_no_table_is_refused(folder, tmp_path):
    for nothing in (tmp_path, tmp_path / "*.parquet", tmp_path / "none.parquet"):
        with pytest.raises(SourceError, match="expected tables of questions, found no file"):
            find_shards(nothing)
    with pytest.raises(SourceError, match=r"found .*\.d\.parquet|found .*notes\.txt"):
        (tmp_path / "notes.txt").write_text("")
        find_shards(tmp_path / "*.txt")


@pytest.mark.hypothesis
@examples(20)
@given(st.integers(0, 50), st.integers(0, 50))
def test_any_rows_of_a_shard_are_those_rows_in_every_format(folder, first, second):
    start, stop = sorted((first, second))
    for name in ("a.parquet", "b.csv", "c.jsonl"):
        rows = list(ShardReader(folder).rows(name, start, stop))
        assert [(row["sample_id"], row["question"]) for row in rows] == [
            (row["sample_id"], row["question"]) for row in ROWS[start:stop]
        ]


def test_ids_are_stated_or_the_number_among_all_rows(folder):
    for name in ("a.parquet", "b.csv", "c.jsonl"):
        assert sum(ShardReader(folder).ids(name, 50, 100), []) == [row["sample_id"] for row in ROWS]
    assert sum(ShardReader(folder).ids("below/e.csv", 1, 100), []) == ["101"]
    pq.write_table(pa.table({"question": ["a", "b"]}), folder / "below" / "f.parquet")
    assert sum(ShardReader(folder).ids("below/f.parquet", 2, 7), []) == ["8", "9"]
    assert [id_of({"sample_id": cell}, 3) for cell in (7, " x ", "", None, [1])] == ["7", "x", "3", "3", "3"]


def test_a_shard_that_is_shorter_than_it_was_is_an_error(folder):
    for name in ("a.parquet", "b.csv"):
        with pytest.raises(SourceError, match=r"expected 60 rows, found fewer\. It changed"):
            list(ShardReader(folder).rows(name, 40, 60))


def test_a_shard_that_is_no_table_of_questions_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "b.csv").write_text("text\nWhy?\n")
    for name, said in (("a.parquet", r"a\.parquet"), ("b.csv", "needs a column question")):
        with pytest.raises(SourceError, match=said):
            ShardReader(tmp_path).content(name)


def _said(read, *given):
    with pytest.raises((SourceError, QuestionError)) as error:
        read(*given)
    return str(error.value).split("The table", 1)[1]


def test_what_one_table_is_refused_for_is_said_alike_in_parts(tmp_path):
    names = ["question", "question"]
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names), tmp_path / "twice.parquet")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "plain.csv.gz").write_text("question\nWhy?\n")
    rows = b'{"question":1,"hint":"h"}\n{"question":"q2","hint":"h","hint":"k"}\n'
    (tmp_path / "marked.jsonl").write_bytes(codecs.BOM_UTF8 + b"\n" + rows)
    for path, said in (
        ("twice.parquet", "expected each column once, found question more than once"),
        ("empty.csv", "it is empty, where a header and rows were expected"),
        ("plain.csv.gz", "incorrect header check"),
        ("marked.jsonl", 'found "hint" more than once'),
    ):
        alone = _said(read_question_table, tmp_path / path, UNLIMITED)
        assert said in alone and _said(ShardReader(tmp_path).content, path).startswith(alone.rstrip(".")), path


def test_rows_of_mixed_kinds_after_a_mark_and_an_empty_line_are_read(tmp_path):
    rows = [{"question": 1, "hint": "h"}, {"question": "q2", "hint": "h"}]
    lines = "\n".join(["", *map(json.dumps, rows)])
    (tmp_path / "m.jsonl").write_bytes(codecs.BOM_UTF8 + lines.encode())
    reader = ShardReader(tmp_path)
    assert reader.content("m.jsonl").rows == 2 and list(reader.rows("m.jsonl", 0, 2)) == rows


def test_another_encoding_is_said_once_whoever_reads_it_again(tmp_path, caplog):
    (tmp_path / "g.csv").write_bytes("question\n图中有几只猫在睡觉\n".encode("gbk"))
    first = ShardReader(tmp_path)
    assert first.content("g.csv").rows == 1
    again = ShardReader(tmp_path, first.pieces)
    assert list(again.rows("g.csv", 0, 1)) == list(first.rows("g.csv", 0, 1))
    assert caplog.text.count("was read as GBK") == 1


@pytest.mark.parametrize("content", [b"rubbish" * 9, b"PAR1" + b"rubbish" * 9, b"PAR1" + b"rubbish" * 9 + b"PAR1", b""])
def test_a_damaged_parquet_file_is_said_to_be_one_whatever_its_bytes(tmp_path, content):
    (tmp_path / "q.parquet").write_bytes(content)
    plain = (
        r"q\.parquet: The table is not readable as parquet: it is cut off, damaged, or something else \(Parquet .*\)\. "
    )
    with pytest.raises(SourceError, match=plain + "Save or fetch it again") as raised:
        ShardReader(tmp_path).content("q.parquet")
    with pytest.raises(QuestionError) as alone:
        read_questions(tmp_path / "q.parquet")
    assert str(alone.value).rstrip(".") in str(raised.value)


def test_a_table_that_is_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("question\nWhy?\n")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert find_shards(tmp_path).names == ("a.csv", "b.csv")
    (tmp_path / "c.csv").symlink_to(tmp_path / "gone.csv")
    for source in (tmp_path, tmp_path / "*.csv"):
        with pytest.raises(SourceError, match=r"found a link to nothing: .*c\.csv\. Mend or remove it"):
            find_shards(source)

"""Tables of questions: cells stay text, options in two spellings, large files are not read."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.routing.limits import UNLIMITED, QuestionError
from vlrouterbench.routing.question_table import checked_question, given_ids, read_questions


def test_cells_stay_text_and_parquet_gives_the_same_rows(tmp_path):
    rows = [{"sample_id": "007", "question": "None"}, {"sample_id": "1e3", "question": "NA"}]
    table = tmp_path / "table.csv"
    table.write_text("sample_id,question\n007,None\n1e3,NA\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
    assert read_questions(table) == read_questions(tmp_path / "table.parquet") == rows


def test_options_are_a_list_or_parted_by_bars():
    for options in ("red | blue", ["red", "blue"]):
        assert checked_question({"question": "Q?", "options": options}, 1).options == ("red", "blue")


def test_a_small_parquet_file_of_many_rows_is_not_read(tmp_path):
    pq.write_table(pa.table({"question": ["same"] * 100_000}), tmp_path / "many.parquet")
    assert (tmp_path / "many.parquet").stat().st_size < 10_000
    with pytest.raises(QuestionError, match="100,000 rows"):
        read_questions(tmp_path / "many.parquet")


@pytest.mark.parametrize("bad", [{"options": "no list"}, {"options": {"a": 1}}, {"question": ["b"]}, {"hint": {}}])
@pytest.mark.parametrize("name", ["t.json", "t.jsonl"])
def test_a_cell_of_another_kind_in_json_costs_its_row_alone(tmp_path, name, bad):
    good = {"sample_id": 7, "question": "a", "options": ["x", "y"], "hint": "h"}
    rows = [good, good | {"sample_id": "8", "options": "x|y"}, good | bad]
    text = json.dumps(rows) if name == "t.json" else "\n".join(map(json.dumps, rows))
    (tmp_path / name).write_text(text)
    read = read_questions(tmp_path / name)
    assert [checked_question(row, 1).options for row in read[:2]] == [("x", "y")] * 2
    assert [checked_question(row, 1).sample_id for row in read[:2]] == ["7", "8"]
    with pytest.raises(RouterInputError, match="expected"):
        checked_question(read[2], 3)


def test_a_row_without_an_id_is_not_called_as_another_row_is(tmp_path):
    rows = [{"sample_id": None, "question": "a"}, {"sample_id": "1", "question": "b"}, {"question": "c"}]
    ids = given_ids([*rows, {"sample_id": "row 3"}, {"sample_id": 3}])
    assert ids == {"1", "row 3", "3"}
    named = [checked_question(row, number, taken=ids).sample_id for number, row in enumerate(rows, start=1)]
    assert named == ["row 1", "1", "row row 3"]
    assert checked_question({"question": "d"}, 4, taken=ids).sample_id == "4"


@pytest.mark.parametrize("content", ["question,hint\n", "hint\n"])
def test_a_table_without_a_row_is_said_to_have_none(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    said = "no row: expected a question" if "question" in content else "needs a column question"
    with pytest.raises(QuestionError, match=said):
        read_questions(tmp_path / "t.csv", UNLIMITED)


def test_what_is_no_table_is_said_in_whole_sentences(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"question": "a"}\n{"question":\n')
    with pytest.raises(
        QuestionError, match=r"^The table, row 2, is not readable as json: .*\. Tables are read from .* files\.$"
    ):
        read_questions(tmp_path / "t.jsonl")

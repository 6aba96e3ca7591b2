"""Tables of questions: cells stay text, options in two spellings, large files are not read."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vlrouterbench.routing.limits import QuestionError
from vlrouterbench.routing.question_table import checked_question, read_questions


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

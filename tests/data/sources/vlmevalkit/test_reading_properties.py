"""Generated cells through the three readers: text stays the text it is, and the three formats give one table.

Exceptions, which are the formats' own and stated by tests here:
- xlsx holds at most 32,767 characters in a cell and no control characters, writes a carriage return as an escape, takes
  "_x0041_" for such an escape, and keeps no cell of white space alone.
- A number or truth value that a spreadsheet holds as one is read as its text: "7", not "7.0".
- A formula is never computed: the cell is what the program that saved the file had stored beside it, or empty.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.data.sources.vlmevalkit.log_cells import ANY_TEXT, TEXT, WRITERS, write_json, write_text_xlsx
from tests.data.sources.vlmevalkit.log_trees import write_tsv, write_xlsx
from tests.series import examples
from vlrouterbench.data.sources.vlmevalkit.reading import read_text_table

XLSX_CHARACTERS = 32_767
NAMES = st.lists(st.sampled_from(["index", "prediction", "a b", "Antwort (ü)", "A"]), min_size=1, unique=True)


@st.composite
def tables(draw, cells=TEXT):
    """Records of text with the same columns, the first of which numbers the rows."""
    names = draw(NAMES)
    count = draw(st.integers(1, 5))
    return [{name: draw(cells) if n else f"{row}" for n, name in enumerate(names)} for row in range(count)]


def as_read(rows):
    """What a reader should give: empty cells are null."""
    return [{name: cell or None for name, cell in row.items()} for row in rows]


few = examples(60)


@given(rows=tables())
@example(rows=[{"index": "0", "prediction": "=1+1"}, {"index": "1", "prediction": "line one\nline two\t'q' \"r\""}])
@example(rows=[{"index": "0", "prediction": "\U0001f600 \u202e\u0301"}, {"index": "1", "prediction": "None"}])
@example(rows=[{"index": "0", "prediction": "x" * XLSX_CHARACTERS}])
@few
def test_text_is_read_as_it_was_written_and_the_same_in_every_format(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("cells")
    tables = [read_text_table(write(folder / f"a.{suffix}", rows)) for suffix, write in WRITERS.items()]
    assert [table.column_names for table in tables] == [list(rows[0])] * 3
    assert [table.to_pylist() for table in tables] == [as_read(rows)] * 3


@pytest.mark.parametrize("suffix", ["tsv", "json"])
@given(rows=tables(ANY_TEXT))
@example(rows=[{"index": "0", "prediction": "word " * 40_000}, {"index": "1", "prediction": "_x0041_\r"}])
@few
def test_what_xlsx_cannot_hold_is_read_as_it_was_written_from_the_others(tmp_path_factory, suffix, rows):
    path = WRITERS[suffix](tmp_path_factory.mktemp("cells") / f"a.{suffix}", rows)
    assert read_text_table(path).to_pylist() == as_read(rows)


@pytest.mark.parametrize("text", [" ", "\n", " \t "])
def test_a_cell_of_white_space_alone_is_empty_in_xlsx_and_text_elsewhere(tmp_path, text):
    tables = [
        read_text_table(write(tmp_path / f"a.{suffix}", [{"index": "0", "prediction": text}]))
        for suffix, write in WRITERS.items()
    ]
    assert [table["prediction"].to_pylist() for table in tables] == [[None], [text], [text]]


def test_a_carriage_return_and_an_escape_are_what_the_format_says_they_are(tmp_path):
    path = write_text_xlsx(tmp_path / "a.xlsx", [{"index": "0", "prediction": "one_x000D_two"}])
    assert read_text_table(path)["prediction"].to_pylist() == ["one\rtwo"]


@given(value=st.integers(-(10**14), 10**14) | st.floats(-1e6, 1e6).map(lambda number: round(number, 6)))
@few
def test_a_number_is_its_text_in_every_format(tmp_path_factory, value):
    """But for the ".0" of a whole number: a spreadsheet has one kind of number, so 7 and 7.0 are the same cell."""
    folder = tmp_path_factory.mktemp("numbers")
    paths = [
        write_xlsx(folder / "a.xlsx", [["index", "hit"], [1, value]]),
        write_tsv(folder / "a.tsv", [{"index": 1, "hit": value}]),
        write_json(folder / "a.json", [{"index": 1, "hit": value}]),
    ]
    texts = [read_text_table(path)["hit"].to_pylist()[0] for path in paths]
    assert [float(text) for text in texts] == [value] * 3
    assert texts[1] == texts[2] == str(value)


@pytest.mark.parametrize("formula", ["=1+1", '=HYPERLINK("http://localhost/","A")', "=cmd|' /C calc'!A0"])
def test_a_formula_is_never_computed(tmp_path, formula):
    path = write_xlsx(tmp_path / "a.xlsx", [["index", "prediction"], [1, formula], [2, "B"]])
    assert read_text_table(path)["prediction"].to_pylist() == [None, "B"]

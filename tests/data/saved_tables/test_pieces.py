"""A table of text in pieces gives what it gives as a whole, whatever stands in its cells and wherever it is cut."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.series import examples
from vlrouterbench.data.saved_tables import cutting
from vlrouterbench.data.saved_tables.cutting import cut_table
from vlrouterbench.data.saved_tables.form import TableError
from vlrouterbench.data.saved_tables.pieces import MIXED, Pieces, opened_table
from vlrouterbench.routing.limits import UNLIMITED, QuestionError
from vlrouterbench.routing.question_table import not_a_table, question_form, read_question_table

FORM = question_form(UNLIMITED)
CSV_CELLS = ("a", '"x"', '5" pipe', '"q""z"', '"a\nb"', '"a,b"', '""', "", "é", '"é\r\n"', 'x"y"z', " ", "7")
JSON_CELLS = {
    "question": ("a", "2020-01-01", None, 7, 2.5, 'a"b', "x\ny"),
    "sample_id": (1, 2.5, None, 12345678901234567),
    "options": (["a", "b"], ["2020-01-01"], [], None, {"A": "x"}, {"B": "2020-01-01", "C": None}),
    "other": (1, "x", True),
}


@pytest.fixture(autouse=True, scope="module")
def small_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "PIECE_BYTES", 60)
        yield


def whole(path):
    """The rows and columns of a table that is read at once, or what is wrong with it."""
    try:
        table = read_question_table(path, UNLIMITED)
        return [plain(row) for row in table.rows()], set(table.columns)
    except QuestionError as error:
        return str(error), None


def in_pieces(path, start=0, stop=None):
    """The same by pieces that were found, written down and read again."""
    try:
        table = cut_table(path, FORM)
    except TableError as error:
        return str(not_a_table(error)), None
    found = Pieces.from_dict(json.loads(json.dumps(table.found.as_dict())))
    assert found == table.found
    again = opened_table(path, FORM, found)
    rows = [plain(row) for row in again.rows(start, len(found) if stop is None else stop, None, 3)]
    again.close()
    return rows, set(found.columns)


def plain(row):
    """A row less what is nothing, and less the count that no delimited table has a use for."""
    return {
        name: cell for name, cell in row.items() if cell is not None and name in FORM.known and name != "num_images"
    }


@pytest.mark.hypothesis
@examples(60)
@given(
    st.lists(st.tuples(*[st.sampled_from(CSV_CELLS)] * 3), max_size=20),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\ufeff", "sep=,\n"]),
    st.booleans(),
    st.integers(0, 20),
)
def test_delimited_text_is_the_same_in_pieces(tmp_path_factory, rows, line_end, before, packed, start):
    lines = ["sample_id,question,other,num_images", *(",".join((*row, str(place))) for place, row in enumerate(rows))]
    text = (before + line_end.join(lines)).encode()
    path = tmp_path_factory.getbasetemp() / f"t.csv{'.gz' * packed}"
    path.write_bytes(gzip.compress(text) if packed else text)
    expected = whole(path)
    assert in_pieces(path) == expected
    if isinstance(expected[0], list):
        assert in_pieces(path, start, start + 5)[0] == expected[0][start : start + 5]


@pytest.mark.hypothesis
@examples(60)
@given(st.data(), st.sampled_from(["\n", "\r\n", "\n\n"]), st.integers(0, 20))
def test_lines_of_json_are_the_same_in_pieces(tmp_path_factory, data, line_end, start):
    kinds = {name: data.draw(st.lists(st.sampled_from(cells), min_size=1)) for name, cells in JSON_CELLS.items()}
    row = st.fixed_dictionaries({}, optional={name: st.sampled_from(cells) for name, cells in kinds.items()})
    rows = [{"question": "Why?"}, *data.draw(st.lists(row, max_size=20))]
    path = tmp_path_factory.getbasetemp() / "t.jsonl"
    path.write_text(line_end.join(json.dumps(row, ensure_ascii=False) for row in rows))
    expected = whole(path)
    assert in_pieces(path) == expected
    assert in_pieces(path, start, start + 5)[0] == expected[0][start : start + 5]


def test_a_table_has_many_pieces_that_hold_each_row_once(tmp_path):
    (tmp_path / "q.csv").write_text("question\n" + "".join(f'"What is\n{number}?"\n' for number in range(40)))
    found = cut_table(tmp_path / "q.csv", FORM).found
    assert len(found.pieces) > 8 and len(found) == 40
    assert all(one.stop == other.start for one, other in zip(found.pieces, found.pieces[1:], strict=False))
    assert found.pieces[-1].stop == (tmp_path / "q.csv").stat().st_size


def test_no_more_than_the_pieces_that_are_asked_for_is_parsed(tmp_path):
    rows = [{"question": f"What is {number}?"} for number in range(40)]
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = cut_table(path, FORM).found
    content = bytearray(path.read_bytes())
    content[: found.pieces[-2].start] = b"?" * found.pieces[-2].start
    path.write_bytes(content)
    assert list(opened_table(path, FORM, found).rows(39, 40, None, 3)) == rows[39:]
    with pytest.raises(TableError, match="is not readable as jsonl"):
        list(opened_table(path, FORM, found).rows(0, 1, None, 3))


def test_what_is_not_in_utf_8_is_cut_as_its_text(tmp_path):
    lines = ["question", *("这是什么颜色的图" for _ in range(30))]
    for name, encoding in (("a.csv", "gb18030"), ("b.csv", "utf-16"), ("c.csv", "utf-8-sig")):
        (tmp_path / name).write_bytes("\n".join(lines).encode(encoding))
        assert in_pieces(tmp_path / name) == whole(tmp_path / name) and len(whole(tmp_path / name)[0]) == 30
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode("gb18030")))
    assert in_pieces(tmp_path / "d.csv.gz", 28) == (whole(tmp_path / "a.csv")[0][28:], {"question"})


def test_a_table_that_changed_is_an_error(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("question\n" + "Why?\n" * 40)
    table = cut_table(path, FORM)
    path.write_text("question\n" + "W\n\n?\n" * 40)
    with pytest.raises(TableError, match=r"expected 1\d rows in a piece of it, found 2\d\. It changed"):
        list(table.rows(0, 1, None, 3))


def test_cells_of_several_kinds_far_from_each_other_leave_rows_as_they_are(tmp_path):
    path = tmp_path / "q.jsonl"
    rows = [{"question": "Why?", "options": ["a", "b"] if number < 39 else "a|b"} for number in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert cut_table(path, FORM).found.kind == MIXED and in_pieces(path) == (rows, {"question", "options"})


def test_lists_of_json_have_no_pieces(tmp_path):
    (tmp_path / "q.json").write_text('[{"question": "Why?"}]')
    assert cut_table(tmp_path / "q.json", FORM) is None

"""What the tags of a sheet show, found by whole arrays, is what reading them one by one shows."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.data.saved_tables.sheet_cells import cells_of
from vlrouterbench.data.saved_tables.workbook_scan import WorkbookScan

HEAD, FOOT = b"<worksheet><sheetData>" + b" " * 64, b"</sheetData></worksheet>" + b" " * 128
SHEET = "xl/worksheets/sheet1.xml"
TYPED = re.compile(rb'<c r="A(\d+)"(?: s="\d+")?(?: t="(\w+)")?')

letters = st.sampled_from(["A", "B", "C", "Z"])
attributes = st.sampled_from(
    ["", ' t="n"', ' t="s"', ' t="inlineStr"', ' t="str"', ' s="1"', ' s="12" t="s"', ' s="3" t="n"']
)
values = st.sampled_from(["<v>5</v>", "", "<is><t>x = 5, t=s</t></is>", '<is><t>"AB" r=3</t></is>', "<v>12.0</v>"])
cells = st.tuples(letters, st.integers(1, 99_999), attributes, values)


def sheet(found):
    tags = [f'<row r="{row}"><c r="{letter}{row}"{kind}>{value}</c></row>' for letter, row, kind, value in found]
    return HEAD + "".join(tags).encode() + FOOT


@settings(max_examples=60, deadline=None)
@given(st.lists(cells, min_size=1, max_size=12))
def test_kinds_of_the_first_column_are_those_of_its_tags_below_the_header(found):
    content = sheet(found)
    one_by_one = {kind not in (b"", b"n") for row, kind in TYPED.findall(content) if row != b"1"}
    shown = cells_of(content)
    assert shown.are_texts == one_by_one, content
    assert shown.num_tags == content.count(b"<") and not shown.may_be_far


@settings(max_examples=40, deadline=None)
@given(st.lists(cells, min_size=2, max_size=12), st.integers(1, 400))
def test_a_sheet_that_comes_in_pieces_shows_what_it_shows_whole(found, length):
    content = sheet(found)
    scan = WorkbookScan()
    length = max(length, 64)
    for start in range(0, len(content), length):
        scan.see(SHEET, content[start : start + length])
    scan.end()
    assert scan.are_texts(SHEET) == cells_of(content).are_texts


@pytest.mark.parametrize(
    "tag",
    [
        '<c r="AA1">',
        '<c r="XFD1048576">',
        '<c r="A100000">',
        '<row r="100000">',
        "<c r='AA1'>",
        '<c r = "AA1">',
        '<c r ="AA1">',
        '<c r=" AA1">',
        '<c\nr\n=\n"AA1">',
    ],
)
def test_cells_far_out_or_of_unusual_spelling_may_be_far(tag):
    assert cells_of(
        sheet([("A", 2, "", "<v>1</v>")]).replace(b"</sheetData>", tag.encode() + b"</sheetData>")
    ).may_be_far


@pytest.mark.parametrize(
    "tag", ['<c r="Z99999" s="2">', '<row r="99999" spans="1:26">', "<t>x = AB, r=AA1 or y='AA'</t>"]
)
def test_cells_within_the_usual_range_are_not_far(tag):
    content = sheet([("A", 2, "", "<v>1</v>")]).replace(b"</sheetData>", tag.encode() + b"</sheetData>")
    assert not cells_of(content).may_be_far

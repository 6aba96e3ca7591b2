"""What was asked: indices, options, images of other rows, circular groups."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.sources.vlmevalkit.log_trees import picture
from tests.series import examples
from vlrouterbench.data.sources.vlmevalkit.questions import CellImage, QuestionSet, is_main_row, normalize_index

PICTURE, OTHER = picture(), picture((0, 0, 200))


def asked(*rows, circular=False):
    questions = QuestionSet(keep=bytes, find=Path)
    questions.add(list(rows), circular=circular)
    return questions


def bytes_of(text):
    return base64.b64decode(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.0", "12"),
        ("12.000", "12"),
        (" 12 ", "12"),
        ("12.5", "12.5"),
        ("007", "007"),
        ("VS_chart_2.0", "VS_chart_2.0"),
        (None, None),
        ("  ", None),
    ],
)
def test_an_index_that_a_spreadsheet_made_a_number_is_itself_again(value, expected):
    assert normalize_index(value) == expected


@given(st.integers(0, 10**9))
@examples(40)
def test_an_index_is_the_same_as_integer_and_as_float(number):
    assert normalize_index(str(number)) == normalize_index(str(float(number))) == str(number)


@given(st.text(max_size=8))
@examples(60)
def test_any_text_may_be_an_index(text):
    index = normalize_index(text)
    if index is not None:
        assert normalize_index(index) == index
        assert isinstance(is_main_row(index), bool)


@pytest.mark.parametrize("index", ["²", "١٢", "①", "9" * 5000])
def test_digits_of_other_scripts_do_not_stop_the_reader(index):
    assert isinstance(is_main_row(index), bool)


@pytest.mark.parametrize(("index", "main"), [("4223", True), ("1004223", False), ("999999", True), ("1000000", False)])
def test_the_main_row_of_a_circular_group_is_below_a_million(index, main):
    assert is_main_row(index) is main


def test_only_main_rows_of_a_circular_dataset_are_samples():
    rows = [{"index": "7", "question": "q"}, {"index": "1000007", "question": "q"}]
    assert list(asked(*rows, circular=True).by_index) == ["7"]
    assert list(asked(*rows).by_index) == ["7", "1000007"]


def test_the_first_source_of_a_question_stands():
    questions = asked({"index": "1", "question": "with image", "image": PICTURE})
    questions.add([{"index": "1.0", "question": "again"}, {"index": "2", "question": None}], circular=False)
    assert [(q.question, q.hint) for q in questions.by_index.values()] == [("with image", ""), ("", "")]


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ({"A": "red", "B": "blue", "C": None}, ["red", "blue"]),
        ({"A": "1", "D": "4"}, ["1", "4"]),
        ({"choices": "['x', 'y']"}, ["x", "y"]),
        ({"choices": "[1, 2.5]"}, ["1", "2.5"]),
        ({"choices": "[]"}, []),
        ({"choices": "['x', "}, []),
        ({"choices": "[{[]: 1}]"}, []),
        ({"choices": "x or y"}, []),
        ({}, []),
    ],
)
def test_options_are_lettered_columns_or_a_list(row, options):
    assert asked({"index": "1", "question": "q"} | row).by_index["1"].options == options


def test_an_image_cell_is_base64():
    assert asked({"index": "1", "image": PICTURE}).image_of("1") == CellImage(bytes_of(PICTURE))


@pytest.mark.parametrize("reference", ["1", "1.0"])
def test_a_short_image_cell_is_the_index_of_another_row(reference):
    questions = asked({"index": "1", "image": PICTURE}, {"index": "2", "image": reference})
    assert questions.image_of("2") == CellImage(bytes_of(PICTURE))


def test_a_reference_may_lead_to_a_reference():
    questions = asked({"index": "3", "image": "2"}, {"index": "2", "image": "1"}, {"index": "1", "image": PICTURE})
    assert questions.image_of("3").reference == bytes_of(PICTURE)


@pytest.mark.parametrize(
    ("cell", "is_named"),
    [(None, False), ("", False), ("[]", False), ("9", True), ("1", True)],
    ids=["null", "empty", "no picture", "unknown", "itself"],
)
def test_a_row_without_a_picture_says_so_and_whether_it_named_one(cell, is_named):
    image = asked({"index": "1", "image": cell}).image_of("1")
    assert image.reference is None and image.problem and image.further == ()
    assert image.is_named is is_named


def test_of_several_pictures_all_are_kept_in_their_order():
    cell = str([PICTURE, OTHER, OTHER])
    kept = CellImage(bytes_of(PICTURE), further=(bytes_of(OTHER), bytes_of(OTHER)))
    assert asked({"index": "1", "image": cell}).image_of("1") == kept


@pytest.mark.parametrize("cell", ["[" + "x" * 100, "[{[]: 1}]" + " " * 80, "[" * 5000, "[1" + "+1" * 50])
def test_a_list_that_cannot_be_read_is_a_problem_not_a_crash(cell):
    image = asked({"index": "1", "image": cell}).image_of("1")
    assert image.reference is None and image.problem


def test_text_that_is_no_base64_is_a_problem_not_a_crash():
    image = asked({"index": "1", "image": "né" * 60}).image_of("1")
    assert image.reference is None and "not valid base64" in image.problem

"""Kinds of grading: labels by hand, and what holds for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.measuring.grading.kinds import RULES, Gold, check_gold, grade, last_number, parse_grading

OPTIONS = ("a red car", "a blue boat", "nothing")


@pytest.mark.parametrize(
    ("kind", "prediction", "answers", "quality"),
    [
        ("choice", "B", "B", 1),
        ("choice", "The answer is (B).", "a blue boat", 1),
        ("choice", "It shows a blue boat", "b", 1),
        ("choice", "A or B", "B", 0),
        ("choice", "", "B", 0),
        ("yes-no", "Yes, it is.", "yes", 1),
        ("yes-no", "No", "Yes", 0),
        ("yes-no", "yes and no", "yes", 0),
        ("yes-no", "I know nothing", "no", 0),
        ("exact", " Paris. ", "paris", 1),
        ("exact", "Paris, France", "paris", 0),
        ("exact", "NYC", ("New York", "nyc"), 1),
        ("numeric", "So 3 + 4 = 7", "7", 1),
        ("numeric", "1,234.5 km", "1234.5", 1),
        ("numeric", "12%", "0.12", 1),
        ("numeric", "seven", "7", 0),
        ("numeric", "7.1", "7", 0),
        ("numeric=0.05", "7.1", "7", 1),
        ("numeric=0.05", "7.4", "7", 0),
        ("numeric", "-3", "3", 0),
        ("relaxed", "104", "100", 1),
        ("relaxed", "106", "100", 0),
        ("relaxed", "Blue", "blue", 1),
        ("vqa", "two", "2", 1),
        ("vqa", "a dog", ("dog",) * 10, 1),
        ("vqa", "dog", ("dog",) * 3 + ("cat",) * 7, 0.9),
        ("anls", "hallo", "hello", 0.8),
        ("anls", "bye", "hello", 0),
        ("ocrbench", "it says STOP here", "stop", 1),
        ("contains", "It is a  Red   car.", "red car", 1),
        ("contains", "It is red", "red car", 0),
    ],
)
def test_labels_are_those_worked_out_by_hand(kind, prediction, answers, quality):
    grading = parse_grading(kind)
    gold = Gold(answers if isinstance(answers, tuple) else (answers,), OPTIONS, tolerance=grading.tolerance)
    assert not check_gold(grading.kind, gold)
    assert grade(grading.kind, prediction, gold) == pytest.approx(quality)


@pytest.mark.parametrize(
    ("kind", "gold", "said"),
    [
        ("exact", Gold(()), "expected a gold answer"),
        ("choice", Gold(("A",)), "expected 2 to 26 options"),
        ("choice", Gold(("D",), OPTIONS), "expected an option or its letter"),
        ("yes-no", Gold(("maybe",)), "expected yes or no"),
        ("numeric", Gold(("many",)), "expected a number"),
    ],
)
def test_a_gold_answer_that_a_kind_cannot_use_is_named(kind, gold, said):
    assert said in check_gold(kind, gold)


@pytest.mark.parametrize("text", ["choise", "exact=0.1", "numeric=-1", "numeric=x"])
def test_a_kind_that_is_none_is_refused(text):
    with pytest.raises(VLRouterBenchError):
        parse_grading(text)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(RULES)), st.text(max_size=60), st.text(max_size=20), st.sampled_from(["A", "yes", "7", "x"])
)
def test_any_text_gets_a_quality_and_the_gold_answer_itself_the_full_one(kind, prediction, more, answer):
    gold = Gold((answer,), OPTIONS)
    assert 0 <= grade(kind, prediction + more, gold) <= 1
    if not check_gold(kind, gold):
        assert grade(kind, answer, gold) == 1


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 4)))
def test_the_last_number_of_a_sentence_is_read_as_it_was_written(value):
    assert last_number(f"first 5, then {value} units") == pytest.approx(value)

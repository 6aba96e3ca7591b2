"""Hand-computed cases and properties of the answer comparisons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.data.sources.vlmevalkit.answers import (
    anls_similarity,
    contains_answer,
    infer_option,
    normalize_vqa_answer,
    numeric_equal,
    relaxed_match,
    vqa_score,
)

OPTIONS = {"A": "red", "B": "yellow", "C": "dark blue", "D": "none of them"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Two  dogs", "2 dogs"),
        ("None", "0"),
        ("dont stop", "don't stop"),
        ("couldnt've", "couldn't've"),
        ("'ows'at", "'ow's'at"),
        ("somebody'd", "somebodyd"),
        ("a\nb\tc", "b c"),
        ("well-known", "well known"),  # a mark between letters becomes a space
        ("well- known", "well known"),  # next to a space it goes
        ("well- well-known", "well wellknown"),  # one such place decides for the whole text
        ("1,000-2", "10002"),  # grouped digits: every mark goes
        ("3.5 St. Mary.", "3.5 st mary"),
        (". " * 40, ". . . . . . . ."),  # only the first 32 loose periods go (the text is stripped first)
        ("", ""),
    ],
)
def test_normalised_vqa_answer(text, expected):
    assert normalize_vqa_answer(text) == expected


@pytest.mark.parametrize(("agreeing", "expected"), [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1.0), (10, 1.0)])
def test_vqa_score_leaves_each_answer_out_once(agreeing, expected):
    answers = ["pier 39"] * agreeing + [f"other {i}" for i in range(10 - agreeing)]
    assert vqa_score("The Pier, 39", answers) == pytest.approx(expected)


def test_period_after_a_digit_stays_except_in_the_legacy_form():
    assert vqa_score("2012.", ["2012"] * 10) == 0.0
    assert vqa_score("2012.", ["2012"] * 10, legacy=True) == 1.0
    assert normalize_vqa_answer("3.5 m, no. 2.", True) == "3.5 m no 2"


def test_vqa_score_of_a_single_answer_is_zero():
    assert vqa_score("yes", ["yes"]) == 0.0
    assert vqa_score("yes", []) == 0.0


def test_vqa_score_of_long_prediction_is_the_same_with_and_without_cache():
    text = "word " * 100
    assert vqa_score(text, [text] * 10) == 1.0


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("Lakeside", ["lakeside "], 1.0),
        ("kitten", ["sitting"], 1 - 3 / 7),
        ("abcd", ["abxy"], 0.5),  # exactly at the cut-off counts
        ("abcd", ["axyz"], 0.0),
        ("107%", ["107", "107 %"], 0.8),  # the best answer counts: one space in five characters
        ("anything at all", ["no"], 0.0),
        ("", [""], 1.0),
        ("x", [], 0.0),
    ],
)
def test_anls_similarity(prediction, answers, expected):
    assert anls_similarity(prediction, answers) == pytest.approx(expected)


def plain_edit_distance(first, second):
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


@given(st.text("abc", max_size=90), st.text("abc", max_size=90))
def test_anls_similarity_agrees_with_the_plain_edit_distance(first, second):
    length = max(len(first), len(second))
    expected = 1 - plain_edit_distance(first, second) / length if length else 1.0
    assert anls_similarity(first, [second]) == pytest.approx(expected if expected >= 0.5 else 0.0)


@pytest.mark.parametrize(
    ("prediction", "answer", "expected"),
    [
        ("105", "100", True),
        ("105.1", "100", False),
        ("-95", "-100", True),
        ("50%", "0.5", True),
        ("Red", "red", True),
        ("red.", "red", False),
        ("0.0", "0", False),  # no relative error to 0: compared as text
        ("0", "0", True),
        ("nan", "nan", False),  # as numbers, two NaN differ
        ("1e2", "100", True),
        ("12 %", "0.12", True),
        ("ten", "10", False),
    ],
)
def test_relaxed_match(prediction, answer, expected):
    assert relaxed_match(prediction, answer) is expected


def test_contains_answer_ignores_case_and_line_breaks():
    assert contains_answer("It says STOP\nHERE.", [" stop\nhere "])
    assert contains_answer("x", ["no", "X"])
    assert not contains_answer("It says GO", ["stop", "halt"])
    assert not contains_answer("x", [])


def test_contains_answer_ignores_spaces_but_not_case_in_handwritten_formulas():
    category = "Handwritten Mathematical Expression Recognition"
    assert contains_answer("so $ \\frac { A } { b } $", ["\\frac{A}{b}"], category)
    assert not contains_answer("\\frac{a}{b}", ["\\frac{A}{b}"], category)
    assert not contains_answer("\\frac { A } { b }", ["\\frac{A}{b}"], "Doc-oriented VQA")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", "B"),
        ("Answer: (B).", "B"),
        ("B is it", "B"),
        ("B is what one sees", None),  # the letter stands before the last four words
        ("A or B", None),
        ("It is yellow", "B"),
        ("Yellow, not red", None),
        ("dark BLUE", "C"),
        ("yellow " * 20, None),  # longer than twice the options
        ("Z", None),
        ("Cannot determine the answer B", None),
        ("Failed to obtain answer via API. B", None),
        ("Failed to obtain answer via API. red", "A"),  # option texts are still looked for
        ("", None),
    ],
)
def test_infer_option(text, expected):
    assert infer_option(text, OPTIONS) == expected


@pytest.mark.parametrize(
    ("prediction", "answer", "expected"),
    [
        (" B ", "b", True),
        ("1/2", "0.5", True),
        ("2*(3+4)", "14", True),
        ("-3", "-(1+2)", True),
        ("2**3", "8", True),
        ("2^3", "8", False),
        ("2^3", "1", True),  # Python's exclusive or
        ("0.5000001", "0.5", True),
        ("0.51", "0.5", False),
        ("a", "7", True),  # the gold number is in a variable of that name
        ("b", "7", False),
        ("\\frac{1}{2}", "0.5", False),
        ("1/0", "1", False),
        ("9**9**9", "1", False),
        ("1e400", "1", False),
        ("007", "7", False),
        ("10%", "0.1", False),
        ("(1,2)", "1", False),
        ("1+1j", "1+1j+0", True),
    ],
)
def test_numeric_equal(prediction, answer, expected):
    assert numeric_equal(prediction, answer) is expected


@given(st.text())
def test_any_text_is_normalised_and_inferred_without_error(text):
    assert normalize_vqa_answer(normalize_vqa_answer(text)) is not None
    assert infer_option(text, OPTIONS) in (None, *OPTIONS)
    assert isinstance(relaxed_match(text, text), bool)
    assert numeric_equal(text, text)


@given(st.text("0123456789abejx.+-*/%^() ", max_size=30), st.text("0123456789abejx.+-*/%^() ", max_size=30))
def test_arithmetic_never_fails(first, second):
    assert isinstance(numeric_equal(first, second), bool)


@given(st.lists(st.text("bcdfg0123456789 ", min_size=1), min_size=1))
def test_normalisation_of_plain_words_is_idempotent(texts):
    once = normalize_vqa_answer(" ".join(texts))
    assert normalize_vqa_answer(once) == once


@given(st.text(), st.lists(st.text(), max_size=12))
def test_scores_lie_between_zero_and_one(prediction, answers):
    for score in (vqa_score(prediction, answers), anls_similarity(prediction, answers)):
        assert 0.0 <= score <= 1.0
    assert anls_similarity(prediction, [*answers, prediction]) == 1.0
    assert contains_answer(prediction, [*answers, prediction])

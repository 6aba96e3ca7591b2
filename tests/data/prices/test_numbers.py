"""Numbers are read as they are written, or refused; never as what YAML or Python makes of them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.prices.numbers import price_of


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("2.5", 2.5), ("0.15", 0.15), (".5", 0.5), ("5.", 5), ("2.5e-1", 0.25), ("1E3", 1000), (" 3\t", 3)]
    + [("1000000", 1_000_000), ("1e6", 1_000_000), ("0.001", 0.001), ("0e5", 0), ("0.0", 0)],
)
def test_a_plain_decimal_or_exponent_is_what_it_says(text, value):
    assert float(price_of(text, "input_price", "here")) == value


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        "1,5",
        "1.000,50",
        "1 000",
        "٢",
        "２",
        "²",
        "1:30",
        "010",
        "00",
        "0x10",
        "0b1",
        "0o7",
        "true",
        "True",
        "yes",
    ]
    + ["$2.5", "2.5$", "2.5 USD", "1/2", "50%", "1e", "e5", ".", "1.2.3", "1e5.5", "1e1000", "½", "Ⅷ", "1\u00a0000"]
    + ["1'000", "~", "null", "2.5\n3", "1d3", "--", "=1+1", "1" * 40, "2.5M", "\x001", "1\u200b0"],
)
def test_what_is_no_plain_number_is_refused_with_the_value_and_a_way_to_write_it(text):
    with pytest.raises(SourceError, match=r'here: expected a number in "input_price", found .*For example: 2\.5'):
        price_of(text, "input_price", "here")


@pytest.mark.parametrize("text", ["-1", "+1", "-0", "-.5", "inf", "-inf", "nan", "NaN", "Infinity", ".inf", "-.INF"])
def test_a_sign_and_what_is_not_finite_are_refused(text):
    with pytest.raises(SourceError, match='expected a number >= 0 in "output_price", without a sign'):
        price_of(text, "output_price", "here")


@pytest.mark.parametrize("text", ["1e308", "1000000.01", "1e7", "9" * 30])
def test_no_price_is_above_a_dollar_a_token(text):
    with pytest.raises(SourceError, match="at most 1,000,000"):
        price_of(text, "input_price", "here")


def test_no_price_is_not_free():
    with pytest.raises(SourceError, match='expected a price in "input_price", found none.* is not free'):
        price_of(" ", "input_price", "here")


@given(st.text(max_size=12))
def test_whatever_text_is_there_is_a_price_in_range_or_one_message(text):
    try:
        assert 0 <= price_of(text, "input_price", "here") <= 1_000_000
    except SourceError as error:
        assert "\n" not in str(error) and "here" in str(error)


@given(st.decimals(min_value=0, max_value=1_000_000, places=6))
def test_every_price_that_python_writes_is_read_as_it_is(price):
    assert price_of(f"{price:f}", "input_price", "here") == Decimal(price)

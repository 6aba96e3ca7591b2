"""A price in another unit stops the command with the likely unit, and there is one way to have it as it stands."""

from decimal import Decimal

import pytest

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.prices.units import StatedPrices, check_units
from vlrouterbench.routers.pool.price_units import family_of


def stated(*rows):
    return [StatedPrices(name, Decimal(one), Decimal(other), f"sheet, {name}") for name, one, other in rows]


@pytest.mark.parametrize(
    ("price", "unit", "right"),
    [("2.5e-6", "USD per token", "2.5"), ("0.00000015", "USD per token", "0.15"), ("1e-5", "USD per token", "10")]
    + [("0.0006", "USD per thousand tokens", "0.6"), ("0.00015", "USD per thousand tokens", "0.15")],
)
def test_a_price_below_a_thousandth_names_its_likely_unit_and_what_it_is_per_million(price, unit, right):
    with pytest.raises(
        SourceError,
        match=rf'sheet, m: .*"input_price".*likely {unit}, which is {right} per million.*--allow-unlikely-prices',
    ):
        check_units(stated(("m", price, "1")))


@pytest.mark.parametrize("price", ["0", "0.001", "0.05", "75"])
def test_free_and_usual_prices_pass(price):
    check_units(stated(("m", price, price)))


def test_a_thousandfold_spread_within_one_family_names_the_cheaper_one():
    rows = stated(("gpt-4o", "0.0025", "0.01"), ("openai/GPT-4.1", "2.5", "10"), ("tiny", "0.05", "0.1"))
    with pytest.raises(
        SourceError, match='sheet, gpt-4o: .*found 0.0025 beside 2.5 of "openai/GPT-4.1" of the same family'
    ):
        check_units(rows)


def test_a_spread_below_a_thousand_or_among_families_or_beside_free_ones_passes():
    check_units(stated(("gpt-a", "0.0026", "0.011"), ("gpt-b", "2.5", "10"), ("gpt-c", "0", "0")))
    check_units(stated(("small", "0.002", "0.002"), ("large", "75", "150")))


def test_two_prices_of_one_candidate_in_two_units_are_seen():
    with pytest.raises(SourceError, match="sheet, m: .*its own other price"):
        check_units(stated(("m", "2.5", "0.002")))


def test_prices_that_hold_already_are_compared_with_and_not_judged_by_themselves():
    check_units(stated(("b", "1", "2")), stated(("a", "1e-6", "1e-6")))
    with pytest.raises(SourceError, match="of the same family"):
        check_units(stated(("m-1", "0.01", "0.01")), stated(("m-2", "10", "20")))


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("GPT-4o", "gpt"),
        ("openai/gpt-4o", "gpt"),
        ("Qwen2.5-VL-72B", "qwen"),
        ("通义千问-7", "通义千问"),
        ("4all", "4all"),
        ("a/", ""),
    ],
)
def test_a_family_is_the_letters_that_a_name_begins_with(name, family):
    assert family_of(name) == family

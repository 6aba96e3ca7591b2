"""Whether prices are in the unit that they should be in: USD per million tokens.

Decisions
- The cheapest models that are sold cost about 0.01 USD per million tokens. A price below 0.001 that is not 0 is taken
  for one per token or per thousand tokens, and stops the command: costs would be a thousandth of what they are.
- Within one family of names (the letters that a name begins with, after its provider), and between the input and output
  price of one candidate, a spread of a thousand is taken for two units.
- Both may be meant: `--allow-unlikely-prices` (`allow_unlikely=True`) takes prices as they stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from vlrouterbench.core.errors import SourceError
from vlrouterbench.routers.pool.price_units import SPREAD, family_of

LOWEST = Decimal("0.001")
WAY_OUT = "If it is meant, allow it: --allow-unlikely-prices (allow_unlikely=True)."
_PER_TOKEN_BELOW = Decimal("0.00005")
"""Prices lie between 0.05 and 50 or so: what is below this is per token, and else per thousand tokens."""


class StatedPrices(NamedTuple):
    """Prices of a candidate, USD per million tokens, and where they stand."""

    name: str
    input: Decimal
    output: Decimal
    where: str


def check_units(stated: Iterable[StatedPrices], beside: Iterable[StatedPrices] = ()) -> None:
    """Stop at prices whose unit is likely another one.

    Args:
        stated: the prices.
        beside: prices that hold already, with which they are compared.

    Raises:
        SourceError: a price above 0 is below LOWEST, or prices of one family lie SPREAD apart.
    """
    prices = list(stated)
    for entry in prices:
        for side in ("input", "output"):
            _check_size(getattr(entry, side), f"{side}_price", entry.where)
        _check_spread([(entry.input, entry), (entry.output, entry)], "input_price and output_price")
    families: dict[str, list[StatedPrices]] = defaultdict(list)
    for entry in (*prices, *beside):
        families[family_of(entry.name)].append(entry)
    for side in ("input", "output"):
        for entries in families.values():
            _check_spread([(getattr(entry, side), entry) for entry in entries], f"{side}_price")


def _check_size(price: Decimal, field: str, where: str) -> None:
    if not 0 < price < LOWEST:
        return
    per, factor = ("token", 1_000_000) if price < _PER_TOKEN_BELOW else ("thousand tokens", 1_000)
    raise SourceError(
        f'{where}: expected USD per million tokens, 0 or at least {LOWEST}, in "{field}", found {_written(price)}: '
        f"likely USD per {per}, which is {_written(price * factor)} per million. {WAY_OUT}"
    )


def _check_spread(pairs: list[tuple[Decimal, StatedPrices]], field: str) -> None:
    priced = [pair for pair in pairs if pair[0] > 0]
    if len(priced) < 2:
        return
    low, high = min(priced, key=lambda pair: pair[0]), max(priced, key=lambda pair: pair[0])
    if high[0] >= SPREAD * low[0]:
        other = "its own other price" if high[1] is low[1] else f'"{high[1].name}" of the same family'
        raise SourceError(
            f"{low[1].where}: expected USD per million tokens in {field}, found {_written(low[0])} beside "
            f"{_written(high[0])} of {other}, {SPREAD:,} times as much or more: likely one of them is per thousand "
            f"tokens. {WAY_OUT}"
        )


def _written(price: Decimal) -> str:
    """A price as it would be written by hand: no exponent where a few digits do."""
    return f"{price.normalize():f}" if Decimal("1e-9") < price < Decimal("1e9") else f"{price:.3g}"

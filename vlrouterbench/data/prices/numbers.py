"""Numbers as price files state them: plain decimals or exponents, read as they are written or refused.

Decisions
- A number is read from its text, never from what YAML or JSON made of it: there `010` is 8, `1:30` is 90 and `1_000` is
  1000, and nobody who reads the file sees that.
- Digits are 0 to 9, and the decimal sign is a point: a comma is a thousand's or a decimal sign, depending on who reads.
- Arithmetic on prices is decimal: 2.5e-06 USD per token are 2.5 USD per million, and not 2.4999999999999996.
"""

from __future__ import annotations

import re
from decimal import Decimal

from vlrouterbench.core.errors import SourceError, shown

HIGHEST = Decimal(1_000_000)
"""USD per million tokens, so a dollar a token: no price is higher."""
_PLAIN = re.compile(r"((0|[1-9][0-9]{0,29})(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
_SIGNED = re.compile(r"[+-][0-9.].*|[+-]?\.?(inf|infinity|nan)", re.IGNORECASE)
_HINTS = (
    (re.compile(r"[0-9.]+,[0-9,.]*"), "Write decimals with a point, and no separators of thousands."),
    (re.compile(r"[0-9._]+"), "Write digits and at most one point, without underscores and without zeros in front."),
    (re.compile(r"[0-9]+(:[0-9]+)+"), "YAML takes it for a number to the base of 60."),
    (re.compile(r"true|false|yes|no|on|off", re.IGNORECASE), "A price is a number, and yes or no is none."),
    (re.compile(r"0[xXoObB].*"), "Write it to the base of 10."),
)


def plain_number(text: str, field: str, where: str) -> Decimal:
    """A number >= 0 as it stands in a file.

    Args:
        text: the cell; blanks around it do not count.
        field: its column.
        where: file, line and entry, for the message.

    Raises:
        SourceError: it is no plain decimal or exponent, or is negative or not finite.
    """
    found = text.strip(" \t")
    if _SIGNED.fullmatch(found):
        raise SourceError(f'{where}: expected a number >= 0 in "{field}", without a sign, found {shown(text)}.')
    if not _PLAIN.fullmatch(found):
        hint = next((said for pattern, said in _HINTS if pattern.fullmatch(found)), "Write the number alone.")
        raise SourceError(f'{where}: expected a number in "{field}", found {shown(text)}. {hint} For example: 2.5')
    return Decimal(found)


def price_of(text: str, field: str, where: str) -> Decimal:
    """A price in USD per million tokens, from 0 to HIGHEST, as it stands in a file.

    Raises:
        SourceError: it is lacking, no plain number, or out of range.
    """
    if not text.strip():
        raise SourceError(
            f'{where}: expected a price in "{field}", found none. A candidate without a price is not free.'
        )
    price = plain_number(text, field, where)
    if price > HIGHEST:
        raise SourceError(
            f'{where}: expected a number >= 0 and at most {HIGHEST:,} (USD per million tokens) in "{field}", '
            f"found {shown(text)}."
        )
    return price

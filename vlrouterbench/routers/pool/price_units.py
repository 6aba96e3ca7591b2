"""Prices of one family of names that lie so far apart that they are likely in different units."""

from __future__ import annotations

import re
from collections.abc import Mapping

SPREAD = 1000
"""Times that no two prices of one family, and no two of one candidate, lie apart without being in two units."""


def family_of(name: str) -> str:
    """The letters that a name begins with, after its provider: "gpt" of "openai/GPT-4o"."""
    last = name.rpartition("/")[2].casefold()
    letters = re.match(r"[^\W\d_]+", last)
    return letters.group() if letters else last


def check_spread(prices: Mapping[str, tuple[float, float] | None], changed: Mapping[str, tuple[float, float]]) -> None:
    """Stop at new prices that lie SPREAD apart from each other, or from those of their family.

    Args:
        prices: name -> (input, output), USD per million tokens, of the candidates that keep theirs; None: not known.
        changed: the same of those with new ones.

    Raises:
        ValueError: two of them do.
    """
    whole = {name: pair for name, pair in {**prices, **changed}.items() if pair is not None}
    for name, pair in changed.items():
        same = [(other, whole[other]) for other in whole if family_of(other) == family_of(name)]
        sides = [[(other, both[side]) for other, both in same] for side in (0, 1)]
        for found in ([(name, pair[0]), (name, pair[1])], *sides):
            paid = [(price, other) for other, price in found if price > 0]
            if paid and max(paid)[0] >= SPREAD * min(paid)[0]:
                (low, one), (high, other) = min(paid), max(paid)
                beside = "its own other price" if one == other else f"{other} of the same family"
                raise ValueError(
                    f"{one}: expected USD per million tokens, found {low:g} beside {high:g} of {beside}, {SPREAD:,} "
                    "times as much or more: likely one is in another unit. If it is meant, allow it: "
                    "allow_unlikely=True."
                )

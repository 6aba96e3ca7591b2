"""What a request may cost at most, where its input is known and its output ends at a cap, and whom that leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vlrouterbench.routers.base.configuration_router import CandidateEntry
from vlrouterbench.routers.base.decision import BudgetError, RoutingDecision

TOKENS_PER_PRICE = 1_000_000
PER_10K = 10_000
Tokens = int | Mapping[str, int]
"""Of every candidate, or name of a candidate -> its own."""


def reserves_by_tokens(
    entries: Sequence[CandidateEntry], input_tokens: Tokens, max_output_tokens: Tokens
) -> dict[str, float]:
    """Name of each candidate -> the most that it may cost, USD.

    Args:
        entries: of the candidates, with prices.
        input_tokens: what the request reads.
        max_output_tokens: the most that the answer may have.

    Raises:
        BudgetError: a candidate without prices, or without a number of tokens from 0 on.
    """
    reserves = {}
    for entry in entries:
        name, prices = entry["name"], (entry.get("input_price"), entry.get("output_price"))
        known = [float(price) for price in prices if price is not None]
        if len(known) < len(prices):
            raise BudgetError(f"{name}: a reserve by tokens needs its prices, found {prices}. Set them by set_prices.")
        counts = [_count(name, tokens) for tokens in (input_tokens, max_output_tokens)]
        reserves[name] = sum(count * price for count, price in zip(counts, known, strict=True)) / TOKENS_PER_PRICE
    return reserves


def fitting_instead(
    decision: RoutingDecision, fitting: Sequence[str], reserves: Mapping[str, float], available_usd: float
) -> RoutingDecision:
    """Another decision where the preferred candidate does not fit: the best that does, else the smallest reserve.

    Args:
        decision: the one without a bound.
        fitting: candidates whose reserve fits.
        reserves: candidate -> what it may cost at most, USD.
        available_usd: the largest reserve that fits.
    """
    left = f"what the stream may reserve now, {_price(available_usd)}"
    if fitting:
        chosen = max(fitting, key=lambda name: decision.score[name])
        why = f"the best that fits into {left}; {decision.candidate} needs {_price(reserves[decision.candidate])}"
    else:
        chosen = min(reserves, key=lambda name: reserves[name])
        why = f"the cheapest, and beyond {left}"
    return replace(decision, candidate=chosen, reason=f"{chosen} is {why}.")


def _price(usd: float) -> str:
    return f"${PER_10K * usd:.3g} per 10K"


def _count(name: str, tokens: Tokens) -> int:
    count = tokens.get(name) if isinstance(tokens, Mapping) else tokens
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise BudgetError(f"{name}: expected a number of tokens from 0 on, found {count}.")
    return count

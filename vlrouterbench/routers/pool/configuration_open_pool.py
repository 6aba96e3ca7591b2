"""The configuration of a router with an open pool: who was trained on, who joined since, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from vlrouterbench.routers.base.binding import SavedRouterError, out_of_range, shown
from vlrouterbench.routers.base.configuration_router import HIGHEST_PRICE
from vlrouterbench.routers.base.estimating import EstimatingRouterConfig

NUM_LEVELS = 6
"""Quantiles that are kept of each candidate (LEVELS of `costs.py`)."""


class PoolState(TypedDict, total=False):
    """Who was trained on and who joined since; empty until the router is fitted.

    Positions: candidates that were trained on come first, then those that joined; the pool is a selection of both.

    Attributes:
        trained: how many were trained on.
        joined: how many joined since.
        columns: position of each candidate of the pool.
        prices: the prices that costs were measured at, per position, None where they are not known.
        cost_ratios: how far measured costs lay from expected ones, per position (`costs.py`), None where it is not
            known; absent in routers of earlier releases.
        latency_s: quantiles of the seconds that training samples' answers took, per position (`costs.py`), None where
            none was timed; absent where no candidate's was.
    """

    trained: int
    joined: int
    columns: list[int]
    prices: list[list[float] | None]
    cost_ratios: list[list[float] | None]
    latency_s: list[list[float] | None]


class OpenPoolRouterConfig(EstimatingRouterConfig):
    """Configuration of a family with an open pool.

    Args:
        pool: which candidates were trained on, joined and left since.
        kwargs: the shared part.
    """

    def __init__(self, pool: PoolState | None = None, **kwargs: Any) -> None:
        self.pool: PoolState = pool or {}
        super().__init__(**kwargs)

    @classmethod
    def check_fields(cls, content: Mapping[str, Any]) -> None:
        """As the base's; positions must be of candidates that were trained on or joined, each once."""
        super().check_fields(content)
        pool, size = content.get("pool") or {}, len(content.get("candidates") or [])
        if not pool:
            return
        total = pool.get("trained", size) + pool.get("joined", 0)
        columns, prices = pool.get("columns", [*range(size)]), pool.get("prices", [None] * total)
        fits = len(columns) == size == len({*columns}) and len(prices) == total
        fits = fits and all(0 <= column < total for column in columns)
        fits = fits and all(pair is None or len(pair) == 2 for pair in prices)
        rows = [row for name in ("cost_ratios", "latency_s") for row in pool.get(name, []) if row is not None]
        if not fits or any(len(row) != NUM_LEVELS for row in rows):
            raise SavedRouterError(
                f"pool: expected the positions and prices of {size} candidates among those that were trained on or "
                f"joined, found {shown(pool)}."
            )
        if out_of_range([*filter(None, prices), *rows], 0, HIGHEST_PRICE):
            raise SavedRouterError(f"pool: expected numbers from 0 to {HIGHEST_PRICE:g}, found {shown(pool)}.")

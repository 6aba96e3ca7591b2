"""The configuration of a router with an open pool: who was trained on, who joined since, and what they cost."""

from __future__ import annotations

from typing import Any, TypedDict

from vlrouterbench.routers.base.estimating import EstimatingRouterConfig


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

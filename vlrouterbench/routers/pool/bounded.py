"""The base of routers that keep to bounds: a budget over many requests, and answers in time.

Decisions
- What bounds need is in the configuration, as quantiles per candidate of what training saw (`costs.py`): it lasts
  through every saving, and follows the candidates that leave.
- A bound on time leaves the candidates that are quick enough, and goes with any budget: it does not trade.
- A ceiling on cost that is to be kept with a probability is held against the expected cost times the quantile of
  measured over expected costs, out of fold: split conformal prediction (Lei et al., JASA 113(523), 2018) of each
  candidate's cost. The probability is of each candidate, over requests like those of training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import ClassVar, Unpack

import torch

from vlrouterbench.routers.base.budget import Budget
from vlrouterbench.routers.base.budget_stream import BudgetStream, StreamOptions
from vlrouterbench.routers.base.calibrated import CalibratedRouter
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.decision import BUDGETS, COST_CONFIDENCE, BudgetError, RoutingDecision, considered
from vlrouterbench.routers.pool.configuration_open_pool import OpenPoolRouterConfig
from vlrouterbench.routers.pool.costs import TIME_QUANTILE, level_of, quick_enough


class BoundedRouter(CalibratedRouter):
    """Knows how far its candidates' costs lie from the expected ones, and how long they take."""

    keeps_to: ClassVar[tuple[str, ...]] = BUDGETS
    config: OpenPoolRouterConfig
    config_class: type[RouterConfig] = OpenPoolRouterConfig

    @property
    def columns(self) -> list[int]:
        """Position of each candidate of the pool."""
        return self.config.pool.get("columns", list(range(self.num_candidates)))

    def cost_ratios(self, quantile: float) -> dict[str, float] | None:
        """Candidate -> measured over expected cost that so many answers kept to; None where one is not known."""
        ratios = self._quantiles(self.config.pool.get("cost_ratios", []), quantile)
        return ratios if len(ratios) == self.num_candidates else None

    def requested(self, budget: Mapping[str, float | None]) -> Budget:
        """As the base's, with the ratios that a ceiling on cost is kept by with the probability asked for.

        Raises:
            BudgetError: as the base's; or a probability without a ceiling, one that is none, or a router that does not
                know how far costs lie from the expected ones.
        """
        budget = dict(budget)
        confidence = budget.pop(COST_CONFIDENCE, None)
        if confidence is None:
            return super().requested(budget)
        if not isinstance(confidence, Real) or not 0 < confidence < 1:
            raise BudgetError(f"{COST_CONFIDENCE}: expected a probability above 0 and below 1, found {confidence!r}.")
        if budget.get("max_cost_usd") is None:
            raise BudgetError(f"{COST_CONFIDENCE}: expected max_cost_usd beside it, the cost to keep to, found none.")
        ratios = self.cost_ratios(float(confidence))
        if ratios is None:
            raise BudgetError(
                f"{COST_CONFIDENCE}: this router does not know how far costs lie from the expected ones: it was saved "
                "before routers kept that. Train it anew, or leave it out."
            )
        kept = torch.tensor([ratios[name] for name in self.config.candidate_names])
        return replace(super().requested(budget), cost_ratios=kept)

    def answer_times(self, quantile: float = TIME_QUANTILE) -> dict[str, float]:
        """Candidate -> seconds within which so many answers to training samples were there; only those that are known.

        Raises:
            ValueError: the quantile is not from 0 to 1.
        """
        return self._quantiles(self.config.pool.get("latency_s", []), quantile)

    def quick_enough(self, max_latency_s: float, candidates: Sequence[str] | None = None) -> list[str]:
        """Candidates whose answers to training samples were there in so many seconds, TIME_QUANTILE of them.

        Args:
            max_latency_s: seconds, 0 or more.
            candidates: names to choose from, None for the whole pool.

        Raises:
            BudgetError: no number of seconds, no candidate is so quick, or none was timed.
            PoolMismatchError: a candidate is not in the pool.
        """
        names, times = self.config.candidate_names, self.answer_times()
        return quick_enough([names[index] for index in considered(names, candidates)], times, max_latency_s)

    @torch.no_grad()
    def decide_one(
        self,
        features: torch.Tensor,
        candidates: Sequence[str] | None = None,
        *,
        max_latency_s: float | None = None,
        **budget: float | None,
    ) -> RoutingDecision:
        """As the base's; `max_latency_s` leaves the candidates that answer so quickly (`quick_enough`)."""
        if max_latency_s is not None:
            candidates = self.quick_enough(max_latency_s, candidates)
        return super().decide_one(features, candidates, **budget)

    def _quantiles(self, kept: Sequence[list[float] | None], quantile: float) -> dict[str, float]:
        """Candidate of the pool -> its quantile, where it is known, of rows per position."""
        level = level_of(quantile)
        rows = [kept[position] if position < len(kept) else None for position in self.columns]
        return {name: row[level] for name, row in zip(self.config.candidate_names, rows, strict=True) if row}

    def stream(self, average_cost_usd: float, **options: Unpack[StreamOptions]) -> BudgetStream:
        """Decisions on requests that together keep to a budget, USD each; see `BudgetStream` for its options."""
        return BudgetStream(self, average_cost_usd, **options)

    def restored_stream(self, path: Path | str) -> BudgetStream:
        """The stream that `BudgetStream.save` wrote to a file."""
        return BudgetStream.restore(self, path)

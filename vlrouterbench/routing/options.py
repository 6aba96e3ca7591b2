"""How a table of questions is decided: the budget, the candidates, the limits.

Decisions
- What would be wrong with every row is checked once, before the first row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vlrouterbench.routers.base.budget import Budget
from vlrouterbench.routers.base.decision import COST_CONFIDENCE, MAX_LATENCY, BudgetError, considered
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routing.limits import UNLIMITED, Limits
from vlrouterbench.routing.when_unfamiliar import NOTHING, WhenUnfamiliar

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class RoutingOptions:
    """How a table of questions is decided.

    Attributes:
        name: the router's name in the file of decisions; None takes the name of its family.
        candidates: names to choose from, None for the whole pool.
        usd_weight: accuracy that one USD must buy; of this, a ceiling, a floor and an average at most one is given.
        max_cost_usd: most that one answer may be expected to cost, USD.
        cost_confidence: with `max_cost_usd`, probability that an answer keeps to it, above 0 and below 1; needs a
            router with an open pool.
        min_accuracy: least chance of a correct answer, 0 to 1.
        average_cost_usd: budget of the mean expected cost over the table, USD: it is kept but for one decision, while
            any candidate fits it (`docs/budgets.md`); needs a router with an open pool.
        max_latency_s: only candidates of which 95 % of the answers to training samples took so many seconds; goes with
            any of the others.
        when_unfamiliar: what is done with a row that is unlike the training samples; goes with all but an average.
        limits: see Limits.
        progress: called with (rows done, rows).
    """

    name: str | None = None
    candidates: Sequence[str] | None = None
    usd_weight: float | None = None
    max_cost_usd: float | None = None
    min_accuracy: float | None = None
    average_cost_usd: float | None = None
    max_latency_s: float | None = None
    cost_confidence: float | None = None
    when_unfamiliar: WhenUnfamiliar = NOTHING
    limits: Limits = UNLIMITED
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.average_cost_usd is not None and self.when_unfamiliar.acts:
            raise BudgetError(
                f"expected average_cost_usd or when_unfamiliar ({self.when_unfamiliar}), found both: an "
                "average is kept by the router's own decisions."
            )

    @property
    def budget(self) -> dict[str, float]:
        """The budget of each answer as `PreTrainedRouter.decide_one` takes it."""
        budget = {
            "usd_weight": self.usd_weight,
            "max_cost_usd": self.max_cost_usd,
            "min_accuracy": self.min_accuracy,
            MAX_LATENCY: self.max_latency_s,
            COST_CONFIDENCE: self.cost_confidence,
        }
        return {name: value for name, value in budget.items() if value is not None}

    def check(self, router: PreTrainedRouter) -> None:
        """Refuse what no row could be decided with.

        Raises:
            PoolMismatchError: a candidate is not in the pool.
            CalibrationError: a budget was given to a family without calibrated estimates.
            BudgetError: several budgets, or one that makes no sense.
            RouterError, UnknownNameError: see `WhenUnfamiliar.check`.
        """
        considered(router.config.candidate_names, self.candidates)
        router.check_budget(self.budget)
        self.when_unfamiliar.check(router, self.candidates, self.name or "")
        if isinstance(router, OpenPoolRouter) and self.max_latency_s is not None:
            router.quick_enough(self.max_latency_s, self.candidates)
        traded = {name: value for name, value in self.budget.items() if name not in (MAX_LATENCY, COST_CONFIDENCE)}
        if self.cost_confidence is not None and isinstance(router, OpenPoolRouter):
            router.requested(traded | {COST_CONFIDENCE: self.cost_confidence})
        if traded:
            Budget(self.usd_weight, self.max_cost_usd, self.min_accuracy)
            if self.average_cost_usd is not None:
                raise BudgetError(
                    f"expected average_cost_usd or {next(iter(traded))}, found both: an average sets the "
                    "trade-off of each answer."
                )

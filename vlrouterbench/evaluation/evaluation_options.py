"""What an evaluation is asked for, beside the benchmark and the routers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vlrouterbench.core.errors import EvaluationError
from vlrouterbench.core.parts.work import Engine
from vlrouterbench.evaluation.ceiling import Ceiling
from vlrouterbench.evaluation.pool import ALL
from vlrouterbench.evaluation.pool_changes import NO_CHANGES, PoolChanges
from vlrouterbench.features.options import EncodingWork, Progress
from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal
from vlrouterbench.routing.when_unfamiliar import NOTHING, WhenUnfamiliar


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate on.

    Attributes:
        split: the scored split.
        seed: of resamples and of policies that draw.
        time_routers: measure throughput.
        machine_usd_per_hour: price of this machine, at which a router's own time is counted; None leaves it out.
        shuffled_labels: also train each router's label-permutation control (`shuffled.py`).
        allow_leaks: score a router also on samples that it was trained on, and state their number.
        goal: what decisions are judged by.
        rechoose: give each router that estimates the trade-off that the goal's objective leads to on the samples that
            it kept for that; else each decides at its own.
        candidates: which are scored: "all", "shared" (those that every router has), or names with commas between them.
        router_prices: count costs at the prices that the routers state.
        changes: of the pool for this evaluation alone.
        when_unfamiliar: what routers do with samples that are unlike their training samples.
        ceiling: what an answer of a router may cost.
        num_proc: number of processes that encode samples whose features are not stored.
        progress: called while samples are encoded.
        engine: what encodes samples in parts, see EncodingWork.
        parts: in how many, see there.
    """

    split: str = "test"
    seed: int = 0
    time_routers: bool = True
    machine_usd_per_hour: float | None = None
    shuffled_labels: bool = False
    allow_leaks: bool = False
    goal: Goal = BENCHMARK_GOAL
    rechoose: bool = False
    candidates: str = ALL
    router_prices: bool = False
    changes: PoolChanges = NO_CHANGES
    when_unfamiliar: WhenUnfamiliar = NOTHING
    ceiling: Ceiling = Ceiling()
    num_proc: int = 1
    progress: Progress | None = None
    engine: Engine | None = None
    parts: int | None = None

    def __post_init__(self) -> None:
        price = self.machine_usd_per_hour
        if price is not None and not 0 <= price < math.inf:
            raise EvaluationError(f"expected a machine price >= 0 in USD per hour, found {price}.")
        if self.router_prices and self.changes.of_prices:
            raise EvaluationError("expected --router-prices or changed prices, found both. Leave one out.")
        if self.ceiling.max_cost_usd is not None and self.when_unfamiliar.acts:
            raise EvaluationError("expected --max-cost-usd or --when-unfamiliar, found both. Leave one out.")

    @property
    def work(self) -> EncodingWork:
        """How encoding is spread."""
        return EncodingWork(self.num_proc, progress=self.progress, engine=self.engine, parts=self.parts)

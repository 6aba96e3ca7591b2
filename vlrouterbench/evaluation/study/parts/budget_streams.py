"""Part `budget-streams`: what a budget that holds costs in accuracy, request after request, in several orders.

Decisions
- The test samples come as a stream: each is decided and charged before it is asked, and settled at what it really cost
  (`routers/base/budget_stream.py`), with one request open at a time and with several.
- An adversary may sort them. So beside a random order stand the dearest first and the cheapest first, by what the
  candidates cost on average.
- The offline optimum knows all requests and their costs: one weight, or a mix of two neighbouring ones, that spends
  the budget exactly on them. "Pace alone" is the stream without its bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch

from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT
from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, family_and_variant, scored
from vlrouterbench.evaluation.study.over_splits import Outcomes, mean_record, outcomes_of
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.metrics.bootstrap import interval, resampled_means
from vlrouterbench.routers.base.budget_stream import BudgetStream, Reservation
from vlrouterbench.routers.base.spending_curve import spending_curve
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import ROUTERS
from vlrouterbench.training.pool.opened import check_open_pool

SHARES = (0.1, 0.25, 0.5)
"""Budgets: of the way from the cheapest decisions to those that weigh no cost, as expected on training samples."""
NUM_OPEN = (1, 8)
FIRST = 20
"""From so many requests on the running mean is looked at."""
UNBOUNDED_USD = 1e9
"""A credit that never binds."""


class StreamFigures(TypedDict):
    """A stream's figures, means over splits.

    Attributes:
        budget_usd: what a request may cost on average.
        spent_usd: what it did cost on average.
        worst_share: the largest running mean from FIRST requests on, as a share of the budget.
        worst_bound_share: the most that it may be: the budget and one reserve over FIRST requests.
        num_beyond: decisions whose reserve did not fit.
        accuracy: of the decisions, 0 to 1.
        offline_accuracy: of the offline optimum.
        pace_alone_accuracy: of the stream without a bound.
        pace_alone_worst_share: as `worst_share`, of the stream without a bound.
    """

    budget_usd: float
    spent_usd: float
    worst_share: float
    worst_bound_share: float
    num_beyond: float
    accuracy: float
    offline_accuracy: float
    pace_alone_accuracy: float
    pace_alone_worst_share: float


class StreamRow(StreamFigures):
    """A router's stream under one budget and order.

    Attributes:
        router: its name.
        share: which of SHARES.
        order: which requests come first.
        num_open: requests that are open at once.
        minus_offline_ci95: paired interval of accuracy less `offline_accuracy`.
    """

    router: str
    share: float
    order: str
    num_open: int
    minus_offline_ci95: list[float]


class BudgetStreamsRecord(TypedDict):
    """All streams, and routers without an open pool, which have none."""

    first_requests: int
    rows: list[StreamRow]
    skipped: list[str]


@dataclass(frozen=True)
class _Passed:
    """What became of a stream of requests."""

    correct: np.ndarray
    spent_usd: float
    worst_usd: float
    bound_usd: float
    num_beyond: int


class BudgetStreamsPart(StudyPart[BudgetStreamsRecord]):
    """One row per router, budget, order and number of open requests."""

    name = "budget-streams"
    key = "budget_streams"
    default_routers = ("flagship",)

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router has an open pool, or one or a seed is given twice.
            UnknownNameError: no such family, variant or policy.
        """
        super().check(context, routers)
        if not _with_streams(routers, context):
            raise RouterError(
                f"expected a router that keeps to an average budget, found {', '.join(routers)}. Families that do: "
                f"{', '.join(name for name, family in ROUTERS.items() if issubclass(family, OpenPoolRouter))}."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> BudgetStreamsRecord:
        """Train routers on every split and let the test samples come to their streams."""
        self.check(context, routers)
        names = _with_streams(routers, context)
        figures: dict[tuple[str, float, str, int], list[StreamFigures]] = {}
        draws: dict[tuple[str, float, str, int], list[np.ndarray]] = {}
        for seed, own, split in context.fitted(names):
            test = scored(split)
            for name in names:
                with context.stage(f"split {seed}: {name}"):
                    router = check_open_pool(own.train(name, split, seed), name)
                    for key, found, gap in _streams(router, own.features.of(test), test, seed):
                        figures.setdefault((name, *key), []).append(found)
                        draws.setdefault((name, *key), []).append(
                            resampled_means(gap[:, None], test.column("group_id"), seed=seed)[:, 0]
                        )
        rows: list[StreamRow] = [
            {
                "router": name,
                "share": share,
                "order": order,
                "num_open": num_open,
                **mean_record(found),
                "minus_offline_ci95": interval(np.mean(draws[name, share, order, num_open], axis=0)),
            }
            for (name, share, order, num_open), found in figures.items()
        ]
        return {"first_requests": FIRST, "rows": rows, "skipped": [name for name in routers if name not in names]}

    def table(self, record: BudgetStreamsRecord, header: StudyHeader) -> list[TextTable | str]:
        """A table per router, and what its columns mean."""
        lines: list[TextTable | str] = []
        columns = ("$/10K", "first", "open", "spent", "worst", "bound", "acc.", "- offline, 95 %", "out")
        for name in dict.fromkeys(row["router"] for row in record["rows"]):
            cells = [_cells(row) for row in record["rows"] if row["router"] == name]
            lines.append(TextTable(f"{name}: streams under a budget", columns, cells))
        lines += [
            "first: which requests come first; open: requests at once; out: beyond the budget",
            "spent, worst (running mean) and bound: shares of the budget",
            "acc.: accuracy, %; offline: the best weight once all requests are known",
        ]
        if record["skipped"]:
            lines.append(f"no stream: {', '.join(record['skipped'])}")
        return lines


def _with_streams(routers: Sequence[str], context: StudyContext) -> list[str]:
    return [
        name
        for name in routers
        if name not in POLICIES
        and name not in context.decided
        and issubclass(ROUTERS[family_and_variant(name)[0]], OpenPoolRouter)
    ]


@torch.no_grad()
def _streams(
    router: OpenPoolRouter, features: torch.Tensor, test: RoutingTable, seed: int
) -> Iterator[tuple[tuple[float, str, int], StreamFigures, np.ndarray]]:
    """(share, order, requests open at once) with the figures, and correctness less the offline optimum's per sample."""
    weighed = decisions_by_weight(router, features, np.arange(len(test.pool))) or []
    points = [outcomes_of(decisions, test) for _, decisions in weighed]
    orders, curve = _orders(test, seed), spending_curve(router)
    for share in SHARES:
        budget = curve[0][0] + share * (curve[-1][0] - curve[0][0])
        offline = _offline(points, budget)
        for order, indices in orders.items():
            alone = _passed(router.stream(budget, credit_usd=UNBOUNDED_USD), features, test, indices, 1)
            for num_open in NUM_OPEN:
                passed = _passed(router.stream(budget), features, test, indices, num_open)
                found: StreamFigures = {
                    "budget_usd": budget,
                    "spent_usd": passed.spent_usd,
                    "worst_share": passed.worst_usd / budget,
                    "worst_bound_share": 1 + passed.bound_usd / budget / FIRST,
                    "num_beyond": passed.num_beyond,
                    "accuracy": float(passed.correct.mean()),
                    "offline_accuracy": float(offline.mean()),
                    "pace_alone_accuracy": float(alone.correct.mean()),
                    "pace_alone_worst_share": alone.worst_usd / budget,
                }
                yield (share, order, num_open), found, passed.correct - offline


def _orders(test: RoutingTable, seed: int) -> Mapping[str, np.ndarray]:
    """Name -> indices of the test samples, (num_samples,)."""
    cost = test.cost.mean(axis=1)
    return {
        "random": np.random.default_rng(seed).permutation(len(test)),
        "dearest": np.argsort(-cost, kind="stable"),
        "cheapest": np.argsort(cost, kind="stable"),
    }


def _passed(
    stream: BudgetStream, features: torch.Tensor, test: RoutingTable, order: np.ndarray, num_open: int
) -> _Passed:
    """Let the test samples come to a stream; the oldest of `num_open` open requests is settled first."""
    names, waiting = stream.router.config.candidate_names, list[tuple[Reservation, float]]()
    correct, total, worst, beyond = np.zeros(len(order)), 0.0, 0.0, 0
    for number, index in enumerate(order, start=1):
        made = stream.reserve_one(features[index : index + 1])
        candidate = names.index(made.decision.candidate)
        correct[index], paid = test.quality[index, candidate], float(test.cost[index, candidate])
        waiting.append((made, paid))
        total, beyond = total + paid, beyond + (not made.decision.within_budget)
        if len(waiting) == num_open:
            stream.settle(*waiting.pop(0))
        if number >= FIRST:
            worst = max(worst, total / number)
    return _Passed(correct, total / len(order), worst, stream.bound_usd, beyond)


def _offline(points: Sequence[Outcomes], budget_usd: float) -> np.ndarray:
    """Expected correctness, (num_samples,), of the mix of two neighbouring weights that spends the budget exactly.

    Args:
        points: of decisions by rising weight, so by falling cost.
        budget_usd: what a sample may cost on average; where no weight is so cheap, the cheapest.
    """
    dearer = points[0]
    if dearer[1].mean() <= budget_usd:
        return dearer[0]
    for cheaper in points[1:]:
        high, low = dearer[1].mean(), cheaper[1].mean()
        if low <= budget_usd:
            part = (budget_usd - low) / (high - low)
            return part * dearer[0] + (1 - part) * cheaper[0]
        dearer = cheaper
    return dearer[0]


def _cells(row: StreamRow) -> list[str]:
    low, high = (100 * end for end in row["minus_offline_ci95"])
    gap = 100 * (row["accuracy"] - row["offline_accuracy"])
    return [
        f"{SAMPLES_PER_COST_UNIT * row['budget_usd']:.3g}",
        row["order"],
        f"{row['num_open']}",
        f"{row['spent_usd'] / row['budget_usd']:.2f}",
        f"{row['worst_share']:.2f}",
        f"{row['worst_bound_share']:.2f}",
        f"{100 * row['accuracy']:.2f}",
        f"{gap:+.1f} ({low:+.1f} to {high:+.1f})",
        f"{row['num_beyond']:.0f}",
    ]

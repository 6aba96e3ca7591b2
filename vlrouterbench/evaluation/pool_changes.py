"""What if prices change, or a candidate leaves: changes of the pool for one evaluation, nothing saved.

Decisions
- Costs, bounds, baselines and decisions follow together. A router is changed as `candidates price` would change it,
  keeps its trade-off in accuracy per USD (`--objective` chooses it anew), and one that cannot follow is refused: its
  decisions at the old prices are no answer.
- A factor scales everything that a candidate costs, also what the source fixed. New prices of one candidate reach only
  costs that are tokens times prices: where one is not, they are refused.
- A candidate that is left out is not chosen, as with `route --candidates`; cost bounds stay the whole benchmark's.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vlrouterbench.core.errors import EvaluationError, RouterError, unknown_name
from vlrouterbench.data.candidates import CandidateModel
from vlrouterbench.data.costs import pool_cost
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.changes import PoolChangesRecord
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import FAMILIES, family_name

SOURCE = "prices of this evaluation alone"
"""What the price sheet says of changed prices."""


@dataclass(frozen=True)
class PoolChanges:
    """Changes of the pool.

    Attributes:
        without: names of candidates that are left out.
        scale_prices: factor of every cost.
        prices: name -> (input, output) in USD per million tokens, as they are to be: not scaled.
        allow_unlikely_prices: take prices whose unit is likely another one as they stand.
    """

    without: tuple[str, ...] = ()
    scale_prices: float = 1.0
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    allow_unlikely_prices: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.scale_prices < math.inf:
            raise EvaluationError(
                f"--scale-prices: expected a factor above 0, such as 0.5, found {self.scale_prices:g}."
            )

    @property
    def of_prices(self) -> bool:
        """Whether prices change."""
        return self.scale_prices != 1.0 or bool(self.prices)

    @property
    def record(self) -> PoolChangesRecord | None:
        """What `results.json` has of them; None where nothing changes."""
        if not self.of_prices and not self.without:
            return None
        prices = {name: [float(price) for price in pair] for name, pair in self.prices.items()}
        return {"without": list(self.without), "scale_prices": self.scale_prices, "prices": prices}

    @classmethod
    def read(cls, record: PoolChangesRecord | None) -> PoolChanges:
        """The changes of a record."""
        if record is None:
            return cls()
        pairs = {name: (pair[0], pair[1]) for name, pair in record["prices"].items()}
        return cls(tuple(record["without"]), record["scale_prices"], pairs, allow_unlikely_prices=True)

    def check_names(self, table: RoutingTable) -> None:
        """Raise UnknownNameError for a candidate that the benchmark does not have."""
        for name in (*self.without, *self.prices):
            if name not in table.pool.index:
                raise unknown_name("candidate", name, table.pool.names)

    def priced(self, table: RoutingTable) -> RoutingTable:
        """The benchmark at the changed prices, with the cost bounds that follow.

        Raises:
            EvaluationError: costs of a candidate with new prices are not tokens times prices.
            SourceError: a price makes no sense, or its unit is likely another one.
        """
        scaled = table if self.scale_prices == 1.0 else _scaled(table, self.scale_prices)
        if not self.prices:
            return scaled
        _check_follows(table, self.prices)
        return scaled.with_prices(self.prices, source=SOURCE, allow_unlikely=self.allow_unlikely_prices)

    def on_router(self, name: str, router: PreTrainedRouter, table: RoutingTable) -> PreTrainedRouter:
        """A router at the prices of the changed benchmark; itself where prices stay. What was given is left as it is.

        Raises:
            EvaluationError: its family cannot follow prices.
            RouterError: it knows no tokens or former prices of a candidate.
        """
        if not self.of_prices:
            return router
        if not is_kind(router, OpenPoolRouter):
            open_pools = [known for known, kind in FAMILIES.items() if issubclass(kind, OpenPoolRouter)]
            raise cannot_follow(
                name,
                f"{family_name(router)} decides by what it learnt at the prices of its training. Families that follow: "
                f"{', '.join(open_pools)}. Leave it out, or build and train at these prices",
            )
        reached = table.pool.names if self.scale_prices != 1.0 else tuple(self.prices)
        new = {
            one.name: (one.input_price, one.output_price)
            for one in table.pool.candidates
            if one.name in reached and one.name in router.config.candidate_names
        }
        changed = copy.deepcopy(router)
        try:
            if new:
                changed.set_prices(new, allow_unlikely=True)
        except ValueError as error:
            raise RouterError(f"the router {name} cannot follow new prices: {error}") from error
        return changed


NO_CHANGES = PoolChanges()


def changed_prices(table: RoutingTable) -> dict[str, list[float]]:
    """Prices of a changed benchmark, USD per million tokens in and out, of the candidates that have some."""
    return {one.name: [one.input_price, one.output_price] for one in table.pool.candidates if one.is_priced}


def cannot_follow(name: str, why: str) -> EvaluationError:
    """The refusal of what decides the same at all prices."""
    return EvaluationError(f"--scale-prices and --price: {name} cannot follow new prices: {why}.")


def _scaled(table: RoutingTable, factor: float) -> RoutingTable:
    pool = replace(table.pool, candidates=tuple(_scaled_candidate(one, factor) for one in table.pool.candidates))
    return replace(table, pool=pool, matrices=table.matrices | {"cost": table.cost * factor}).with_own_bounds()


def _scaled_candidate(one: CandidateModel, factor: float) -> CandidateModel:
    """Prices besides those of tokens and requests are for reading alone, and go."""
    return replace(
        one,
        input_price=one.input_price * factor,
        output_price=one.output_price * factor,
        request_price=one.request_price * factor,
        other_prices=(),
        price_source=SOURCE,
        price_date="",
    )


def _check_follows(table: RoutingTable, prices: Mapping[str, tuple[float, float]]) -> None:
    """Refuse new prices where they would not reach every cost."""
    paid = pool_cost(table.matrices["input_tokens"], table.matrices["output_tokens"], table.pool)
    measured = np.isfinite(table.cost)
    fixed = (measured & ~np.isclose(table.cost, paid, rtol=1e-9, atol=0.0)).sum(axis=0)
    for name in prices:
        if count := int(fixed[table.pool.index[name]]):
            total = int(measured[:, table.pool.index[name]].sum())
            raise EvaluationError(
                f"--price {name}: expected costs that are tokens times prices, found {count:,} of {total:,} that the "
                "source fixed. --scale-prices scales those too."
            )

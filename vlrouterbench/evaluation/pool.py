"""Which candidates an evaluation scores, and at whose prices: a router's pool may have changed since its training.

Decisions
- All routers of one evaluation are scored on the same candidates and samples, or nothing about them could be compared:
  `shared` are those that every router has and the benchmark measured. What is left out of it is said.
- A router chooses among them as `route --candidates` does. Policies and controls have the same pool.
- Cost bounds stay the benchmark's, so that a figure can be followed while candidates come and go.
- Costs are counted at a router's own prices only when that is asked for; routers that disagree on a price are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, EvaluationError, RouterError, unknown_name
from vlrouterbench.data.candidates import CandidatePool
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.changes import changes_in_words
from vlrouterbench.evaluation.pool_changes import PoolChanges
from vlrouterbench.evaluation.records import ResultRecord, ScoredRecord, read_records
from vlrouterbench.metrics.objectives import Goal
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

ALL, SHARED = "all", "shared"
"""What `--candidates` may say instead of names."""
RESULTS_FILE = "results.json"


@dataclass(frozen=True)
class PoolMatch:
    """How a router's candidates fit a table's.

    Attributes:
        order: (num_router_candidates,) index in the table's pool of each of the router's candidates, -1 where it is not
            scored.
        allowed: names that the router may choose, None for all of its own.
    """

    order: np.ndarray
    allowed: list[str] | None


def match_pool(
    name: str, router: PreTrainedRouter, table: RoutingTable, *, partly: bool = False, without: Sequence[str] = ()
) -> PoolMatch:
    """How a router's candidates fit a table's.

    Args:
        name: the router's name, for messages.
        router: of any family.
        table: the scored samples.
        partly: whether the router may have candidates that the table lacks.
        without: those that it may have in any case: they are left out.

    Raises:
        RouterError: their candidates are different ones.
    """
    own, expected = router.config.candidate_names, table.pool.names
    lacking, strange = sorted(set(expected) - set(own)), sorted(set(own) - set(expected) - set(without))
    if lacking or (strange and not partly):
        raise RouterError(
            f"the router {name} and the benchmark {table.folder} have different candidates. Only in the benchmark: "
            f"{', '.join(lacking) or 'none'}; only in the router: {', '.join(strange) or 'none'}. Train on this "
            "benchmark, or score it on those that both have: --candidates shared."
        )
    order = np.array([table.pool.index.get(candidate, -1) for candidate in own])
    scored = [candidate for candidate in own if candidate in table.pool.index]
    return PoolMatch(order, scored if len(scored) < len(own) else None)


def with_candidates(table: RoutingTable, names: Sequence[str]) -> RoutingTable:
    """The table with some of its candidates, in its own order; cost bounds stay those of the whole.

    Raises:
        UnknownNameError: no such candidate in the pool.
        EvaluationError: no candidate at all.
    """
    for name in names:
        if name not in table.pool.index:
            raise unknown_name("candidate", name, table.pool.names)
    kept = [index for index, name in enumerate(table.pool.names) if name in set(names)]
    if not kept:
        raise EvaluationError("expected at least one candidate to score, found none.")
    if len(kept) == len(table.pool):
        return table
    pool = CandidatePool(tuple(table.pool.candidates[index] for index in kept), table.pool.source)
    return replace(table, pool=pool, matrices={name: matrix[:, kept] for name, matrix in table.matrices.items()})


def scored_candidates(asked: str, table: RoutingTable, pools: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of the candidates to score, in the table's order.

    Args:
        asked: ALL, SHARED, or names with commas between them.
        table: the benchmark.
        pools: router -> names of its candidates.

    Raises:
        EvaluationError: routers and benchmark share no candidate.
    """
    if asked == ALL:
        return list(table.pool.names)
    if asked != SHARED:
        return [name.strip() for name in asked.split(",") if name.strip()]
    shared = [name for name in table.pool.names if all(name in pool for pool in pools.values())]
    if not shared:
        raise EvaluationError(
            f"expected candidates that the benchmark {table.folder} shares with {', '.join(pools)}, found none. "
            f"The benchmark has {', '.join(table.pool.names)}."
        )
    return shared


def scored_samples(whole: RoutingTable, name: str) -> tuple[RoutingTable, RoutingTable]:
    """A split, and the samples of it that were measured for every candidate.

    Raises:
        BenchmarkError: there are none.
    """
    split = whole.split(name)
    table = split.take(split.complete)
    if not len(table):
        raise BenchmarkError(_nothing_complete(split, name))
    return split, table


def _nothing_complete(split: RoutingTable, name: str) -> str:
    measured = np.isfinite(split.quality) & np.isfinite(split.cost)
    never = [candidate for candidate, any_ in zip(split.pool.names, measured.any(axis=0), strict=True) if not any_]
    detail = f"Never measured there: {', '.join(never)}. " if never else ""
    return (
        f"expected samples of the {name} split of {split.folder} measured for every candidate, "
        f"found none of {len(split)}. {detail}Build with a --candidates file that lists only measured candidates."
    )


def prices_of(routers: Mapping[str, PreTrainedRouter], table: RoutingTable) -> dict[str, list[float]]:
    """The prices, USD per million tokens in and out, that routers state for candidates of a table.

    Raises:
        EvaluationError: two routers state different ones, or none states any.
    """
    prices: dict[str, list[float]] = {}
    for name, router in routers.items():
        for one in router.config.candidates:
            pair = [one.get("input_price"), one.get("output_price")]
            if one["name"] not in table.pool.index or pair[0] is None or pair[1] is None:
                continue
            stated = [float(price) for price in pair if price is not None]
            if prices.setdefault(one["name"], stated) != stated:
                raise EvaluationError(
                    f"--router-prices: the routers state different prices of {one['name']}, "
                    f"{prices[one['name']]} and {stated} ({name}). Evaluate them one by one."
                )
    if not prices:
        raise EvaluationError("--router-prices: expected a router that states prices, found none.")
    return prices


def at_prices(table: RoutingTable, prices: Mapping[str, Sequence[float]] | None) -> RoutingTable:
    """The benchmark at other prices, with the cost bounds that follow; as it is for None."""
    if prices is None:
        return table
    pairs = {name: (float(pair[0]), float(pair[1])) for name, pair in prices.items()}
    return table.with_prices(pairs, source="the routers' own prices", allow_unlikely=True)


def evaluated_table(folder: Path | str, records: Sequence[ResultRecord], goal: Goal) -> RoutingTable:
    """The scored samples of an evaluation as it saw them: its candidates, prices and split."""
    first = records[0]
    whole = load_table(folder).judged_by(goal)
    changes = first.get("pool_changes")
    # Prices that were changed for the evaluation stand in both fields; costs that the source fixed follow a factor.
    table = PoolChanges.read(changes).priced(whole) if changes else at_prices(whole, first["prices"])
    split = with_candidates(table, first["candidates"]).split(first["split"])
    return split.take(split.complete)


def candidates_beside(decisions: Path) -> list[str] | None:
    """Candidates that the evaluation of a file of decisions scored; None where its results are not at hand."""
    path = decisions / RESULTS_FILE if decisions.is_dir() else decisions.with_name(RESULTS_FILE)
    if not path.is_file():
        return None
    records = read_records(path)
    return records[0].get("candidates") if records else None


def pool_notes(record: ScoredRecord) -> list[str]:
    """What is to be said of candidates and prices that are not the benchmark's."""
    notes, left = list[str](), record["candidates_left_out"]
    if left:
        notes.append(
            f"Scored on {len(record['candidates'])} of the benchmark's {len(record['candidates']) + len(left)} "
            f"candidates; left out: {', '.join(left)}. Cost bounds are the whole benchmark's."
        )
    changes = record.get("pool_changes")
    if changes is not None:
        of_prices = PoolChanges.read(changes).of_prices
        kept = (
            "; routers keep their trade-off of accuracy against USD where no --objective is given" if of_prices else ""
        )
        notes.append(f"Changed for this evaluation alone:{changes_in_words(changes)}{kept}.")
    elif record["prices"] is not None:
        notes.append("Costs are counted at the router's own prices.")
    return notes

"""Evaluate routers and policies on one split of a benchmark: decide, score, write.

Decisions
- One evaluator for all families: a router decides on features and never sees quality or cost.
- A router must have exactly the benchmark's candidates, by name; their order may differ.
- Only samples measured for every candidate are scored; every record says how many were left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.asked import NO_ROUTER, TRAINED_HERE, AskedRouter, RouterSource, asked_routers
from vlrouterbench.evaluation.ceiling import ceiling_facts, decided_under
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.evaluation_options import EvaluationOptions
from vlrouterbench.evaluation.overlap import OverlapCheck
from vlrouterbench.evaluation.paired import UPPER_BOUND, RoutedSplit, ScoringContext
from vlrouterbench.evaluation.policies import decide_policy
from vlrouterbench.evaluation.pool import (
    ALL,
    SHARED,
    PoolMatch,
    at_prices,
    match_pool,
    prices_of,
    scored_candidates,
    scored_samples,
    with_candidates,
)
from vlrouterbench.evaluation.pool_changes import changed_prices
from vlrouterbench.evaluation.records import FreeForm, ResultRecord
from vlrouterbench.evaluation.results import score_routers
from vlrouterbench.evaluation.shuffled import train_on_shuffled
from vlrouterbench.evaluation.throughput import measure_throughput
from vlrouterbench.evaluation.upper_bound import SplitFeatures, upper_bound_decisions
from vlrouterbench.evaluation.when_unfamiliar import Frontier, decisions_of
from vlrouterbench.evaluation.without_model import decided_without_model
from vlrouterbench.evaluation.writing import write_results
from vlrouterbench.features.encode import cut_images, encode_benchmark, features_by, num_cut
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.decision import ScoreError
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import family_name
from vlrouterbench.training.arguments import RouterTrainingArguments
from vlrouterbench.training.fit import train_router
from vlrouterbench.training.outside import check_scores, is_outside, outside_code
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.rechoosing import can_rechoose, own_trade_off, rechoose, trained_for


def evaluate_routers(
    folder: Path | str, routers: Sequence[RouterSource], out: Path | str, options: EvaluationOptions | None = None
) -> list[ResultRecord]:
    """Evaluate routers and write `results.json`, `decisions.parquet`, `controls.parquet` and `estimates.parquet`.

    Args:
        folder: benchmark folder.
        routers: names of policies, cascades and registered routers, paths and Hub ids of trained routers, files of
            decisions (`decisions.parquet`), routers in memory, and functions of samples (`functions.py`).
        out: folder for the files; `estimates.parquet` is written only where a router is calibrated.
        options: see EvaluationOptions.

    Returns:
        The records of `results.json`, in the order given.

    Raises:
        BenchmarkError: no sample of the split was measured for every candidate.
        RouterError: a router cannot be loaded, or has other candidates than the benchmark.
        EvaluationError: an estimate that is no probability or no cost; a function that fails or answers otherwise than
            with candidates' names; decisions that do not fit; or a router that was trained on scored samples.
    """
    options = options or EvaluationOptions()
    if not routers:
        raise RouterError(NO_ROUTER)
    whole = load_table(folder).judged_by(options.goal)
    every = whole.pool.names
    whole, loaded, prices = _asked_pool(routers, whole, options)
    split, table = scored_samples(whole, options.split)
    train, overlaps = whole.split("train"), OverlapCheck(table, options.split, options.allow_leaks)
    routed: list[RoutedSplit] = []
    features: torch.Tensor | None = None
    for asked in asked_routers(routers, table, whole):
        if (fixed := decided_without_model(asked, table, whole, options)) is not None:
            routed.append(fixed)
            continue
        router = loaded.get(asked.name) or _router(asked, whole, options)
        _match(asked.name, router, table, options)
        overlap = overlaps.count(asked.name, router)
        split_features = router_features(router, table, options)
        if features is None and not router.end_to_end:
            features = split_features
        routed.append(
            replace(routed_split(asked.name, router, split_features, table, options), training_overlap=overlap)
        )
        if asked.family is not None:
            routed[-1].config[TRAINED_HERE] = True
        if options.shuffled_labels:
            control = train_on_shuffled(router, whole, options.work, seed=options.seed)
            routed[-1].shuffled = control.decide(split_features).cpu().numpy()
    references = _controls(table, train, features, options.seed)
    context = replace(
        ScoringContext(table, options.split, options.seed, references, num_left_out=len(split) - len(table)),
        machine_usd_per_hour=options.machine_usd_per_hour,
        prices=prices,
        candidates_left_out=[name for name in every if name not in table.pool.index],
        changes=options.changes.record,
    )
    records = score_routers(routed, context)
    write_results(records, routed, context, Path(out))
    return records


def _asked_pool(
    routers: Sequence[RouterSource], whole: RoutingTable, options: EvaluationOptions
) -> tuple[RoutingTable, dict[str, PreTrainedRouter], dict[str, list[float]] | None]:
    """The benchmark with the candidates and prices asked for, the routers that these depend on, and their prices."""
    loaded: dict[str, PreTrainedRouter] = {}
    changes = options.changes
    changes.check_names(whole)
    whole = changes.priced(whole)
    if options.candidates == SHARED or options.router_prices:
        _, table = scored_samples(whole, options.split)
        loaded = {
            one.name: _router(one, whole, options) for one in asked_routers(routers, table, whole) if one.has_model
        }
    prices = prices_of(loaded, whole) if options.router_prices else None
    pools = {name: router.config.candidate_names for name, router in loaded.items()}
    names = [name for name in scored_candidates(options.candidates, whole, pools) if name not in changes.without]
    table = with_candidates(at_prices(whole, prices), names)
    return table, loaded, changed_prices(whole) if changes.of_prices else prices


def _match(name: str, router: PreTrainedRouter, table: RoutingTable, options: EvaluationOptions) -> PoolMatch:
    return match_pool(name, router, table, partly=options.candidates != ALL, without=options.changes.without)


def _controls(
    table: RoutingTable, train: RoutingTable, features: torch.Tensor | None, seed: int
) -> dict[str, np.ndarray]:
    """Decisions (num_samples,) of the controls that every report has.

    The upper bound is estimated from the features of the first router that has some.
    """
    names = ("strongest", "cheapest", "mixture", "oracle")
    scored = None if features is None else SplitFeatures(features.cpu().numpy())
    decisions = {name: decide_policy(name, table, train, seed=seed).decisions for name in names}
    return decisions | {UPPER_BOUND: upper_bound_decisions(table, train, seed=seed, features=scored)}


def _router(asked: AskedRouter, whole: RoutingTable, options: EvaluationOptions) -> PreTrainedRouter:
    """A router as it was given, loaded, or trained for the occasion, at the prices of the evaluation."""
    if asked.family is not None:
        problem = Problem(whole, encode_benchmark(whole, None, options.work))
        return train_router(asked.family, problem, RouterTrainingArguments(seed=options.seed)).router
    router = AutoRouter.from_pretrained(str(asked.folder)) if asked.router is None else asked.router
    return options.changes.on_router(asked.name, router, whole)


def router_features(router: PreTrainedRouter, table: RoutingTable, options: EvaluationOptions) -> torch.Tensor:
    """(num_samples, dim) of a table by the router's own encoder."""
    # Stored features of the benchmark's inputs are used where there are any: they are the same as in training.
    return features_by(router.encoder, table, options.work)


def routed_split(
    name: str, router: PreTrainedRouter, features: torch.Tensor, table: RoutingTable, options: EvaluationOptions
) -> RoutedSplit:
    """What a router decides on a table, with what is known of it beside its decisions.

    Args:
        name: the router's, for messages.
        router: of any family.
        features: as `router_features` makes them.
        table: samples, whose goal is the one that a trade-off is chosen for.
        options: whether to choose one, to measure throughput, and whether the router may have other candidates.

    Raises:
        RouterError: other candidates than the table's, or scores that nothing can be decided by; see also
            `WhenUnfamiliar.check`.
        EvaluationError: an estimate that is none, or samples that would be refused.
    """
    pool = _match(name, router, table, options)
    order = pool.order
    config = {"kind": "router", "family": family_name(router), **router.config.training}
    own = own_trade_off(router)
    with outside_code(name, type(router), "scored"):
        if is_outside(type(router)):
            with torch.no_grad():
                check_scores(router, router.score(features), len(table))
        if options.rechoose:
            config |= _at_objective(router, table, pool.allowed)
        options.when_unfamiliar.check(router, pool.allowed, name)
        try:
            decisions, frontier, done = _decided(router, features, table, pool, options)
        except ScoreError as error:
            raise RouterError(f'the router "{name}" cannot be evaluated: {error}') from error
        routed = RoutedSplit(
            name,
            decisions,
            config | done,
            throughput=measure_throughput(router, table) if options.time_routers else None,
            features={**router.encoder.describe(), **cut_images(num_cut(table, router.encoder))},
            frontier=frontier,
            estimates=ask_estimates(name, router, features, order),
        )
    router.config.update(own)
    return routed


def _decided(
    router: PreTrainedRouter, features: torch.Tensor, table: RoutingTable, pool: PoolMatch, options: EvaluationOptions
) -> tuple[np.ndarray, Frontier | None, FreeForm]:
    """Decisions (num_samples,), those at every trade-off, and what to record of them."""
    if options.ceiling.max_cost_usd is None:
        return decisions_of(router, features, pool.order, pool.allowed, options.when_unfamiliar)
    decisions, fits = decided_under(options.ceiling, router, features, pool.order, pool.allowed)
    return decisions, None, ceiling_facts(options.ceiling, table, decisions, fits, seed=options.seed)


def _at_objective(router: PreTrainedRouter, table: RoutingTable, candidates: Sequence[str] | None) -> FreeForm:
    """Give a router the trade-off for the table's objective where it can choose one; what its record says of it."""
    facts: FreeForm = {"objective": trained_for(router), "rechosen": can_rechoose(router, table.goal)}
    if not facts["rechosen"]:
        return facts
    choice = rechoose(router, table.goal, candidates)
    return facts | {
        "objective": str(table.goal.objective),
        "usd_weight": choice.usd_weight,
        "objective_note": choice.note,
    }

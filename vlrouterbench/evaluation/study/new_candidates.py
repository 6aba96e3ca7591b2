"""New candidates: every candidate in turn is left out of training, then joins by its outcomes on a few anchor samples.

Decisions
- Anchor samples are the router's own choice (`anchor_set`) or drawn at random from train, where a larger set holds the
  smaller ones. Beside every estimate stands the constant: the mean quality of the same anchor samples.
- The trade-off of decisions is chosen without the new candidate and kept when it joins; cost bounds are the benchmark's
  throughout.
- A router is trained once per new candidate; a copy of it meets each set of anchor samples.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.held_out import leave_candidate_out
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.new_candidate_curves import (
    ALONE,
    KNOWN,
    PROBE_SET,
    RANDOM,
    NewCandidateCurves,
    Step,
    Tried,
)
from vlrouterbench.evaluation.study.over_splits import worth_of
from vlrouterbench.evaluation.study.splits import Ground, check_names, family_and_variant, scored
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.new_candidates import OUTCOMES
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import ROUTERS

COUNTS = (50, 100, 300, 1_000)
"""Anchor samples that new candidates are tried with, where the train split has as many."""


@dataclass(frozen=True)
class _Split:
    """One split of the benchmark, and the features of what is asked on it."""

    seed: int
    table: RoutingTable
    train: RoutingTable
    test: RoutingTable
    train_features: torch.Tensor
    test_features: torch.Tensor

    @classmethod
    def of(cls, ground: Ground, seed: int, table: RoutingTable) -> _Split:
        train, test = table.split("train"), scored(table)
        return cls(seed, table, train, test, ground.features.of(train), ground.features.of(test))


def join_new_candidates(ground: Ground, routers: Sequence[str], counts: Sequence[int] = COUNTS) -> dict[str, Any]:
    """Let every candidate join routers that were trained without it.

    Args:
        ground: benchmark and splits.
        routers: names (see `splits.py`); those without `add_candidate` are passed over.
        counts: numbers of anchor samples; one that is larger than some train split is left out.

    Returns:
        `passed_over`: names. `routers`, a row each: `router`; `trained_on` {"brier", "rank_score"}; `without`
        {"rank_score", "minus_trained_on"}; `anchor_set` (where the family chooses anchor samples) and `random`, a list each of
        {"num_anchors", "brier", "constant_brier", "rank_score", "minus_trained_on"}; `anchor_set_minus_random`, a list of
        {"num_anchors", "brier", "ci95"}. `minus_trained_on` is {"rank_score", "ci95"}.

    Raises:
        RouterError: no router or seed, or one twice; no router with an open pool; too few training samples, or
            outcomes that no router can join a candidate by.
        UnknownNameError: no such family, variant or policy.
        BenchmarkError: there is one candidate alone.
    """
    check_names(routers, ground.seeds)
    known = [name for name, family in ROUTERS.items() if hasattr(family, "add_candidate")]
    asked = [name for name in routers if name not in POLICIES and family_and_variant(name)[0] in known]
    if not asked:
        raise RouterError(
            f"expected a router whose pool is open, found {', '.join(routers)}. Families that candidates can join: "
            f"{', '.join(known)}."
        )
    counts = _possible(ground, counts)
    curves = {name: NewCandidateCurves(ground.table.cost_bounds) for name in asked}
    for seed, table in ground.splits():
        split = _Split.of(ground, seed, table)
        for name in asked:
            tried = dict(_each_new_candidate(name, ground, split, counts))
            curves[name].add(tried, split.test.column("group_id"), seed=seed)
    return {
        "routers": [{"router": name, **curves[name].row()} for name in asked],
        "passed_over": [name for name in routers if name not in asked],
    }


def _possible(ground: Ground, counts: Sequence[int]) -> list[int]:
    least = min(len(table.split("train")) for _, table in ground.splits())
    found = [count for count in counts if count <= least]
    if not found:
        raise RouterError(
            f"expected at least {min(counts)} training samples in {ground.table.folder} to anchor new candidates on, found "
            f"{least}: build from more samples."
        )
    return found


def _each_new_candidate(
    name: str, ground: Ground, split: _Split, counts: Sequence[int]
) -> Iterator[tuple[str, dict[Step, Tried]]]:
    """Every candidate with what was tried with it."""
    with ground.stage(f"split {split.seed}: {name}"):
        whole = ground.train(name, split.table, split.seed)
    for place, candidate in enumerate(split.table.pool.names):
        with ground.stage(f"split {split.seed}: {name} and new candidate {candidate}"):
            # Cost bounds stay the benchmark's: every router is scored under them.
            fewer = replace(leave_candidate_out(split.table, candidate), report=split.table.report)
            router = ground.train(name, fewer, split.seed)
            tried = {KNOWN: _tried(whole, split, place), ALONE: _tried(router, split, None)}
            for step, anchors in _anchors(router, split, place, counts):
                joined = _joined(router, name, split, place, anchors)
                constant = np.nanmean(split.train.quality[anchors, place])
                squared = (constant - split.test.quality[:, place]) ** 2
                tried[step] = replace(_tried(joined, split, place), constant=squared)
        yield candidate, tried


def _anchors(
    router: PreTrainedRouter, split: _Split, place: int, counts: Sequence[int]
) -> Iterator[tuple[Step, np.ndarray]]:
    """Places in the train split to anchor a new candidate on, for every step."""
    shuffled = np.random.default_rng((split.seed, place)).permutation(len(split.train))
    for count in counts:
        if hasattr(router, "anchor_set"):
            yield (PROBE_SET, count), np.array(router.anchor_set(count))
        yield (RANDOM, count), shuffled[:count]


def _joined(router: PreTrainedRouter, name: str, split: _Split, place: int, anchors: np.ndarray) -> PreTrainedRouter:
    """A copy of a router that a candidate has joined."""
    joined, train = copy.deepcopy(router), split.train
    candidate = train.pool.candidates[place]
    entry = {kind: getattr(candidate, kind) for kind in ("name", "input_price", "output_price")}
    measured = {
        kind: torch.from_numpy(train.matrices[kind][anchors, place].astype(np.float32)) for kind in (*OUTCOMES, "cost")
    }
    features = split.train_features[torch.from_numpy(anchors)]
    try:
        if isinstance(joined, OpenPoolRouter):
            joined.add_candidate(entry, features, {kind: measured[kind] for kind in OUTCOMES})
        else:
            joined.add_candidate(entry, features, measured["quality"], measured["cost"])
    except ValueError as error:
        raise RouterError(f"{candidate.name} cannot join {name} by {len(anchors)} anchor samples: {error}") from error
    return joined


@torch.no_grad()
def _tried(router: PreTrainedRouter, split: _Split, place: int | None) -> Tried:
    """A router on the test samples, and its estimates for the candidate of a place in the benchmark's pool."""
    names, test = split.table.pool.names, split.test
    order = np.array([split.table.pool.index[name] for name in router.config.candidate_names])
    worth = worth_of(order[router.decide(split.test_features).cpu().numpy()], test)
    if place is None:
        return Tried(worth)
    column = router.config.candidate_names.index(names[place])
    estimated = router.estimate(split.test_features.to(router.device))[0][:, column].double().cpu().numpy()
    return Tried(worth, (estimated - test.quality[:, place]) ** 2)

"""Evaluate routers and policies on one split of a benchmark: decide, score, write.

Decisions
- One evaluator for all families: a router decides on features and never sees quality or cost.
- A router must have exactly the benchmark's candidates, by name; their order may differ.
- Only samples measured for every candidate are scored; every record says how many were left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import torch

from vlrouterbench.core.errors import BenchmarkError, EvaluationError, RouterError, unknown_name
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.operating_points import decisions_by_weight
from vlrouterbench.evaluation.overlap import OverlapCheck
from vlrouterbench.evaluation.paired import UPPER_BOUND, RoutedSplit, ScoringContext
from vlrouterbench.evaluation.policies import POLICIES, decide_policy
from vlrouterbench.evaluation.records import ResultRecord
from vlrouterbench.evaluation.results import score_routers
from vlrouterbench.evaluation.shuffled import train_on_shuffled
from vlrouterbench.evaluation.throughput import measure_throughput
from vlrouterbench.evaluation.upper_bound import SplitFeatures, upper_bound_decisions
from vlrouterbench.evaluation.writing import write_results
from vlrouterbench.features.encode import features_by
from vlrouterbench.features.options import EncodingWork, Progress
from vlrouterbench.routers.auto import AutoRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registry import FAMILIES, family_name


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
        num_proc: number of processes that encode samples whose features are not stored.
        progress: called while samples are encoded.
    """

    split: str = "test"
    seed: int = 0
    time_routers: bool = True
    machine_usd_per_hour: float | None = None
    shuffled_labels: bool = False
    allow_leaks: bool = False
    num_proc: int = 1
    progress: Progress | None = None

    def __post_init__(self) -> None:
        price = self.machine_usd_per_hour
        if price is not None and not 0 <= price < math.inf:
            raise EvaluationError(f"expected a machine price >= 0 in USD per hour, found {price}.")

    @property
    def work(self) -> EncodingWork:
        """How encoding is spread."""
        return EncodingWork(self.num_proc, progress=self.progress)


def evaluate_routers(
    folder: Path | str, routers: Sequence[str], out: Path | str, options: EvaluationOptions | None = None
) -> list[ResultRecord]:
    """Evaluate routers and write `results.json`, `decisions.parquet`, `controls.parquet` and `estimates.parquet`.

    Args:
        folder: benchmark folder.
        routers: names of policies, or paths and Hub ids of trained routers.
        out: folder for the files; `estimates.parquet` is written only where a router is calibrated.
        options: see EvaluationOptions.

    Returns:
        The records of `results.json`, in the order given.

    Raises:
        BenchmarkError: no sample of the split was measured for every candidate.
        RouterError: a router cannot be loaded, or has other candidates than the benchmark.
        EvaluationError: an estimate of a calibrated router is not a probability, or not a cost; or a router was trained
            on scored samples, and that is not allowed.
    """
    options = options or EvaluationOptions()
    if not routers:
        raise RouterError(
            f"expected at least one router, found none. Policies: {', '.join(POLICIES)}; else a folder or Hub id."
        )
    whole = load_table(folder)
    split, train = whole.split(options.split), whole.split("train")
    table = split.take(split.complete)
    if not len(table):
        raise BenchmarkError(_nothing_complete(split, options.split))
    overlaps = OverlapCheck(table, options.split, options.allow_leaks)
    routed: list[RoutedSplit] = []
    features: torch.Tensor | None = None
    for name, source in zip(_unique_names(routers), routers, strict=True):
        if source in POLICIES:
            policy = decide_policy(source, table, train, seed=options.seed)
            config = {"kind": "policy", "name": source, **policy.config}
            routed.append(RoutedSplit(name, policy.decisions, config, policy.shares))
            continue
        router = _load(source)
        _matching_order(name, router, table)
        overlap = overlaps.count(name, router)
        split_features = _features(router, table, options)
        if features is None and not router.end_to_end:
            features = split_features
        routed.append(replace(_routed(name, router, split_features, table, options), training_overlap=overlap))
        if options.shuffled_labels:
            control = train_on_shuffled(router, whole, options.work, seed=options.seed)
            routed[-1].shuffled = control.decide(split_features).cpu().numpy()
    context = ScoringContext(
        table,
        options.split,
        options.seed,
        _controls(table, train, features, options.seed),
        num_left_out=len(split) - len(table),
        machine_usd_per_hour=options.machine_usd_per_hour,
    )
    records = score_routers(routed, context)
    write_results(records, routed, context, Path(out))
    return records


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


def _load(source: str) -> PreTrainedRouter:
    folder = Path(source)
    if not folder.exists() and "/" not in source:
        if source in FAMILIES:
            raise RouterError(
                f'"{source}" needs training first: `vlrouterbench train DIR --router {source} --out PATH`, '
                "then give PATH."
            )
        raise unknown_name("router", source, (*POLICIES, *FAMILIES))
    return AutoRouter.from_pretrained(source)


def _unique_names(routers: Sequence[str]) -> list[str]:
    """The name of a policy or the last component of a path; a repeated name gets a number."""
    wanted = [source if source in POLICIES else _last_component(source) for source in routers]
    names: list[str] = []
    for name in wanted:
        # A numbered name must not be the own name of a later router.
        numbered = (f"{name}-{number}" for number in count(2))
        names.append(name if name not in names else next(n for n in numbered if n not in names and n not in wanted))
    return names


def _last_component(source: str) -> str:
    path = Path(source)
    return path.name if path.name not in ("", "..") else path.resolve().name


def _features(router: PreTrainedRouter, table: RoutingTable, options: EvaluationOptions) -> torch.Tensor:
    """(num_samples, dim) by the router's own encoder."""
    # Stored features of the benchmark's inputs are used where there are any: they are the same as in training.
    return features_by(router.encoder, table, options.work)


def _routed(
    name: str, router: PreTrainedRouter, features: torch.Tensor, table: RoutingTable, options: EvaluationOptions
) -> RoutedSplit:
    order = _matching_order(name, router, table)
    return RoutedSplit(
        name,
        order[router.decide(features).cpu().numpy()],
        {"kind": "router", "family": family_name(router), **router.config.training},
        throughput=measure_throughput(router, table) if options.time_routers else None,
        features=router.encoder.describe(),
        frontier=decisions_by_weight(router, features, order),
        estimates=ask_estimates(name, router, features, order),
    )


def _matching_order(name: str, router: PreTrainedRouter, table: RoutingTable) -> np.ndarray:
    """Index in the benchmark's pool of each of the router's candidates."""
    own, expected = router.config.candidate_names, table.pool.names
    if set(own) != set(expected):
        lacking, strange = sorted(set(expected) - set(own)), sorted(set(own) - set(expected))
        raise RouterError(
            f"the router {name} and the benchmark {table.folder} have different candidates. Only in the benchmark: "
            f"{', '.join(lacking) or 'none'}; only in the router: {', '.join(strange) or 'none'}. "
            "Train on this benchmark."
        )
    return np.array([table.pool.index[candidate] for candidate in own])


def _nothing_complete(split: RoutingTable, name: str) -> str:
    measured = np.isfinite(split.quality) & np.isfinite(split.cost)
    never = [candidate for candidate, any_ in zip(split.pool.names, measured.any(axis=0), strict=True) if not any_]
    detail = f"Never measured there: {', '.join(never)}. " if never else ""
    return (
        f"expected samples of the {name} split of {split.folder} measured for every candidate, "
        f"found none of {len(split)}. {detail}Build with a --candidates file that lists only measured candidates."
    )

"""Part `new-candidates`: every candidate in turn is left out of training, then joins by its outcomes on anchor samples.

Decisions
- Anchor samples are the router's own choice (`anchor_set`) or drawn at random from train, where a larger set holds the
  smaller ones. Beside every estimate stands the constant: the mean quality of the same anchor samples.
- The trade-off of decisions is chosen without the new candidate and kept when it joins; cost bounds are the benchmark's
  throughout.
- A router is trained once per new candidate; a copy of it meets each set of anchor samples.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypedDict, runtime_checkable

import numpy as np
import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.data.held_out import leave_candidate_out
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, bounds_of, family_and_variant, scored
from vlrouterbench.evaluation.study.new_candidate_curves import (
    ANCHOR_SET,
    RANDOM,
    TRAINED_ON,
    WITHOUT,
    JoinedFigures,
    NewCandidateCurves,
    NewCandidateRow,
    Step,
    Trial,
)
from vlrouterbench.evaluation.study.new_candidate_plot import new_candidate_plot
from vlrouterbench.evaluation.study.over_splits import difference_text, outcomes_of
from vlrouterbench.evaluation.study.part import StudyHeader, StudyPart, TextTable
from vlrouterbench.routers.base.configuration_router import NewCandidate
from vlrouterbench.routers.base.estimating import EstimatingRouter
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.pool.new_candidates import OUTCOMES
from vlrouterbench.routers.pool.open_pool import OpenPoolRouter
from vlrouterbench.routers.registry import ROUTERS

COUNTS = (50, 100, 300, 1_000)
"""Anchor samples that new candidates are tried with, where the train split has as many."""


class NewCandidatesRecord(TypedDict):
    """A row per router that candidates can join, and the names of the others."""

    routers: list[NewCandidateRow]
    skipped: list[str]


class NewCandidatesPart(StudyPart[NewCandidatesRecord]):
    """Learning curves of new candidates.

    Args:
        counts: numbers of anchor samples; one that is larger than some train split is left out.
    """

    name, key = "new-candidates", "new_candidates"
    former_names = ("newcomers",)

    def __init__(self, counts: Sequence[int] = COUNTS) -> None:
        self.counts = counts

    def check(self, context: StudyContext, routers: Sequence[str]) -> None:
        """As the base's.

        Raises:
            RouterError: no router or seed, or one twice; no router with an open pool.
            UnknownNameError: no such family, variant or policy.
        """
        super().check(context, routers)
        if not _open_among(routers):
            raise RouterError(
                f"expected a router whose pool is open, found {', '.join(routers)}. Families that candidates can join: "
                f"{', '.join(_open_families())}."
            )

    def run(self, context: StudyContext, routers: Sequence[str]) -> NewCandidatesRecord:
        """Let every candidate join routers that were trained without it; errors as for `check`.

        Raises:
            RouterError: too few training samples, or outcomes that no router can join a candidate by.
            BenchmarkError: there is one candidate alone.
        """
        self.check(context, routers)
        names, counts = _open_among(routers), _possible(context, self.counts)
        bounds, beta = bounds_of(context.table), context.table.goal.beta
        curves = {name: NewCandidateCurves(bounds, beta) for name in names}
        for seed, own, table in context.fitted(names):
            split = _Split.of(own, seed, table)
            for name in names:
                trials = dict(_each_new_candidate(name, own, split, counts))
                curves[name].add(trials, split.test.column("group_id"), seed=seed)
        return {
            "routers": [{"router": name, **curves[name].row()} for name in names],
            "skipped": [name for name in routers if name not in names],
        }

    def table(self, record: NewCandidatesRecord, header: StudyHeader) -> list[TextTable | str]:
        """Learning curves of every router's new candidates, and the routers that no candidate can join."""
        lines: list[TextTable | str] = []
        for row in record["routers"]:
            lines += [_curves_table(row), *([_choices_table(row)] if row["anchor_set_minus_random"] else [])]
        if record["skipped"]:
            lines.append(f"no candidate can join: {', '.join(record['skipped'])}")
        return lines

    def section(self, record: NewCandidatesRecord, header: StudyHeader) -> str:
        """A figure and a table per router."""
        simulated = header["benchmark"]["simulated"]
        return self.render(
            record, header, svgs=[new_candidate_plot(row, simulated=simulated) for row in record["routers"]]
        )


@runtime_checkable
class _JoinedByCost(Protocol):
    """A router that a candidate joins by quality and cost, without tokens."""

    def add_candidate(
        self, candidate: Mapping[str, Any], features: torch.Tensor, quality: torch.Tensor, cost: torch.Tensor
    ) -> None: ...


@dataclass(frozen=True)
class _Split:
    """One split of the benchmark, and the features of its train and test samples."""

    seed: int
    table: RoutingTable
    train: RoutingTable
    test: RoutingTable
    train_features: torch.Tensor
    test_features: torch.Tensor

    @classmethod
    def of(cls, context: StudyContext, seed: int, table: RoutingTable) -> _Split:
        train, test = table.split("train"), scored(table)
        return cls(seed, table, train, test, context.features.of(train), context.features.of(test))


def _open_families() -> list[str]:
    """Families that candidates can join."""
    return [name for name, family in ROUTERS.items() if hasattr(family, "add_candidate")]


def _open_among(routers: Sequence[str]) -> list[str]:
    families = _open_families()
    return [name for name in routers if name not in POLICIES and family_and_variant(name)[0] in families]


def _possible(context: StudyContext, counts: Sequence[int]) -> list[int]:
    """The counts that every train split has samples for."""
    least = min(len(table.split("train")) for _, table in context.splits())
    possible = [count for count in counts if count <= least]
    if not possible:
        raise RouterError(
            f"expected at least {min(counts)} training samples in {context.table.folder} to anchor new candidates on, "
            f"found {least}: build from more samples."
        )
    return possible


def _each_new_candidate(
    name: str, context: StudyContext, split: _Split, counts: Sequence[int]
) -> Iterator[tuple[str, dict[Step, Trial]]]:
    """Every candidate with its trials."""
    with context.stage(f"split {split.seed}: {name}"):
        whole = context.train(name, split.table, split.seed)
    for index, candidate in enumerate(split.table.pool.names):
        with context.stage(f"split {split.seed}: {name} and new candidate {candidate}"):
            # Cost bounds stay the benchmark's: every router is scored under them.
            fewer = replace(leave_candidate_out(split.table, candidate), report=split.table.report)
            router = context.train(name, fewer, split.seed)
            trials = {TRAINED_ON: _trial(whole, split, index), WITHOUT: _trial(router, split, None)}
            for step, anchors in _anchors(router, split, index, counts):
                joined = _joined(router, name, split, index, anchors)
                constant = np.nanmean(split.train.quality[anchors, index])
                squared = (constant - split.test.quality[:, index]) ** 2
                trials[step] = replace(_trial(joined, split, index), constant=squared)
        yield candidate, trials


def _anchors(
    router: PreTrainedRouter, split: _Split, index: int, counts: Sequence[int]
) -> Iterator[tuple[Step, np.ndarray]]:
    """Indices into the train split of the anchor samples of a new candidate, for every step."""
    shuffled = np.random.default_rng((split.seed, index)).permutation(len(split.train))
    for count in counts:
        if isinstance(router, OpenPoolRouter):
            yield (ANCHOR_SET, count), np.array(router.anchor_set(count))
        yield (RANDOM, count), shuffled[:count]


def _joined(router: PreTrainedRouter, name: str, split: _Split, index: int, anchors: np.ndarray) -> PreTrainedRouter:
    """A copy of a router that a candidate has joined."""
    joined, train = copy.deepcopy(router), split.train
    candidate = train.pool.candidates[index]
    entry = NewCandidate(name=candidate.name, input_price=candidate.input_price, output_price=candidate.output_price)
    measured = {
        kind: torch.from_numpy(train.matrices[kind][anchors, index].astype(np.float32)) for kind in (*OUTCOMES, "cost")
    }
    features = split.train_features[torch.from_numpy(anchors)]
    try:
        if isinstance(joined, OpenPoolRouter):
            joined.add_candidate(entry, features, {kind: measured[kind] for kind in OUTCOMES})
        elif isinstance(joined, _JoinedByCost):
            joined.add_candidate(entry, features, measured["quality"], measured["cost"])
    except ValueError as error:
        raise RouterError(f"{candidate.name} cannot join {name} by {len(anchors)} anchor samples: {error}") from error
    return joined


@torch.no_grad()
def _trial(router: PreTrainedRouter, split: _Split, index: int | None) -> Trial:
    """A router on the test samples, and its estimates for the candidate at an index of the benchmark's pool."""
    names, test = split.table.pool.names, split.test
    order = np.array([split.table.pool.index[name] for name in router.config.candidate_names])
    outcomes = outcomes_of(order[router.decide(split.test_features).cpu().numpy()], test)
    if index is None or not isinstance(router, EstimatingRouter):
        return Trial(outcomes)
    column = router.config.candidate_names.index(names[index])
    estimated = router.estimate(split.test_features.to(router.device))[0][:, column].double().cpu().numpy()
    return Trial(outcomes, (estimated - test.quality[:, index]) ** 2)


def _curves_table(row: NewCandidateRow) -> TextTable:
    curves = [(entry, words) for words, part in _curves(row) for entry in part]
    rows = [
        [f"{entry['num_anchors']:,}", words, f"{100 * entry['brier']:.2f}", f"{100 * entry['constant_brier']:.2f}"]
        + [f"{entry['rank_score']:.2f}", difference_text(entry["minus_trained_on"])]
        for entry, words in sorted(curves, key=lambda curve: curve[0]["num_anchors"])
    ]
    trained_on, without = row["trained_on"], row["without"]
    score = f"{trained_on['rank_score']:.2f}"
    rows += [
        ["trained on", "", f"{100 * trained_on['brier']:.2f}", "", score, "-"],
        ["without it", "", "", "", f"{without['rank_score']:.2f}", difference_text(without["minus_trained_on"])],
    ]
    columns = ("anchors", "chosen", "Brier %", "constant", "Rank", "- trained on, 95 %")
    return TextTable(f"{row['router']}: new candidates", columns, rows)


def _curves(row: NewCandidateRow) -> Iterator[tuple[str, Sequence[JoinedFigures]]]:
    if "anchor_set" in row:
        yield "by router", row["anchor_set"]
    yield "at random", row["random"]


def _choices_table(row: NewCandidateRow) -> TextTable:
    rows = []
    for entry in row["anchor_set_minus_random"]:
        gap, low, high = (100 * value for value in (entry["brier"], *entry["ci95"]))
        rows.append([f"{entry['num_anchors']:,}", f"{gap:+.3f} ({low:+.3f} to {high:+.3f})"])
    return TextTable("", ("anchors", "Brier of router's - random, %, 95 %"), rows)

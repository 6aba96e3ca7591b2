"""Answers of a router to the test samples, as trained on everything and as trained without the sample's dataset.

Decisions
- Left out are all samples of the dataset from train and validation, and training groups that it shares
  (`data/held_out.py`), and encoders are fitted without them: what is new to a router is new to its features too.
- A guard is a setting of decisions: it is tried on the routers at hand, and nothing is trained again; on all samples,
  and on those alone that a router says are unlike its training samples (`--when-unfamiliar guard`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlrouterbench.data.held_out import leave_dataset_out
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.evaluation.estimates import ask_estimates
from vlrouterbench.evaluation.policies import POLICIES
from vlrouterbench.evaluation.study.context import StudyContext, scored
from vlrouterbench.evaluation.study.over_splits import Outcomes, outcomes_of, outcomes_of_policy
from vlrouterbench.routers.base.familiarity import SAID_FROM, unfamiliarities

GUARDS = (0.0, 0.5, 1.0, 2.0)
"""Standard errors, tried on routers whose configuration has a guard."""


@dataclass(frozen=True)
class IfUnfamiliar:
    """A guard, in standard errors, on the samples alone that are unlike the training samples."""

    guard: float


Guard = float | IfUnfamiliar | None
"""On every sample, on the unfamiliar ones, or None: the router as it was trained."""
INSIDE, OUTSIDE = "inside", "outside"
SIDES_LEGEND = (
    "with: the router was trained on all datasets; w/o: on all but the one of the samples that it decides, each left "
    "out in turn. Both decide the same test samples."
)
"""What tables for the terminal call the two sides."""
Setting = tuple[str, str, Guard]
"""Router, side, and guard."""


@dataclass(frozen=True)
class AccuracyEstimates:
    """Estimated accuracies of a calibrated router.

    Attributes:
        chosen: of the decisions, (num_samples,).
        all_candidates: (num_samples, num_candidates).
    """

    chosen: np.ndarray
    all_candidates: np.ndarray


@dataclass(frozen=True)
class Answer:
    """Decisions and estimates of a router for some samples.

    Attributes:
        outcomes: of its decisions under each guard; None is the router as it was trained.
        estimates: None where the family is not calibrated.
        unfamiliar: (num_samples,) how unlike its training samples each is; None of a family that does not say.
    """

    outcomes: Mapping[Guard, Outcomes]
    estimates: AccuracyEstimates | None = None
    unfamiliar: np.ndarray | None = None


def answers_on_both_sides(
    names: Sequence[str], context: StudyContext, fitted: StudyContext, split: RoutingTable, seed: int
) -> Iterator[tuple[str, Answer, Answer]]:
    """Every router with its answers on the test samples: trained with their datasets, and without.

    Args:
        names: of the routers.
        context: of the study.
        fitted: the same with encoders that were fitted on the split.
        split: the benchmark under one split.
        seed: of the split and of training.
    """
    test, inside = scored(split), {}
    for name in names:
        with context.stage(f"split {seed}: {name}"):
            inside[name] = _answer(name, fitted, split, test, seed)
    datasets = np.array(test.column("dataset"))
    answers: dict[str, list[Answer]] = {name: [] for name in names}
    rows = []
    for dataset in dict.fromkeys(test.column("dataset")):
        rows.append(np.flatnonzero(datasets == dataset))
        without, own = leave_dataset_out(split, dataset), context
        if any(map(context.reads_features, names)):
            with context.stage(f"split {seed}: fit encoders without {dataset}"):
                own = context.fitted_on(without)
        for name in names:
            with context.stage(f"split {seed}: {name} without {dataset}"):
                answers[name].append(_answer(name, own, without, test.take(rows[-1]), seed))
    order = np.argsort(np.concatenate(rows))
    for name in names:
        yield name, inside[name], _joined(answers[name], order)


def _answer(name: str, context: StudyContext, split: RoutingTable, samples: RoutingTable, seed: int) -> Answer:
    """The answer, for some samples, of a router that was trained on a split."""
    if name in POLICIES:
        return Answer({None: outcomes_of_policy(name, split, samples, seed=seed)})
    router, features = context.train(name, split, seed), context.features.of(samples)
    decisions = router.decide(features).cpu().numpy()
    outcomes: dict[Guard, Outcomes] = {None: outcomes_of(decisions, samples)}
    scores = None if router.end_to_end else unfamiliarities(features, router.held_out, router.encoder)
    unfamiliar = None if scores is None else scores.numpy()
    if hasattr(router.config, "guard"):
        own = router.config.guard
        for guard in GUARDS:
            router.config.guard = guard
            guarded = router.decide(features).cpu().numpy()
            outcomes[guard] = outcomes_of(guarded, samples)
            if guard and unfamiliar is not None:
                chosen = np.where(unfamiliar >= SAID_FROM, guarded, decisions)
                outcomes[IfUnfamiliar(guard)] = outcomes_of(chosen, samples)
        router.config.guard = own
    estimates = ask_estimates(name, router, features, np.arange(len(samples.pool)))
    if estimates is None:
        return Answer(outcomes, unfamiliar=unfamiliar)
    return Answer(outcomes, AccuracyEstimates(estimates.of_chosen(decisions)[0], estimates.accuracy), unfamiliar)


def _joined(answers: Sequence[Answer], order: np.ndarray) -> Answer:
    """Answers on samples of one dataset after another as one answer, in the order of the test split."""

    def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)[order]

    outcomes: dict[Guard, Outcomes] = {
        guard: (
            joined([answer.outcomes[guard][0] for answer in answers]),
            joined([answer.outcomes[guard][1] for answer in answers]),
        )
        for guard in answers[0].outcomes
    }
    scores = [answer.unfamiliar for answer in answers if answer.unfamiliar is not None]
    unfamiliar = joined(scores) if len(scores) == len(answers) else None
    estimates = [answer.estimates for answer in answers if answer.estimates is not None]
    if not estimates:
        return Answer(outcomes, unfamiliar=unfamiliar)
    chosen, every = joined([one.chosen for one in estimates]), joined([one.all_candidates for one in estimates])
    return Answer(outcomes, AccuracyEstimates(chosen, every), unfamiliar)

"""Families from outside this package while they are trained and scored: what their code raises, and what it answers.

Decisions
- The package's own families are tested; what others raise is theirs, and the message says so and names the class.
- Scores are looked at once, before anything is chosen by them: the largest of a row that holds NaN is no decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.foreign_code import foreign_code
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.registration import BUILT_IN
from vlrouterbench.routers.registry import FAMILIES
from vlrouterbench.routers.write_code import CodeError, flat_sources
from vlrouterbench.training.training_run import TrainingRun


def is_outside(kind: type) -> bool:
    """Whether a router's class is none of this package's families."""
    return all(kind is not FAMILIES[name] for name in BUILT_IN)


@contextmanager
def outside_code(name: str, kind: type, doing: str) -> Iterator[None]:
    """Report what a family from outside raises as its own failure; nothing changes for the package's families.

    Args:
        name: of the router.
        kind: its class.
        doing: what is done with it, after "while it was".
    """
    if not is_outside(kind):
        yield
        return
    with foreign_code(
        lambda failure: RouterError(
            f'the router "{name}" failed while it was {doing}: {failure}. Correct {kind.__module__}.'
            f"{kind.__qualname__}; --debug shows where."
        )
    ):
        yield


@contextmanager
def code_carried(name: str) -> Iterator[None]:
    """Say whose code it is that cannot be written beside the weights."""
    try:
        yield
    except CodeError as error:
        raise RouterError(f'the code of the router "{name}" cannot be saved beside its weights: {error}') from error


def check_can_be_saved(family: str) -> None:
    """Refuse a family from outside whose code could not be written beside its weights, before it is trained.

    Raises:
        RouterError: with what its code has that cannot be carried.
    """
    kind = FAMILIES[family]
    with code_carried(family):
        if is_outside(kind):
            flat_sources([kind, kind.config_class], {})


@torch.no_grad()
def check_outside(router: PreTrainedRouter, run: TrainingRun) -> None:
    """As `check_scores`, of a router of a family from outside on the validation samples."""
    if is_outside(type(router)):
        features = run.problem.validation_features
        was_training = router.training
        scored = router.eval().scores_for(features.to(router.device), router.decision_settings(run.recipe)[:1])
        check_scores(router, next(iter(scored)), len(features))
        router.train(was_training)


def check_scores(router: PreTrainedRouter, scores: object, num_samples: int) -> None:
    """Refuse what is not a score for every sample and candidate.

    Raises:
        RouterError: not a tensor (num_samples, num_candidates), NaN in it, or a sample whose largest score is infinite.
    """
    expected = (num_samples, router.num_candidates)
    found = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    whose = f"{type(router).__name__}.{'estimate' if hasattr(router, 'estimate') else 'score'}"
    if found != expected:
        raise RouterError(
            f"expected scores (num_samples, num_candidates) = {expected} of {whose}, found {found}. Return a tensor "
            "with a score for every sample and candidate."
        )
    if isinstance(scores, torch.Tensor) and scores.isnan().any():
        rows = int(scores.isnan().any(dim=1).sum())
        raise RouterError(
            f"expected scores of {whose} that can be compared, found NaN on {rows:,} of {num_samples:,} samples. Pairs "
            "that were not measured are NaN in what it learns from: leave them out there."
        )
    if isinstance(scores, torch.Tensor) and not (largest := scores.amax(dim=1)).isfinite().all():
        at = int((~largest.isfinite()).nonzero()[0])
        raise RouterError(
            f"expected a finite number as the largest score of {whose} for every sample, found {largest[at]:g} on "
            f"{int((~largest.isfinite()).sum()):,} of {num_samples:,}. -inf beside others says never, for a candidate."
        )

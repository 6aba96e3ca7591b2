"""Choosing on validation: every setting that is tried, and the Rank Score that it is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vlrouterbench.routers.modeling_router import PreTrainedRouter
from vlrouterbench.training.problem import Problem


@dataclass(frozen=True)
class Trial:
    """One setting that was tried: what it was and its Rank Score on validation."""

    setting: dict[str, Any]
    validation_rank_score: float


@torch.no_grad()
def try_settings(router: PreTrainedRouter, problem: Problem, settings: Sequence[Mapping[str, Any]]) -> list[Trial]:
    """Judge a fitted router under each of several decision settings; its configuration is left at the last."""
    features = problem.validation_features.to(router.device)
    return [
        Trial(dict(setting), problem.validation_score(router.choose(scores)))
        for setting, scores in zip(settings, router.scores_for(features, settings), strict=True)
    ]


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial with the best Rank Score, the first of equals."""
    return max(trials, key=lambda trial: trial.validation_rank_score)

"""Choosing on validation: every setting that is tried, and the Rank Score that it is judged by.

Decisions
- A family that makes out-of-fold estimates of its training samples is judged by its expectation of its own decisions on
  them and by the outcomes of its decisions on validation, all samples together. Expectations vary far less than
  outcomes: the trade-off that they choose did better on both real tables that were tried. The Rank Score on validation
  alone is recorded beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch

from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.problem import Problem


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        setting: the configuration fields, and the cost weight where there is one.
        validation_rank_score: its Rank Score on validation.
        held_out_rank_score: on validation, and expected out of fold on train; None where the family makes no such
            estimates.
    """

    setting: Mapping[str, Any]
    validation_rank_score: float
    held_out_rank_score: float | None = None

    @property
    def merit(self) -> float:
        """What the setting is chosen by."""
        return self.validation_rank_score if self.held_out_rank_score is None else self.held_out_rank_score


@torch.no_grad()
def try_settings(router: PreTrainedRouter, problem: Problem, settings: Sequence[Mapping[str, Any]]) -> list[Trial]:
    """Judge a fitted router under each of several decision settings; its configuration is left at the last."""
    features = problem.validation_features.to(router.device)
    scored = router.scores_for(features, settings)
    expected: Iterable[tuple[float, float] | None] | None = router.out_of_fold_averages_for(settings)
    trials = []
    for setting, scores, averages in zip(settings, scored, expected or repeat(None, len(settings)), strict=True):
        decisions = router.choose(scores)
        held_out = None if averages is None else problem.held_out_score(decisions, averages)
        trials.append(Trial(dict(setting), problem.validation_score(decisions), held_out))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial that is best by what it is chosen by, the first of equals."""
    return max(trials, key=lambda trial: trial.merit)

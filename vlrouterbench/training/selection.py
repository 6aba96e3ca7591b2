"""Choosing on validation: every setting that is tried, and the Rank Score that it is judged by.

Decisions
- A family that makes out-of-fold estimates of its training samples is judged by its expectation of its own decisions on
  them and by the outcomes of its decisions on validation, all samples together. Expectations vary far less than
  outcomes: the trade-off that they choose did better on both real tables that were tried. The Rank Score on validation
  alone is recorded beside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch

from vlrouterbench.metrics.objectives import BENCHMARK_GOAL, Goal
from vlrouterbench.routers.base.card import TrialFacts
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.problem import Problem


@dataclass(frozen=True)
class Trial:
    """One setting that was tried.

    Attributes:
        setting: the configuration fields, and the cost weight where there is one.
        validation_rank_score: its Rank Score on validation; None where there are no cost bounds.
        held_out_rank_score: on validation, and expected out of fold on train; None where the family makes no such
            estimates.
        objective_value: what it is chosen by where that is not the Rank Score; else None.
        note: how far the objective is met on held-out samples, where it is not.
    """

    setting: Mapping[str, Any]
    validation_rank_score: float | None
    held_out_rank_score: float | None = None
    objective_value: float | None = None
    note: str = ""

    @property
    def merit(self) -> float:
        """What the setting is chosen by."""
        given = (self.objective_value, self.held_out_rank_score, self.validation_rank_score)
        return next((value for value in given if value is not None), -math.inf)


def judged(
    problem: Problem,
    setting: Mapping[str, Any],
    decisions: torch.Tensor,
    train_averages: tuple[float, float] | None = None,
) -> Trial:
    """The trial of a setting.

    Args:
        problem: what it is judged on.
        setting: what was tried.
        decisions: on the validation samples, (num_validation,).
        train_averages: accuracy and cost (USD per sample) that are expected of decisions on the train split, where the
            family makes out-of-fold estimates.
    """
    score = problem.validation_score(decisions)
    held_out = None if train_averages is None else problem.held_out_merit(decisions, train_averages)
    if problem.table.goal.ranks_by_rank_score:
        return Trial(dict(setting), score, held_out)
    value = problem.validation_merit(decisions) if held_out is None else held_out
    return Trial(dict(setting), None if math.isnan(score) else score, objective_value=value)


@torch.no_grad()
def try_settings(router: PreTrainedRouter, problem: Problem, settings: Sequence[Mapping[str, Any]]) -> list[Trial]:
    """Judge a fitted router under each of several decision settings; its configuration is left at the last."""
    features = problem.validation_features.to(router.device)
    scored = router.scores_for(features, settings)
    expected: Iterable[tuple[float, float] | None] | None = router.out_of_fold_averages_for(settings)
    trials = []
    for setting, scores, averages in zip(settings, scored, expected or repeat(None, len(settings)), strict=True):
        trials.append(judged(problem, setting, router.choose(scores), averages))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """The trial that is best by what it is chosen by, the first of equals."""
    return max(trials, key=lambda trial: trial.merit)


def objective_record(goal: Goal, chosen: Trial) -> dict[str, Any]:
    """What a router was chosen for, where that is not the Rank Score of the benchmark's own terms."""
    if goal == BENCHMARK_GOAL.on(goal.measured) and goal.ranks_by_rank_score:
        return {}
    return {
        "objective": str(goal.objective),
        "beta": goal.beta,
        "cost_bounds_usd": None if goal.cost_bounds is None else list(goal.cost_bounds),
        "rank_score_reason": goal.why_no_rank_score,
        "objective_value": chosen.merit,
        **({"objective_note": chosen.note} if chosen.note else {}),
    }


def trial_facts(trial: Trial) -> TrialFacts:
    """A trial as the card of a router states it."""
    facts: TrialFacts = {
        "setting": {name: json_number(value) for name, value in trial.setting.items()},
        "validation_rank_score": trial.validation_rank_score,
    }
    if trial.held_out_rank_score is not None:
        facts["held_out_rank_score"] = trial.held_out_rank_score
    if trial.objective_value is not None:
        facts["objective_value"] = trial.objective_value
    return facts


def json_number(value: float | int) -> float | int | str:
    """A number as JSON can hold it: infinity is written "inf"."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value

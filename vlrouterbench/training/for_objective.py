"""The trade-off of a router that was just fitted, where its objective leads to another than the trials' best.

Decisions
- Rank Score is chosen for among the trials, unless the router shrinks its estimates (`shrinking.py`): how far is told
  by all held-out samples together.
"""

from __future__ import annotations

from dataclasses import replace

from vlrouterbench.metrics.objectives import RANK_SCORE
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.training.rechoosing import rechoose
from vlrouterbench.training.selection import Trial
from vlrouterbench.training.training_run import TrainingRun


def for_objective(router: PreTrainedRouter, best: Trial, run: TrainingRun) -> Trial:
    """The trial that a router is left at: the best, or the trade-off that its objective leads to on held-out samples.

    Args:
        router: at the best trial, with what it keeps of held-out samples.
        best: of its trials.
        run: what it was trained by.
    """
    goal = run.problem.table.goal
    for_rank_score = goal.objective.kind == RANK_SCORE
    if "usd_weight" in run.recipe.fixed or router.held_out is None:
        return best
    if for_rank_score and not getattr(router.config, "shrink", False):
        return best
    choice = rechoose(router, goal)
    setting = {**best.setting, "usd_weight": choice.usd_weight}
    if not for_rank_score:
        return replace(best, setting=setting, objective_value=choice.value, note=choice.note)
    if choice.share == 1:
        return best
    decisions = router.decide(run.problem.validation_features.to(router.device))
    score = run.problem.validation_score(decisions) if goal.ranks_by_rank_score else None
    chosen = replace(best, setting={**setting, "share": choice.share}, validation_rank_score=score)
    if score is None:
        return replace(chosen, objective_value=choice.value)
    return replace(chosen, held_out_rank_score=choice.value)

"""Routers of several cost weights trained at once: one trunk, and a last layer for each.

Decisions
- The trunk sees every sample once per step for all of them, and every validation sample once per epoch. The loss is the
  mean of theirs, so that the trunk's gradient is as large as in a training by itself.
- Each keeps its own best epoch by Rank Score on validation, with the trunk of that epoch, so that what is saved is a
  plain router of the family.
- It is for sweeps; `train_router` trains each by itself unless told otherwise: with the paper's six cost weights on
  30,540 simulated samples, means of two seeds lay 0.5 below (10) to 2.9 above (0) each one's own training on
  validation, the others within 0.3 (`sweep` with and without `--separate`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from vlrouterbench.routers.base.learning import Recipe, TrainingSet, soft_cross_entropy
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, RouterOutput
from vlrouterbench.training.members import Members
from vlrouterbench.training.problem import Problem
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.selection import Trial
from vlrouterbench.training.trainer import train_members


class SharedTrunk(nn.Module):
    """What is trained: the trunk of the first router, and the last layer of each.

    Args:
        routers: of one family that `shares_trunk`, with equal widths; they share the first one's trunk from here on.
    """

    def __init__(self, routers: Sequence[PreTrainedRouter]) -> None:
        super().__init__()
        for router in routers[1:]:
            router.share_trunk(routers[0])
        self.trunk = routers[0].trunk
        self.heads = nn.ModuleList(router.head[-1] for router in routers)

    def forward(self, features: torch.Tensor, targets: torch.Tensor) -> RouterOutput:
        """Mean of the routers' losses, for features (batch, dim) and targets (batch, num_routers * num_candidates)."""
        weight = torch.cat([head.weight for head in self.heads])
        bias = torch.cat([head.bias for head in self.heads])
        logits = nn.functional.linear(self.trunk(features), weight, bias)
        # As many rows count for every router, so the mean over all rows is the mean of the routers' means.
        shape = (-1, self.heads[0].out_features)
        return RouterOutput(soft_cross_entropy(logits.reshape(shape), targets.reshape(shape)))


def train_on_shared_trunk(
    routers: Sequence[PreTrainedRouter], problem: Problem, training_sets: Sequence[TrainingSet], recipe: Recipe
) -> list[tuple[PreTrainedRouter, Trial]]:
    """Train routers that start alike but for their targets.

    Args:
        routers: one per training set.
        problem: what they are judged on.
        training_sets: the same samples under several cost weights; which samples count is the same for all.
        recipe: how to train.

    Returns:
        Every router at its best epoch, with a trunk of its own, and that epoch's trial.
    """
    module = SharedTrunk(routers)
    pairs = zip(routers, training_sets, strict=True)
    targets = torch.cat([router.training_targets(samples) for router, samples in pairs], dim=1)
    run = FeatureDataset(training_sets[0].features, targets), training_sets[0].seed

    @torch.no_grad()
    def judge(places: Sequence[int]) -> list[Trial]:
        hidden = module.trunk(problem.validation_features.to(routers[0].device))
        decisions = [routers[place].choose(module.heads[place](hidden)) for place in places]
        return [Trial({}, problem.validation_score(chosen)) for chosen in decisions]

    found = train_members(Members(module, routers, judge), run, recipe)
    trained = []
    for router, (trial, state) in zip(routers, found, strict=True):
        own = copy.deepcopy(router).cpu().eval()
        own.load_state_dict(state, strict=False)
        trained.append((own, trial))
    return trained

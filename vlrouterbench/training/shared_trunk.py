"""Routers of several cost weights trained at once: one trunk, and a last layer for each.

Decisions
- The trunk sees every sample once per step for all of them, and every validation sample once per epoch. The loss is the
  mean of theirs, so that the trunk's gradient is as large as in a training by itself.
- Each keeps its own best epoch by Rank Score on validation, with the trunk of that epoch, so that what is saved is a
  plain router of the family.
- It is for sweeps; `train_router` trains each by itself unless `shared_trunk` is set: with the paper's six cost weights
  on 30,540 simulated samples, means of two seeds lay 0.5 below (10) to 2.9 above (0) each one's own training on
  validation, the others within 0.3 (`sweep` with and without `--separate`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import nn

from vlrouterbench.routers.base.learning import TrainingSet, soft_cross_entropy
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, RouterOutput
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.selection import Trial, judged
from vlrouterbench.training.trainer import train_group
from vlrouterbench.training.training_group import TrainingGroup
from vlrouterbench.training.training_run import TrainingRun


class _WithTrunk(Protocol):
    """What a family that `shares_trunk` has besides."""

    trunk: nn.Sequential
    head: nn.Sequential

    def share_trunk(self, other: _WithTrunk) -> None:
        """Take another router's trunk in the place of one's own."""


class SharedTrunk(nn.Module):
    """What is trained: the trunk of the first router, and the last layer of each.

    Args:
        routers: of one family that `shares_trunk`, with equal widths; they share the first one's trunk from here on.
    """

    def __init__(self, routers: Sequence[PreTrainedRouter]) -> None:
        super().__init__()
        first, *others = (cast(_WithTrunk, router) for router in routers)
        for router in others:
            router.share_trunk(first)
        self.trunk = first.trunk
        self.last_layers = [cast(nn.Linear, router.head[-1]) for router in (first, *others)]
        self.heads = nn.ModuleList(self.last_layers)

    def forward(self, features: torch.Tensor, targets: torch.Tensor) -> RouterOutput:
        """Mean of the routers' losses, for features (batch, dim) and targets (batch, num_routers * num_candidates)."""
        weight = torch.cat([layer.weight for layer in self.last_layers])
        bias = torch.cat([layer.bias for layer in self.last_layers])
        logits = nn.functional.linear(self.trunk(features), weight, bias)
        # As many rows count for every router, so the mean over all rows is the mean of the routers' means.
        shape = (-1, self.last_layers[0].out_features)
        return RouterOutput(soft_cross_entropy(logits.reshape(shape), targets.reshape(shape)))


def train_on_shared_trunk(
    routers: Sequence[PreTrainedRouter], training_sets: Sequence[TrainingSet], run: TrainingRun
) -> list[tuple[PreTrainedRouter, Trial]]:
    """Train routers that start alike but for their targets.

    Args:
        routers: one per training set.
        training_sets: the same samples under several cost weights; which samples count is the same for all.
        run: how they are trained, and what they are judged on.

    Returns:
        Every router at its best epoch, with a trunk of its own, and that epoch's trial.
    """
    module, problem = SharedTrunk(routers), run.problem
    pairs = zip(routers, training_sets, strict=True)
    targets = torch.cat([router.training_targets(samples) for router, samples in pairs], dim=1)

    @torch.no_grad()
    def judge(indices: Sequence[int]) -> list[Trial]:
        hidden = module.trunk(problem.validation_features.to(routers[0].device))
        decisions = [routers[index].choose(module.last_layers[index](hidden)) for index in indices]
        return [judged(problem, {}, decided) for decided in decisions]

    dataset = FeatureDataset(training_sets[0].features, targets)
    best_epochs = train_group(TrainingGroup(module, routers, judge), dataset, run)
    trained = []
    for router, (trial, state) in zip(routers, best_epochs, strict=True):
        own = copy.deepcopy(router).cpu().eval()
        own.load_state_dict(state, strict=False)
        trained.append((own, trial))
    return trained

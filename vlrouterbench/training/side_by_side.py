"""Networks of several cost weights trained side by side: one pass over the samples, and every one as if by itself.

Decisions
- They share what does not depend on targets: first weights, order of samples, dropout, and the loop. Layers of all are
  multiplied in one batched product, so a step costs little more than its arithmetic.
- Nothing is shared that learns. A shared trunk was quicker still, but gave other routers than one training each: by
  validation on 3,000 simulated samples 2.6 above at a cost weight of 0 and 0.8 below at 100, on 30,540 2.9 below at 0.
  A sweep compares cost weights, so what one of them gains from the targets of the others is an error of it.
- The loss is the sum of theirs, and gradients are clipped for each, so that each takes the steps of its own training,
  to rounding. Each keeps its own best epoch by validation, and is left out once its patience is spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from vlrouterbench.routers.base.learning import TrainingSet, soft_cross_entropy
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, RouterOutput
from vlrouterbench.training.outside import is_outside
from vlrouterbench.training.samples import FeatureDataset
from vlrouterbench.training.selection import Trial, judged
from vlrouterbench.training.trainer import train_group
from vlrouterbench.training.training_group import TrainingGroup
from vlrouterbench.training.training_run import TrainingRun


def fits_side_by_side(family: type[PreTrainedRouter]) -> bool:
    """Whether networks of a family can be trained so; not those of a class from outside, which may change the rest."""
    return family.has_plain_head and not is_outside(family)


class SideBySide(nn.Module):
    """Networks of one shape: `head` of each is a sequence of linear layers, ReLU and dropout.

    Args:
        routers: of one family whose `has_plain_head` is set.

    Attributes:
        active: indices of the networks that are still trained.
    """

    def __init__(self, routers: Sequence[PreTrainedRouter]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(cast(nn.Sequential, router.head) for router in routers)
        self.active = list(range(len(routers)))

    def forward(self, features: torch.Tensor, targets: torch.Tensor) -> RouterOutput:
        """Sum of the networks' losses, for features (batch, dim) and targets (batch, num_routers * num_candidates)."""
        rows = features.unsqueeze(0).expand(len(self.active), -1, -1)
        for layers in zip(*(cast(nn.Sequential, self.heads[index]) for index in self.active), strict=True):
            rows = self._through(layers, rows)
        wanted = targets.unflatten(1, (len(self.heads), -1))
        pairs = zip(rows, self.active, strict=True)
        return RouterOutput(torch.stack([soft_cross_entropy(row, wanted[:, index]) for row, index in pairs]).sum())

    @staticmethod
    def _through(layers: Sequence[nn.Module], rows: torch.Tensor) -> torch.Tensor:
        """Rows (num_active, batch, width) through one layer of each network."""
        if isinstance(layers[0], nn.Linear):
            weight, bias = (torch.stack([getattr(layer, name) for layer in layers]) for name in ("weight", "bias"))
            return torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))
        if isinstance(layers[0], nn.Dropout):
            # Drawn once, as a training by itself draws it.
            return rows * layers[0](torch.ones_like(rows[0]))
        return layers[0](rows)


def train_side_by_side(
    routers: Sequence[PreTrainedRouter], training_sets: Sequence[TrainingSet], run: TrainingRun
) -> list[tuple[PreTrainedRouter, Trial]]:
    """Train routers that start alike but for their targets.

    Args:
        routers: one per training set.
        training_sets: the same samples under several cost weights; which samples count is the same for all.
        run: how they are trained, and what they are judged on.

    Returns:
        Every router at its best epoch, and that epoch's trial.
    """
    module, problem = SideBySide(routers), run.problem
    pairs = zip(routers, training_sets, strict=True)
    targets = torch.cat([router.training_targets(samples) for router, samples in pairs], dim=1)

    @torch.no_grad()
    def judge(indices: Sequence[int]) -> list[Trial]:
        module.active = list(indices)
        features = problem.validation_features
        return [judged(problem, {}, routers[index].decide(features)) for index in indices]

    dataset = FeatureDataset(training_sets[0].features, targets)
    best_epochs = train_group(TrainingGroup(module, routers, judge), dataset, run)
    trained = []
    for router, (trial, state) in zip(routers, best_epochs, strict=True):
        router.load_state_dict(state, strict=False)
        trained.append((router.cpu().eval(), trial))
    return trained

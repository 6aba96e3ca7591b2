"""Context-NN: the outcomes of the nearest sample of a context stand for those of the sample.

Source: the in-context nearest-neighbour baseline `one_nn` of RouteFM (arXiv 2609.37362;
`src/routefm/evaluation/mmrbench_v1_exhaustive.py` of LAMDA-Model-Reuse/RouteFM, commit 4a9e4db): of the context sample
with the largest cosine the scores per candidate, and the best of them, or the best less weighted cost.
Requirements: features, quality and cost of the training split, which is the context.
Relations: kNN averages soft labels of many neighbours; here one neighbour's quality and cost are taken as they are.
Context-mean averages the same context without reading the sample.

Decisions
- The context is of the whole train split, as `modeling_context_mean.py` says. One neighbour is the source's;
  `num_neighbors` takes a mean over more.
- The source subtracts the target's own cost, which nobody knows before asking; here it is the neighbour's.
- A pair that was not measured counts as the candidate's mean over the context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen
from vlrouterbench.routers.families.modeling_context_mean import context_rows, mean_outcomes
from vlrouterbench.routers.families.modeling_knn import KNNRouterConfig, NeighborRouter, vote


class ContextNNRouterConfig(KNNRouterConfig, EstimatingRouterConfig):
    """Configuration of a Context-NN router.

    Args:
        context_size: samples drawn of train as the context; 0 takes all.
        num_neighbors: how many of them are averaged.
        kwargs: that of kNN, and the shared part.
    """

    model_type = "vlrouter-context-nn"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"context_size": (0, MANY)}

    def __init__(self, context_size: int = 0, num_neighbors: int = 1, **kwargs: Any) -> None:
        self.context_size = context_size
        super().__init__(num_neighbors=num_neighbors, **kwargs)


class ContextNNRouter(NeighborRouter, EstimatingRouter):
    """Quality and cost are those of the nearest sample of the context."""

    config: ContextNNRouterConfig
    config_class = ContextNNRouterConfig
    title = "Context-NN"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": Recipe(cost_weights=())}

    def __init__(self, config: ContextNNRouterConfig) -> None:
        super().__init__(config)
        self.memory_quality = frozen(config.memory_size, self.num_candidates)
        self.memory_cost = frozen(config.memory_size, self.num_candidates)
        self.post_init()

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """As many memories as the context has samples."""
        size = int(setting.get("context_size", 0))
        return {"memory_size": len(_context(training_set, size))}

    def fit(self, training_set: TrainingSet) -> None:
        """Remember the context."""
        super().fit(training_set)
        rows = _context(training_set, self.config.context_size)
        self.remember_features(training_set.features[rows])
        measured = (training_set.quality, training_set.cost)
        for memory, matrix, mean in zip(
            (self.memory_quality, self.memory_cost), measured, mean_outcomes(training_set, rows), strict=True
        ):
            pairs = matrix[rows].float()
            memory.copy_(torch.where(pairs.isnan(), mean, pairs))

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quality and cost (USD per sample), each (num_samples, num_candidates)."""
        weights, indices = self.neighbors(features, self.config.num_neighbors)
        return vote(weights, self.memory_quality[indices]), vote(weights, self.memory_cost[indices])


def _context(training_set: TrainingSet, context_size: int) -> torch.Tensor:
    """Indices of the samples that are remembered: the context, or the sample where that is too long for memory."""
    rows = context_rows(len(training_set.features), context_size, training_set.seed)
    return training_set.sampled_rows if len(rows) > training_set.max_samples else rows

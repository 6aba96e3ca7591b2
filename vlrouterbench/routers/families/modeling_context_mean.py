"""Context-mean: each candidate's mean quality and cost over a context of samples, whatever is asked.

Source: the baseline `context_mean` of RouteFM (arXiv 2609.37362; `src/routefm/evaluation/mmrbench_v1_exhaustive.py` of
LAMDA-Model-Reuse/RouteFM, commit 4a9e4db): scores of a few context samples, averaged per candidate; the candidate with
the best mean is asked for every target, or the best mean less weighted cost.
Requirements: quality and cost of the training split, which is the context; features are not read.
Relations: the policy `strongest` is the same without cost; Context-NN reads the nearest sample of the same context.
What does not exceed it has learnt nothing from reading samples.

Decisions
- There the context is drawn anew for every dataset, which the router is thereby told. Here nothing tells a router the
  dataset: the context is of the whole train split, as `strongest` is beside `strongest-per-dataset`.
- All of train is the context unless `context_size` says how many samples are drawn of it (8 to 64 in the source).
- The source subtracts the target's own cost, which nobody knows before asking; here it is the mean cost in the context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, mean_of_blocks
from vlrouterbench.routers.base.modeling_router import frozen


class ContextMeanRouterConfig(EstimatingRouterConfig):
    """Configuration of a Context-mean router.

    Args:
        context_size: samples drawn of train as the context; 0 takes all.
        kwargs: the shared part.
    """

    model_type = "vlrouter-context-mean"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"context_size": (0, MANY)}

    def __init__(self, context_size: int = 0, **kwargs: Any) -> None:
        self.context_size = context_size
        super().__init__(**kwargs)


class ContextMeanRouter(EstimatingRouter):
    """The same estimates for every sample."""

    config: ContextMeanRouterConfig
    config_class = ContextMeanRouterConfig
    title = "Context-mean"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": Recipe(cost_weights=())}

    def __init__(self, config: ContextMeanRouterConfig) -> None:
        super().__init__(config)
        self.context_quality = frozen(self.num_candidates)
        self.context_cost = frozen(self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Average the context."""
        super().fit(training_set)
        rows = context_rows(len(training_set.features), self.config.context_size, training_set.seed)
        quality, cost = mean_outcomes(training_set, rows)
        self.context_quality.copy_(quality)
        self.context_cost.copy_(cost)

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quality (num_samples, num_candidates) and cost (num_candidates,), USD per sample."""
        return self.context_quality.expand(len(features), -1), self.context_cost


def context_rows(num_samples: int, context_size: int, seed: int) -> torch.Tensor:
    """Indices of the samples that make the context: all for a size of 0, else as many drawn without replacement."""
    if not context_size or context_size >= num_samples:
        return torch.arange(num_samples)
    return torch.randperm(num_samples, generator=torch.Generator().manual_seed(seed))[:context_size].sort().values


def mean_outcomes(training_set: TrainingSet, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean quality and cost (num_candidates,) over measured pairs of some samples; of all train where there are none.

    A candidate that train never measured has a quality of 0, and the cost of the most expensive one.
    """
    quality = mean_of_blocks(training_set.quality[part] for part in training_set.blocks())
    whole = quality.nan_to_num(0.0), training_set.mean_cost.float()
    parts, matrices = rows.split(training_set.max_samples), (training_set.quality, training_set.cost)
    own = (mean_of_blocks(matrix[part] for part in parts).float() for matrix in matrices)
    quality, cost = (torch.where(mean.isnan(), instead, mean) for mean, instead in zip(own, whole, strict=True))
    return quality, cost

"""kNN: the mean soft label of the nearest training samples, weighted by cosine similarity.

Source: the paper's KNN router (arXiv 2512.23562) is the special case of hard labels (infinite cost weight) and k = 5;
averaging soft labels over more neighbours follows arXiv 2505.12601, which found large k strong.
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates) of the training split.
Relations: no training, only memory; Linear and MLP are smaller where the training split is large.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .configuration_router import RouterConfig
from .modeling_router import PreTrainedRouter

ROWS_PER_BLOCK = 1024


class KNNRouterConfig(RouterConfig):
    """Configuration of a kNN router.

    Args:
        memory_size: number of remembered training samples.
        num_neighbors: how many of them vote.
        kwargs: the shared part.
    """

    model_type = "vlrouter-knn"
    _auto_class = "AutoConfig"

    def __init__(self, memory_size: int = 0, num_neighbors: int = 5, **kwargs: Any) -> None:
        self.memory_size = memory_size
        self.num_neighbors = num_neighbors
        super().__init__(**kwargs)


class KNNRouter(PreTrainedRouter):
    """Scores are weighted mean soft labels of the neighbours."""

    config_class = KNNRouterConfig
    _auto_class = "AutoModel"

    def __init__(self, config: KNNRouterConfig) -> None:
        super().__init__(config)
        # Parameters that are never trained, not buffers: transformers takes a model's dtype from its parameters.
        self.memory = frozen(config.memory_size, self.feature_dim)
        self.memory_labels = frozen(config.memory_size, self.num_candidates)
        self.post_init()

    def remember(self, features: torch.Tensor, soft_labels: torch.Tensor) -> None:
        """Fill the memory with training features (memory_size, dim) and labels (memory_size, num_candidates)."""
        self.memory.copy_(unit_rows(features))
        self.memory_labels.copy_(soft_labels)

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Mean soft labels, (num_samples, num_candidates)."""
        similarity, neighbors = nearest(features, self.memory, num_neighbors=self.config.num_neighbors)
        return vote(similarity, self.memory_labels[neighbors])


def frozen(*shape: int) -> nn.Parameter:
    """A parameter of zeros that is not trained."""
    return nn.Parameter(torch.zeros(*shape), requires_grad=False)


def unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Rows at unit length; a zero row stays zero."""
    return torch.nn.functional.normalize(features, dim=1)


def nearest(features: torch.Tensor, memory: torch.Tensor, *, num_neighbors: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Exact nearest rows of `memory` (unit length) by cosine: similarities and places, each (num_samples, k), best
    first."""
    k = min(num_neighbors, memory.shape[0])
    blocks = [torch.topk(unit_rows(block) @ memory.T, k, dim=1) for block in features.split(ROWS_PER_BLOCK)]
    return torch.cat([b.values for b in blocks]), torch.cat([b.indices for b in blocks])


def vote(similarity: torch.Tensor, neighbor_labels: torch.Tensor) -> torch.Tensor:
    """Mean of labels (num_samples, k, num_candidates) weighted by similarity (num_samples, k), negatives counting 0."""
    weights = similarity.clamp(min=0) + 1e-6
    return (weights.unsqueeze(-1) * neighbor_labels).sum(dim=1) / weights.sum(dim=1, keepdim=True)

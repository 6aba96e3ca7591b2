"""kNN: the mean soft label of the nearest training samples, weighted by cosine similarity.

Source: the paper's KNN router (arXiv 2512.23562) is the reference variant: hard labels (infinite cost weight), k = 5,
weights of one over distance. The default averages soft labels over a number of neighbours chosen on validation (arXiv
2505.12601 found large k strong).
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates) of the training split.
Relations: no training, only memory; Linear and MLP are smaller where the training split is large. PRkNN compares
candidates in pairs over the same neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.base.configuration_router import MANY, RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, frozen
from vlrouterbench.routers.base.neighbors import INDEXES, NeighborIndex, unit_rows

DISTANCE_FLOOR = 1e-6
"""Added to a distance before it is inverted."""
NUM_NEIGHBORS = (5, 10, 20, 50, 100, 200)
"""Neighbour counts that are tried on validation."""


class KNNRouterConfig(RouterConfig):
    """Configuration of a kNN router.

    Args:
        memory_size: number of remembered training samples.
        num_neighbors: how many of them vote.
        weighting: "similarity" (cosine, negatives counting 0) or "distance" (one over 1 - cosine).
        memory_dtype: "float32", or "float16" for a remembered vector of half the size.
        index: "exact", or "faiss" for tens of millions of memories (extra `faiss`).
        kwargs: the shared part.
    """

    model_type = "vlrouter-knn"
    choices: ClassVar[Mapping[str, Sequence[str]]] = {
        "weighting": ("similarity", "distance"),
        "memory_dtype": ("float32", "float16"),
        "index": tuple(INDEXES),
    }
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"memory_size": (0, MANY), "num_neighbors": (1, MANY)}

    def __init__(
        self,
        memory_size: int = 0,
        num_neighbors: int = 5,
        weighting: str = "similarity",
        memory_dtype: str = "float32",
        index: str = "exact",
        **kwargs: Any,
    ) -> None:
        self.memory_size = memory_size
        self.num_neighbors = num_neighbors
        self.weighting = weighting
        self.memory_dtype = memory_dtype
        self.index = index
        super().__init__(**kwargs)


class NeighborRouter(PreTrainedRouter):
    """The base of families with a memory of features."""

    config: KNNRouterConfig
    config_class: type[RouterConfig] = KNNRouterConfig
    from_sample = "the neighbours"

    def __init__(self, config: KNNRouterConfig) -> None:
        super().__init__(config)
        self._searched: tuple[Any, NeighborIndex] | None = None
        self.memory = frozen(config.memory_size, self.feature_dim)
        if config.memory_dtype == "float16":
            # As bit patterns: transformers loads all floating tensors of a model in one dtype.
            bits = torch.zeros(config.memory_size, self.feature_dim, dtype=torch.int16)
            self.memory = nn.Parameter(bits, requires_grad=False)

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """As many memories as samples count."""
        return {"memory_size": int(training_set.sampled.counted.sum())}

    def remember_features(self, features: torch.Tensor) -> None:
        """Fill the memory with features (memory_size, dim), at unit length."""
        rows = unit_rows(features)
        self.memory.copy_(rows.half().view(torch.int16) if self.config.memory_dtype == "float16" else rows)

    def neighbors(self, features: torch.Tensor, num_neighbors: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights and indices of the nearest memories, each (num_samples, k), best first."""
        similarity, indices = self._index().search(features, num_neighbors=num_neighbors)
        return WEIGHTINGS[self.config.weighting](similarity), indices

    def _index(self) -> NeighborIndex:
        """The memory ready for search, made again when it was filled or moved."""
        memory = self.memory.detach()
        version = 0 if memory.is_inference() else memory._version
        state = (memory.data_ptr(), version, memory.dtype, memory.device, self.config.index)
        if self._searched is None or self._searched[0] != state:
            if self.config.memory_dtype == "float16":
                memory = memory.view(torch.float16)
            self._searched = state, NeighborIndex(memory, kind=self.config.index)
        return self._searched[1]


class KNNRouter(NeighborRouter):
    """Scores are weighted mean soft labels of the neighbours."""

    title = "kNN"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(decision_grid={"num_neighbors": NUM_NEIGHBORS}),
        "reference": Recipe(cost_weights=(float("inf"),), fixed={"num_neighbors": 5, "weighting": "distance"}),
    }

    def __init__(self, config: KNNRouterConfig) -> None:
        super().__init__(config)
        self.memory_labels = frozen(config.memory_size, self.num_candidates)
        self.post_init()

    def fit(self, training_set: TrainingSet) -> None:
        """Remember the samples that count."""
        samples = training_set.sampled
        self.remember(samples.features[samples.counted], samples.soft_labels[samples.counted])

    def remember(self, features: torch.Tensor, soft_labels: torch.Tensor) -> None:
        """Fill the memory with training features (memory_size, dim) and labels (memory_size, num_candidates)."""
        self.remember_features(features)
        self.memory_labels.copy_(soft_labels)

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Mean soft labels, (num_samples, num_candidates)."""
        weights, indices = self.neighbors(features, self.config.num_neighbors)
        return vote(weights, self.memory_labels[indices])

    def scores_for(self, features: torch.Tensor, settings: Sequence[Mapping[str, Any]]) -> Iterator[torch.Tensor]:
        """As the base's, with one search for all neighbour counts."""
        counts = [setting.get("num_neighbors", self.config.num_neighbors) for setting in settings]
        weights, indices = self.neighbors(features, max(counts))
        labels = self.memory_labels[indices]
        for setting, count in zip(settings, counts, strict=True):
            self.config.update(dict(setting))
            yield vote(weights[:, :count], labels[:, :count])


def vote(weights: torch.Tensor, neighbor_labels: torch.Tensor) -> torch.Tensor:
    """Mean of labels (num_samples, k, num_candidates) by weights > 0 (num_samples, k)."""
    return (weights.unsqueeze(-1) * neighbor_labels).sum(dim=1) / weights.sum(dim=1, keepdim=True)


def by_similarity(similarity: torch.Tensor) -> torch.Tensor:
    """Weights that grow with cosine; what points away counts next to nothing, and never all nothing."""
    return similarity.clamp(min=0) + 1e-6


def by_distance(similarity: torch.Tensor) -> torch.Tensor:
    """Weights of one over cosine distance."""
    return 1 / (DISTANCE_FLOOR + (1 - similarity).clamp(min=0))


WEIGHTINGS = {"similarity": by_similarity, "distance": by_distance}

"""K-means: samples are clustered, and every cluster has its best candidate by shrunken mean soft label.

Source: none of the paper's; what the paper (arXiv 2512.23562) calls K-means has no clusters and is `prototype` here.
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates) of the training split.
Relations: kNN with fixed neighbourhoods and a memory of a few rows; UniRoute keeps quality and cost of a cluster apart,
so that its trade-off can be chosen after training and candidates can be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.clustering import assign, group_sums, kmeans, one_hot, shrunk_means
from vlrouterbench.routers.base.configuration_router import MANY, RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter, frozen

NUM_CLUSTERS = (5, 10, 20, 50, 100)
STRENGTHS = (0.0, 3.0, 10.0, 30.0)


class KMeansRouterConfig(RouterConfig):
    """Configuration of a K-means router.

    Args:
        num_clusters: groups of samples.
        shrinkage: samples that the whole split's mean counts for in every cluster.
        kwargs: the shared part.
    """

    model_type = "vlrouter-kmeans"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"num_clusters": (1, MANY), "shrinkage": (0, MANY)}

    def __init__(self, num_clusters: int = 20, shrinkage: float = 10.0, **kwargs: Any) -> None:
        self.num_clusters = num_clusters
        self.shrinkage = shrinkage
        super().__init__(**kwargs)


class KMeansRouter(PreTrainedRouter):
    """Scores are the shrunken mean soft labels of a sample's cluster."""

    config: KMeansRouterConfig
    config_class = KMeansRouterConfig
    title = "K-means"
    from_sample = "the clusters and their labels"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(fit_grid={"num_clusters": NUM_CLUSTERS}, decision_grid={"shrinkage": STRENGTHS}),
    }

    def __init__(self, config: KMeansRouterConfig) -> None:
        super().__init__(config)
        self.centers = frozen(config.num_clusters, self.feature_dim)
        self.label_sums = frozen(config.num_clusters, self.num_candidates)
        self.label_counts = frozen(config.num_clusters, self.num_candidates)
        self.post_init()

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """At most one cluster per sample."""
        return {"num_clusters": min(setting["num_clusters"], int(training_set.sampled.counted.sum()))}

    def fit(self, training_set: TrainingSet) -> None:
        """Cluster the samples that count and sum their labels."""
        training_set = training_set.sampled
        features = training_set.features[training_set.counted]
        self.centers.copy_(kmeans(features, num_clusters=self.config.num_clusters, seed=training_set.seed))
        membership = one_hot(assign(features, self.centers), self.config.num_clusters)
        sums, counts = group_sums(training_set.soft_labels[training_set.counted], membership)
        self.label_sums.copy_(sums)
        self.label_counts.copy_(counts)

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Mean soft labels of the closest cluster, shrunk to the whole split's, (num_samples, num_candidates)."""
        prior = self.label_sums.sum(dim=0) / self.label_counts.sum(dim=0).clamp(min=1)
        means = shrunk_means(self.label_sums, self.label_counts, prior, strength=self.config.shrinkage)
        return means[assign(features, self.centers)]

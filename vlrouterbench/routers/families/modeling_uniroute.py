"""UniRoute: every cluster of samples knows each candidate's mean quality and cost; a new candidate needs only outcomes.

Source: UniRoute-KM, later work on this benchmark: a candidate is described by its mean outcomes on clusters of samples,
so that one that was not there in training joins by outcomes on a few anchor samples.
Requirements: features, quality and cost of the training split; pairs that were not measured do not count.
Relations: K-means with quality and cost apart; Two-tower learns from such profiles instead of reading them off.

Decisions
- Means are shrunk to the candidate's own over all its samples, for a new candidate as for the first ones.
- Clusters are of samples alone, so adding a candidate changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.base.clustering import assign, group_sums, kmeans, one_hot, shrunk_means
from vlrouterbench.routers.base.configuration_router import MANY, NewCandidate
from vlrouterbench.routers.base.decision import PoolMismatchError
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import frozen

NUM_CLUSTERS = (5, 10, 20, 50, 100)
STRENGTHS = (0.0, 3.0, 10.0, 30.0)
PROFILES = ("quality_sums", "quality_counts", "cost_sums", "cost_counts")


class UniRouteRouterConfig(EstimatingRouterConfig):
    """Configuration of a UniRoute router.

    Args:
        num_clusters: groups of samples.
        shrinkage: samples that a candidate's overall mean counts for in every cluster.
        kwargs: the shared part.
    """

    model_type = "vlrouter-uniroute"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"num_clusters": (1, MANY), "shrinkage": (0, MANY)}

    def __init__(self, num_clusters: int = 20, shrinkage: float = 10.0, **kwargs: Any) -> None:
        self.num_clusters = num_clusters
        self.shrinkage = shrinkage
        super().__init__(**kwargs)


class UniRouteRouter(EstimatingRouter):
    """Quality and cost are those of a sample's cluster."""

    config: UniRouteRouterConfig
    config_class = UniRouteRouterConfig
    title = "UniRoute"
    from_sample = "the clusters and the candidates' outcomes in them"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(
            cost_weights=(), fit_grid={"num_clusters": NUM_CLUSTERS}, decision_grid={"shrinkage": STRENGTHS}
        ),
    }

    def __init__(self, config: UniRouteRouterConfig) -> None:
        super().__init__(config)
        self.centers = frozen(config.num_clusters, self.feature_dim)
        self.quality_sums = frozen(config.num_clusters, self.num_candidates)
        self.quality_counts = frozen(config.num_clusters, self.num_candidates)
        self.cost_sums = frozen(config.num_clusters, self.num_candidates)
        self.cost_counts = frozen(config.num_clusters, self.num_candidates)
        self.post_init()

    @classmethod
    def sizes(cls, training_set: TrainingSet, setting: Mapping[str, Any]) -> dict[str, int]:
        """At most one cluster per sample."""
        return {"num_clusters": min(setting["num_clusters"], len(training_set.sampled.features))}

    def fit(self, training_set: TrainingSet) -> None:
        """Cluster the samples and profile every candidate."""
        super().fit(training_set)
        training_set = training_set.sampled
        features = training_set.features
        self.centers.copy_(kmeans(features, num_clusters=self.config.num_clusters, seed=training_set.seed))
        for name, profile in self._profiles(features, training_set.quality, training_set.cost).items():
            getattr(self, name).copy_(profile)

    @torch.no_grad()
    def add_candidate(
        self, candidate: NewCandidate, features: torch.Tensor, quality: torch.Tensor, cost: torch.Tensor
    ) -> None:
        """Add a candidate to the end of the pool from its outcomes on anchor samples; nothing is trained.

        Args:
            candidate: its name and prices.
            features: (num_samples, dim) of the anchor samples, by this router's encoder.
            quality: (num_samples,) in [0, 1], NaN = not measured.
            cost: (num_samples,) USD per sample, NaN = not measured.

        Raises:
            PoolMismatchError: the name is taken.
            ValueError: shapes disagree, or quality or cost was measured on no sample.
        """
        if candidate["name"] in self.config.candidate_names:
            raise PoolMismatchError(f"expected a new candidate, found {candidate['name']}, which is in the pool.")
        if not (len(features) == len(quality) == len(cost) and quality.dim() == cost.dim() == 1):
            raise ValueError(
                f"expected quality and cost of {len(features)} anchor samples, found shapes {tuple(quality.shape)} and "
                f"{tuple(cost.shape)}."
            )
        if quality.isnan().all() or cost.isnan().all():
            raise ValueError(
                f"expected measured outcomes of {candidate['name']}, found none: anchor it on some samples."
            )
        mean_cost = float(cost.nanmean())
        for name, profile in self._profiles(features, quality.unsqueeze(1), cost.unsqueeze(1)).items():
            self._append(name, profile, dim=1)
        self._append("handicap", torch.zeros(1), dim=0)
        self._append("mean_cost", torch.tensor([mean_cost]), dim=0)
        self.config.candidates = [*self.config.candidates, {**candidate, "mean_cost_usd": mean_cost}]
        anchors = int((~quality.isnan()).sum())
        self.config.record_change({"change": "joined", "candidate": candidate["name"], "num_anchors": anchors})

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quality and cost (USD per sample), each (num_samples, num_candidates)."""
        clusters = assign(features, self.centers)
        prior = self.quality_sums.sum(dim=0) / self.quality_counts.sum(dim=0).clamp(min=1)
        means = [
            shrunk_means(sums, counts, center, strength=self.config.shrinkage)
            for sums, counts, center in (
                (self.quality_sums, self.quality_counts, prior),
                (self.cost_sums, self.cost_counts, self.mean_cost),
            )
        ]
        return means[0][clusters], means[1][clusters]

    def _profiles(self, features: torch.Tensor, quality: torch.Tensor, cost: torch.Tensor) -> dict[str, torch.Tensor]:
        """Sums and counts per cluster, each (num_clusters, num_candidates)."""
        membership = one_hot(assign(features, self.centers), self.config.num_clusters)
        tensors = (*group_sums(quality, membership), *group_sums(cost, membership))
        return dict(zip(PROFILES, tensors, strict=True))

    def _append(self, name: str, values: torch.Tensor, *, dim: int) -> None:
        old = getattr(self, name)
        new = torch.cat([old.data, values.to(old)], dim=dim)
        setattr(self, name, nn.Parameter(new, requires_grad=False))

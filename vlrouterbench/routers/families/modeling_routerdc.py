"""RouterDC: cosine scores trained by two contrastive losses, one with candidates and one among samples.

Source: RouterDC (arXiv 2409.19886) and its authors' code. Sample and candidates: for each of the K+ best candidates
that answer rightly, -log of exp(cosine) against the sum of itself and the K- worst; summed over them, a mean over
samples. Sample and samples: -log of exp(cosine) with one sample drawn from the same cluster of texts against the sum of
itself and H drawn from other clusters, weight 1. K+ = K- = H = 3, 5 clusters; AdamW 5e-5; no temperature: "original".
The benchmark's paper (arXiv 2512.23562) has a learnt temperature, 5 epochs, batch 16, cost in the labels: "reference".
Requirements: images and texts as rows of bytes, quality, soft labels, vectors of the texts (num_samples, dim).
Relations: `cosine` trained otherwise. The reference leaves its negatives unused, and takes wrong candidates for
positives where fewer than K+ are right; both are as in RouterDC's own paper here.

Decisions
- Positives are correct candidates alone: those with the largest soft labels, so that a cost weight prefers the cheaper.
  Negatives are incorrect ones, those of the least quality, of equals those that score highest now.
- A sample without a positive or without a negative adds nothing; neither does one alone in its cluster or with no other
  cluster in its batch. A sample is never its own like, as the authors' code allows: that pair teaches nothing.
- The temperature is of the scores alone; the loss among samples is over plain cosines.
- Samples are contrasted with the batch of all processes (`shared_batch.py`), and within one pass where gradients are
  accumulated.
- Clusters are k-means over the built-in text vectors, drawn before training; the paper's are over its text encoder's
  vectors after t-SNE.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.clustering import assign, kmeans
from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.families.contrastive import sample_candidate_loss, sample_sample_loss
from vlrouterbench.routers.families.modeling_cosine import CosineRouter, CosineRouterConfig, cosines
from vlrouterbench.routers.families.modeling_vlc import FINE_TUNED
from vlrouterbench.routers.families.shared_batch import gathered, shared_draw, shared_loss


class RouterDCConfig(CosineRouterConfig):
    """Configuration of a RouterDC router.

    Args:
        num_positives: K+, most correct candidates that a sample is drawn to.
        num_negatives: K-, most incorrect candidates that it is driven from.
        num_others: H, samples of other clusters that it is driven from.
        num_clusters: of texts.
        sample_weight: of the loss among samples.
        temperature: of the scores; None to learn it.
        kwargs: the shared part.
    """

    model_type = "vlrouter-routerdc"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        **dict.fromkeys(("num_positives", "num_negatives", "num_others", "num_clusters"), (0, MANY)),
        "sample_weight": (0, MANY),
        "temperature": (1e-6, MANY),
    }

    def __init__(
        self,
        num_positives: int = 3,
        num_negatives: int = 3,
        num_others: int = 3,
        num_clusters: int = 5,
        sample_weight: float = 1.0,
        temperature: float | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_positives = num_positives
        self.num_negatives = num_negatives
        self.num_others = num_others
        self.num_clusters = num_clusters
        self.sample_weight = sample_weight
        self.temperature = temperature
        super().__init__(**kwargs)


class RouterDCRouter(CosineRouter):
    """Scores are cosines over a temperature."""

    config: RouterDCConfig
    config_class = RouterDCConfig
    title = "RouterDC"
    needs_text_features = True
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": FINE_TUNED,
        "reference": FINE_TUNED,
        "original": FINE_TUNED.with_values(cost_weights=(), fixed={"temperature": 1.0}),
    }

    @property
    def scale(self) -> torch.Tensor:
        """The inverse temperature."""
        fixed = self.config.temperature
        return super().scale if fixed is None else self.log_scale.new_tensor(1 / fixed)

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Soft labels, quality and cluster, (num_samples, 2 * num_candidates + 1); a row of NaN must not count."""
        texts = training_set.text_features
        if texts is None:
            raise ValueError("RouterDC clusters texts: expected vectors of the texts in the training set, found none.")
        centers = kmeans(texts, num_clusters=min(self.config.num_clusters, len(texts)), seed=training_set.seed)
        clusters = assign(texts, centers).unsqueeze(1).float()
        targets = torch.cat([training_set.soft_labels, training_set.quality, clusters], dim=1)
        return targets.masked_fill(~training_set.counted.unsqueeze(1), torch.nan)

    def targets_of(self, soft_labels: torch.Tensor) -> torch.Tensor:
        """With what has a share taken for correct, and every sample in a cluster of its own."""
        clusters = torch.arange(len(soft_labels), device=soft_labels.device).unsqueeze(1)
        return torch.cat([soft_labels, (soft_labels > 0).to(soft_labels), clusters.to(soft_labels)], dim=1)

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both contrastive losses, and the scores."""
        config, size = self.config, self.num_candidates
        labels, quality, clusters = targets[:, :size], targets[:, size : 2 * size], targets[:, -1].long()
        pooled = self.pooled(features)
        kept = (config.num_positives, config.num_negatives)
        scores = self.head_scores(pooled)
        loss = sample_candidate_loss(scores, labels, quality, kept)
        everyone, clusters = gathered(pooled), gathered(clusters)
        draw = shared_draw((2, len(clusters), len(clusters)), pooled.device)
        among = sample_sample_loss(cosines(everyone, everyone), clusters, config.num_others, draw)
        return loss + config.sample_weight * shared_loss(among), scores

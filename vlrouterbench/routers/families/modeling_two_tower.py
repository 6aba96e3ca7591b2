"""Two-tower: a query tower over features and a candidate tower over outcome profiles meet in 64 dimensions.

Source: SCOPE-Router (arXiv 2608.12127): per-pair sigmoid targets 1[correct] exp(-lambda s (cost - cheapest correct
cost)), binary cross-entropy and a contrastive regulariser; hidden 128, dropout 0.5, AdamW 1e-3, weight decay 3e-3,
batch 512, up to 100 epochs, patience 20 on validation. It reports that one softmax over the pool dilutes several
correct candidates.
Requirements: features, quality and cost of the training split; pairs that were not measured do not count.
Relations: MLP with the pool as input instead of as outputs; UniRoute reads a profile off where this learns from it.

Decisions
- A profile is the candidate's mean quality in clusters of training samples, and its log mean cost, each less the pool's
  mean: what SCOPE-Router's thousand scored samples say, in a form that one more candidate can be described by.
- One dropout mask serves all candidates of a batch: their order in the pool has no part in training.
- The regulariser is the cross-entropy of the same logits against the targets, normalised over the pool.
- Layers start as torch's do: transformers' narrow normal, twice in each tower, leaves a product too flat to learn from.
- Targets carry lambda; a decision then subtracts the weighted mean cost, with a weight chosen on validation, 0
  included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.base.clustering import assign, group_sums, kmeans, one_hot, shrunk_means
from vlrouterbench.routers.base.configuration_router import MANY
from vlrouterbench.routers.base.estimating import EstimatingRouter, EstimatingRouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, masked_binary_cross_entropy, soft_cross_entropy
from vlrouterbench.routers.base.modeling_router import frozen

PROFILE_SHRINKAGE = 10.0
"""Samples that a candidate's overall mean counts for in every cluster of its profile."""


class TwoTowerRouterConfig(EstimatingRouterConfig):
    """Configuration of a two-tower router.

    Args:
        hidden_size: width of each tower's hidden layer.
        embedding_size: where the towers meet.
        dropout: share of hidden units dropped in training.
        num_clusters: of a candidate's profile.
        contrastive_weight: of the regulariser.
        kwargs: the shared part.
    """

    model_type = "vlrouter-two-tower"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "hidden_size": (1, 65_536),
        "embedding_size": (1, 65_536),
        "dropout": (0, 1),
        "num_clusters": (1, MANY),
        "contrastive_weight": (0, MANY),
    }

    def __init__(
        self,
        hidden_size: int = 128,
        embedding_size: int = 64,
        dropout: float = 0.5,
        num_clusters: int = 32,
        contrastive_weight: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.hidden_size = hidden_size
        self.embedding_size = embedding_size
        self.dropout = dropout
        self.num_clusters = num_clusters
        self.contrastive_weight = contrastive_weight
        super().__init__(**kwargs)


class TwoTowerRouter(EstimatingRouter):
    """Quality is the sigmoid of the towers' inner product."""

    config: TwoTowerRouterConfig
    config_class = TwoTowerRouterConfig
    title = "Two-tower"
    from_sample = "the candidates' profiles"
    by_gradient = True
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(
            cost_weights=(0.0, 10.0, 30.0, 100.0),
            learning_rate=1e-3,
            weight_decay=3e-3,
            num_epochs=100,
            batch_size=512,
            patience=20,
        ),
    }

    def __init__(self, config: TwoTowerRouterConfig) -> None:
        super().__init__(config)
        self.profiles = frozen(self.num_candidates, config.num_clusters + 1)
        self.query_hidden = nn.Linear(self.feature_dim, config.hidden_size)
        self.query_out = nn.Linear(config.hidden_size, config.embedding_size)
        self.candidate_hidden = nn.Linear(config.num_clusters + 1, config.hidden_size)
        self.candidate_out = nn.Linear(config.hidden_size, config.embedding_size)
        self.bias = nn.Parameter(torch.zeros(1))
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    @torch.no_grad()
    def fit(self, training_set: TrainingSet) -> None:
        """Profile the candidates, and start the towers at weights that let their product move."""
        super().fit(training_set)
        for layer in (self.query_hidden, self.query_out, self.candidate_hidden, self.candidate_out):
            layer.reset_parameters()
        log_cost = torch.log(training_set.mean_cost.clamp(min=1e-12)).float()
        training_set = training_set.sampled
        features, num_clusters = training_set.features, self.config.num_clusters
        centers = kmeans(features, num_clusters=min(num_clusters, len(features)), seed=training_set.seed)
        sums, counts = group_sums(training_set.quality, one_hot(assign(features, centers), num_clusters))
        prior = sums.sum(dim=0) / counts.sum(dim=0).clamp(min=1)
        quality = shrunk_means(sums, counts, prior, strength=PROFILE_SHRINKAGE)
        parts = [_standardised(quality), _standardised(log_cost.unsqueeze(0))]
        self.profiles.copy_(torch.cat(parts).T)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Inner products of the towers, (num_samples, num_candidates)."""
        query = self.query_out(self.dropout(torch.relu(self.query_hidden(features))))
        hidden = torch.relu(self.candidate_hidden(self.profiles))
        candidate = self.candidate_out(hidden * self.dropout(torch.ones_like(hidden[:1])))
        return query @ candidate.T + self.bias

    def estimate(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the targets say of each pair, as a probability, and mean cost."""
        return torch.sigmoid(self.logits(features)), self.mean_cost

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Correctness discounted by what is paid above the cheapest correct candidate; NaN = does not count."""
        return discounted_targets(training_set)

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Binary cross-entropy of the pairs with the weighted regulariser, and the scores."""
        logits = self.logits(features)
        mass = targets.nan_to_num(0.0)
        shares = mass / mass.sum(dim=1, keepdim=True).clamp(min=1e-12)
        contrast = soft_cross_entropy(logits, shares)
        loss = masked_binary_cross_entropy(logits, targets) + self.config.contrastive_weight * contrast
        return loss, self._utility(torch.sigmoid(logits), self.mean_cost)


def discounted_targets(training_set: TrainingSet) -> torch.Tensor:
    """Per pair 1[correct] exp(-cost_rate (cost - cheapest correct cost)).

    A pair that was not measured and every pair of a sample that must not count are NaN; a sample that no candidate
    answers and that counts has its soft label.
    """
    cost, measured = training_set.cost, ~(training_set.quality.isnan() | training_set.cost.isnan())
    correct = measured & (training_set.correct == 1)
    cheapest = cost.masked_fill(~correct, torch.inf).min(dim=1, keepdim=True).values
    extra = torch.where(correct, cost - cheapest, 0.0)
    # Infinity times no extra cost is no discount.
    discount = torch.where(extra > 0, torch.exp(-training_set.cost_rate * extra), 1.0)
    targets = torch.where(correct, discount, 0.0).float()
    alone = ~correct.any(dim=1, keepdim=True)
    targets = torch.where(alone, training_set.soft_labels, targets)
    return targets.masked_fill(~(measured & training_set.counted.unsqueeze(1)), torch.nan)


def _standardised(values: torch.Tensor) -> torch.Tensor:
    """Rows less their mean over candidates, (rows, num_candidates), at unit spread over all; zeros where all agree."""
    centred = values - values.mean(dim=1, keepdim=True)
    return centred / centred.square().mean().sqrt().clamp(min=1e-6)

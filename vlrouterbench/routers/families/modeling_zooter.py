"""ZOOTER: a backbone with a linear head, distilled from the reward distribution with labels smoothed by dataset.

Source: ZOOTER (arXiv 2311.08692, section 3.2): rewards of a sample normalised by softmax to shares s; each mixed with
the mean shares of the samples that have its tag, beta * s + (1 - beta) * s_tag, beta 0.3; the mean over samples of the
Kullback-Leibler divergence between them and the router's softmax; AdamW 1e-5, 5 epochs. Rewards are quality here:
"original". In the benchmark's paper (arXiv 2512.23562) the soft labels stand for the shares: "reference".
Requirements: images and texts as rows of bytes, soft labels or quality (num_samples, num_candidates), dataset ids
(num_samples,).
Relations: `vlc` with smoothed targets; the divergence differs from its cross-entropy by a constant.

Decisions
- The divergence is of the router from the shares, sum of s log(s / router), as is usual in distillation. The paper
  names the router first and gives no formula; the other order is infinite where a label is 0.
- A sample's tag is its dataset: the paper has a language model name several tags per sample and takes the mean over
  them, which is the same for one.
- The mean of a tag is over its training samples that count: with rewards all that are measured, also those that no
  candidate answers; with soft labels those that have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

from vlrouterbench.routers.base.clustering import group_sums, one_hot
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, kl_divergence
from vlrouterbench.routers.families.modeling_vlc import FINE_TUNED, VLCRouter, VLCRouterConfig

REWARDS = ("soft_labels", "quality")
"""What a sample's shares come from."""


class ZooterRouterConfig(VLCRouterConfig):
    """Configuration of a ZOOTER router.

    Args:
        beta: a sample's own share in its label; the rest is its tag's.
        rewards: "soft_labels", or "quality" for the softmax of quality.
        kwargs: the shared part.
    """

    model_type = "vlrouter-zooter"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"beta": (0, 1)}
    choices: ClassVar[Mapping[str, Sequence[str]]] = {"rewards": REWARDS}

    def __init__(self, beta: float = 0.3, rewards: str = "soft_labels", **kwargs: Any) -> None:
        self.beta = beta
        self.rewards = rewards
        super().__init__(**kwargs)


class ZooterRouter(VLCRouter):
    """Scores are logits of one linear layer over the pooled vector."""

    config: ZooterRouterConfig
    config_class = ZooterRouterConfig
    title = "ZOOTER"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": FINE_TUNED,
        "reference": FINE_TUNED.with_values(learning_rate=1e-5),
        "original": FINE_TUNED.with_values(
            cost_weights=(), fixed={"rewards": "quality"}, learning_rate=1e-5, weight_decay=5e-7
        ),
    }

    def fit(self, training_set: TrainingSet) -> None:
        """As VLC's; rewards of quality have no cost in them."""
        if self.config.rewards == "quality" and training_set.cost_rate:
            raise ValueError("rewards of quality have no cost weight: take the variant original, or cost weight 0.")
        super().fit(training_set)

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Smoothed shares, (num_samples, num_candidates); a row of NaN must not count."""
        own = training_set.soft_labels
        if self.config.rewards == "quality":
            own = reward_shares(training_set.quality)
        if training_set.dataset_ids is None:
            raise ValueError("ZOOTER smooths labels by dataset: expected dataset ids in the training set, found none.")
        labels = tag_smoothed(own, training_set.dataset_ids, beta=self.config.beta)
        return labels.masked_fill(labels.sum(dim=1, keepdim=True) == 0, torch.nan)

    def loss_and_scores(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Divergence of the router's shares from the targets, and the scores."""
        scores = self.score(features)
        return kl_divergence(scores, targets), scores


def reward_shares(rewards: torch.Tensor) -> torch.Tensor:
    """Softmax over measured rewards, (num_samples, num_candidates); a row without any (all NaN) is zeros."""
    shares = torch.softmax(rewards.masked_fill(rewards.isnan(), -torch.inf), dim=1)
    return shares.nan_to_num(0.0)


def tag_smoothed(labels: torch.Tensor, dataset_ids: torch.Tensor, *, beta: float) -> torch.Tensor:
    """Beta * label + (1 - beta) * mean label of the tag, (num_samples, num_candidates).

    Args:
        labels: (num_samples, num_candidates), each row summing to 1, or to 0 for a sample that must not count.
        dataset_ids: (num_samples,) int64 from 0 on.
        beta: in [0, 1].
    """
    counted = labels.sum(dim=1) > 0
    membership = one_hot(dataset_ids[counted], int(dataset_ids.max()) + 1)
    sums, counts = group_sums(labels[counted], membership)
    means = sums / counts.clamp(min=1)
    smoothed = beta * labels + (1 - beta) * means[dataset_ids]
    return torch.where(counted.unsqueeze(1), smoothed, 0.0)

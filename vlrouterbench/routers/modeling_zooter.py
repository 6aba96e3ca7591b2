"""ZOOTER: a backbone with a linear head, distilled from the reward distribution with labels smoothed by tag.

Source: ZOOTER (arXiv 2311.08692): the divergence KL from the normalised rewards of a sample to the router's softmax,
with each sample's rewards mixed with the mean of its tag: beta * own + (1 - beta) * tag's, beta 0.3. In the benchmark's
paper (arXiv 2512.23562) the rewards are the soft labels, AdamW 1e-5.
Requirements: pictures and texts as rows of bytes, soft labels (num_samples, num_candidates), tags (num_samples,).
Relations: `vlc` with smoothed targets; the divergence differs from its cross-entropy by a constant.

Decisions
- A sample's tag is its dataset: what the paper lets a language model find out stands in the benchmark.
- The mean of a tag is over its training samples that count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from .clustering import group_sums, one_hot
from .learning import Recipe, TrainingSet
from .losses import kl_divergence
from .modeling_vlc import FINE_TUNED, VLCRouter, VLCRouterConfig


class ZooterRouterConfig(VLCRouterConfig):
    """Configuration of a ZOOTER router.

    Args:
        beta: a sample's own share in its label; the rest is its tag's.
        kwargs: the shared part.
    """

    model_type = "vlrouter-zooter"
    _auto_class = "AutoConfig"

    def __init__(self, beta: float = 0.3, **kwargs: Any) -> None:
        self.beta = beta
        super().__init__(**kwargs)


class ZooterRouter(VLCRouter):
    """Scores are logits of one linear layer over the pooled vector."""

    config_class = ZooterRouterConfig
    _auto_class = "AutoModel"
    title = "ZOOTER"
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": FINE_TUNED,
        "reference": FINE_TUNED.with_values(learning_rate=1e-5),
    }

    def training_targets(self, training_set: TrainingSet) -> torch.Tensor:
        """Smoothed soft labels, (num_samples, num_candidates); a row of NaN must not count."""
        labels = tag_smoothed(training_set.soft_labels, training_set.tags, beta=self.config.beta)
        return labels.masked_fill(~training_set.counted.unsqueeze(1), torch.nan)

    def training_loss(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Divergence of the router's shares from the targets."""
        return kl_divergence(self.score(features), targets)


def tag_smoothed(labels: torch.Tensor, tags: torch.Tensor, *, beta: float) -> torch.Tensor:
    """beta * label + (1 - beta) * mean label of the tag, (num_samples, num_candidates).

    Args:
        labels: (num_samples, num_candidates), each row summing to 1, or to 0 for a sample that must not count.
        tags: (num_samples,) int64 from 0 on.
        beta: in [0, 1].
    """
    counted = labels.sum(dim=1) > 0
    members = one_hot(tags[counted], int(tags.max()) + 1)
    sums, counts = group_sums(labels[counted], members)
    means = sums / counts.clamp(min=1)
    smoothed = beta * labels + (1 - beta) * means[tags]
    return torch.where(counted.unsqueeze(1), smoothed, 0.0)

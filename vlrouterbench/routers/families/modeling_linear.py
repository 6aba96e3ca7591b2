"""Linear: one linear layer over features, trained on soft labels with cross-entropy.

Source: the paper's Linear router (arXiv 2512.23562), which is the reference variant: Adam, whole-split steps. The
default is AdamW in batches. The reference scales costs by 1 for this router alone; here lambda means the same for all.
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates).
Relations: the MLP with no hidden layer; underfits where skills interact, and is the fastest to train and to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import nn

from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, start_alike
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

WHOLE_SPLIT = 10**9
"""A batch of every training sample."""


class LinearRouterConfig(RouterConfig):
    """Configuration of a linear router; nothing beyond the shared part."""

    model_type = "vlrouter-linear"


class LinearRouter(PreTrainedRouter):
    """Scores are logits of one linear layer."""

    config: LinearRouterConfig
    config_class = LinearRouterConfig
    title = "Linear"
    by_gradient = True
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(),
        "reference": Recipe(
            optimizer="adam",
            learning_rate=1e-2,
            weight_decay=0.0,
            num_epochs=200,
            batch_size=WHOLE_SPLIT,
            patience=200,
        ),
    }

    def __init__(self, config: LinearRouterConfig) -> None:
        super().__init__(config)
        self.head = nn.Linear(self.feature_dim, self.num_candidates)
        self.post_init()

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, (num_samples, num_candidates)."""
        return self.head(features)

    def fit(self, training_set: TrainingSet) -> None:
        """Start with all candidates alike, and those that no label names below them."""
        start_alike(self.head, training_set)

"""Linear: one linear layer over features, trained on soft labels with cross-entropy.

Source: the paper's Linear router (arXiv 2512.23562).
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates).
Relations: the MLP with no hidden layer; underfits where skills interact, and is the fastest to train and to ask.
"""

from __future__ import annotations

import torch
from torch import nn

from .configuration_router import RouterConfig
from .modeling_router import PreTrainedRouter


class LinearRouterConfig(RouterConfig):
    """Configuration of a linear router; nothing beyond the shared part."""

    model_type = "vlrouter-linear"
    _auto_class = "AutoConfig"


class LinearRouter(PreTrainedRouter):
    """Scores are logits of one linear layer."""

    config_class = LinearRouterConfig
    _auto_class = "AutoModel"

    def __init__(self, config: LinearRouterConfig) -> None:
        super().__init__(config)
        self.head = nn.Linear(self.feature_dim, self.num_candidates)
        self.post_init()

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, (num_samples, num_candidates)."""
        return self.head(features)

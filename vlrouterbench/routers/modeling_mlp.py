"""MLP: two hidden layers over features, trained on soft labels with cross-entropy.

Source: the paper's MLP router (arXiv 2512.23562), there 2048 and 1024 wide; the default here is narrower with dropout,
since built-in features are fewer and a small benchmark overfits the wide one.
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates).
Relations: Linear is the same without hidden layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .configuration_router import RouterConfig
from .modeling_router import PreTrainedRouter


class MLPRouterConfig(RouterConfig):
    """Configuration of an MLP router.

    Args:
        hidden_sizes: width of each hidden layer.
        dropout: share of hidden units dropped in training.
        kwargs: the shared part.
    """

    model_type = "vlrouter-mlp"
    _auto_class = "AutoConfig"

    def __init__(self, hidden_sizes: list[int] | None = None, dropout: float = 0.3, **kwargs: Any) -> None:
        self.hidden_sizes = hidden_sizes or [256, 128]
        self.dropout = dropout
        super().__init__(**kwargs)


class MLPRouter(PreTrainedRouter):
    """Scores are logits of the last layer."""

    config_class = MLPRouterConfig
    _auto_class = "AutoModel"

    def __init__(self, config: MLPRouterConfig) -> None:
        super().__init__(config)
        widths = [self.feature_dim, *config.hidden_sizes]
        layers: list[nn.Module] = []
        for width_in, width_out in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(width_in, width_out), nn.ReLU(), nn.Dropout(config.dropout)]
        self.head = nn.Sequential(*layers, nn.Linear(widths[-1], self.num_candidates))
        self.post_init()

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, (num_samples, num_candidates)."""
        return self.head(features)

"""MLP: two hidden layers over features, trained on soft labels with cross-entropy.

Source: the paper's MLP router (arXiv 2512.23562), which is the reference variant, 2048 and 1024 wide; the default is
narrower with dropout, since built-in features are fewer and a small benchmark overfits the wide one.
Requirements: features (num_samples, dim) and soft labels (num_samples, num_candidates).
Relations: Linear is the same without hidden layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import torch
from torch import nn

from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, start_alike
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter


class MLPRouterConfig(RouterConfig):
    """Configuration of an MLP router.

    Args:
        hidden_sizes: width of each hidden layer.
        dropout: share of hidden units dropped in training.
        kwargs: the shared part.
    """

    model_type = "vlrouter-mlp"
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"hidden_sizes": (1, 65_536), "dropout": (0, 1)}

    def __init__(self, hidden_sizes: list[int] | None = None, dropout: float = 0.3, **kwargs: Any) -> None:
        self.hidden_sizes = hidden_sizes or [256, 128]
        self.dropout = dropout
        super().__init__(**kwargs)


class MLPRouter(PreTrainedRouter):
    """Scores are logits of the last layer."""

    config: MLPRouterConfig
    config_class = MLPRouterConfig
    title = "MLP"
    by_gradient = True
    has_plain_head = True
    recipes: ClassVar[Mapping[str, Recipe]] = {
        "default": Recipe(),
        "reference": Recipe(
            fixed={"hidden_sizes": [2048, 1024], "dropout": 0.0},
            optimizer="adam",
            learning_rate=1e-3,
            weight_decay=1e-4,
            num_epochs=300,
            batch_size=1024,
            patience=30,
        ),
    }

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

    def fit(self, training_set: TrainingSet) -> None:
        """Start with all candidates alike, and those that no label names below them."""
        start_alike(cast("nn.Linear", self.head[-1]), training_set)

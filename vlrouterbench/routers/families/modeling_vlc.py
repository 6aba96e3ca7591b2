"""VLC: a vision-language backbone with dropout and a linear head, fine-tuned on soft labels with cross-entropy.

Source: the paper's VLC router (arXiv 2512.23562): ViT-B/16 patch tokens and text through LXMERT (or VisualBERT),
dropout 0.1, one linear layer, AdamW 5e-5, 5 epochs, batch 16, warm-up 0.1, weight decay 0.01, gradients clipped at 1.
Requirements: images and texts as rows of bytes, soft labels (num_samples, num_candidates).
Relations: the linear router on a backbone that learns as well; `cosine` and `routerdc` compare with candidate vectors,
`zooter` smooths its targets by dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.backbones.router import EndToEndConfig, EndToEndRouter
from vlrouterbench.routers.base.learning import Recipe, TrainingSet, start_alike

FINE_TUNED = Recipe(
    cost_weights=(10.0,),
    learning_rate=5e-5,
    weight_decay=0.01,
    num_epochs=5,
    batch_size=16,
    patience=5,
    warmup=0.1,
)
"""How a pretrained backbone is fine-tuned; one cost weight, since each takes a training of its own."""


class VLCRouterConfig(EndToEndConfig):
    """Configuration of a VLC router; nothing beyond the shared part.

    Args:
        kwargs: the shared part.
    """

    model_type = "vlrouter-vlc"

    # Written out: transformers gives a class without one the fields of PreTrainedConfig alone.
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class VLCRouter(EndToEndRouter):
    """Scores are logits of one linear layer over the pooled vector."""

    config: VLCRouterConfig
    config_class = VLCRouterConfig
    title = "VLC"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": FINE_TUNED, "reference": FINE_TUNED}

    def __init__(self, config: VLCRouterConfig) -> None:
        super().__init__(config)
        self.head = nn.Linear(self.backbone.dim, self.num_candidates)
        self.post_init()

    def head_scores(self, pooled: torch.Tensor) -> torch.Tensor:
        """Logits, (num_samples, num_candidates)."""
        return self.head(pooled)

    def fit(self, training_set: TrainingSet) -> None:
        """Start with all candidates alike, and those that no label names below them."""
        super().fit(training_set)
        start_alike(self.head, training_set)

"""CosineCls: the cosine between a backbone's vector and a learnt vector per candidate, at a learnt temperature.

Source: the paper's CosineCls (arXiv 2512.23562): soft-label cross-entropy over cosines times a learnt scale, AdamW
5e-5, 5 epochs, batch 16, warm-up 0.1. The reference never shows it an image, and trains an infinite cost weight as 0;
neither is so here.
Requirements: images and texts as rows of bytes, soft labels (num_samples, num_candidates).
Relations: `vlc` with lengths taken out; `routerdc` trains the same scores with contrastive losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.backbones.router import EndToEndConfig, EndToEndRouter
from vlrouterbench.routers.base.learning import Recipe
from vlrouterbench.routers.families.modeling_vlc import FINE_TUNED

INITIAL_SCALE = 10.0
LARGEST_SCALE = 100.0
"""The inverse temperature is held below this, as in CLIP."""


class CosineRouterConfig(EndToEndConfig):
    """Configuration of a cosine router; nothing beyond the shared part.

    Args:
        kwargs: the shared part.
    """

    model_type = "vlrouter-cosine"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class CosineRouter(EndToEndRouter):
    """Scores are cosines over a temperature."""

    config: CosineRouterConfig
    config_class = CosineRouterConfig
    title = "CosineCls"
    recipes: ClassVar[Mapping[str, Recipe]] = {"default": FINE_TUNED, "reference": FINE_TUNED}

    def __init__(self, config: CosineRouterConfig) -> None:
        super().__init__(config)
        self.candidate_vectors = nn.Parameter(torch.randn(self.num_candidates, self.backbone.dim))
        self.log_scale = nn.Parameter(torch.tensor(INITIAL_SCALE).log())
        self.post_init()

    @property
    def scale(self) -> torch.Tensor:
        """The inverse temperature."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)

    def head_scores(self, pooled: torch.Tensor) -> torch.Tensor:
        """Cosines times scale, (num_samples, num_candidates)."""
        return self.scale * cosines(pooled, self.candidate_vectors)


def cosines(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Cosine of every row of one with every row of another, (num_first, num_second)."""
    normalise = nn.functional.normalize
    return normalise(first.float(), dim=-1) @ normalise(second.float(), dim=-1).T

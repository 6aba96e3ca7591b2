"""The base of backbones: a picture and a text in, one pooled vector out. One class per kind of model of transformers.

Decisions
- A backbone is built from a description, which stands in the router's config.json, with random weights; pretrained
  ones are loaded into it.
- `pretrained_parts` names the modules that came with weights: they alone are frozen when a backbone is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vlrouterbench.routers.backbones.input import BackboneInput


class Backbone(nn.Module):
    """Base of all backbones.

    Args:
        description: `name`, `kind` (a model type of transformers), `config` of that model, and for models that read
            patch tokens `patches`, as PatchTokens takes it.
        image_size: side of the picture in pixels.
    """

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        from transformers import AutoConfig, AutoModel

        super().__init__()
        self.model_config = AutoConfig.for_model(description["kind"], **description["config"])
        self.model = AutoModel.from_config(self.model_config)
        self.image_size = image_size

    @property
    def dim(self) -> int:
        """Length of the pooled vector."""
        return self.model_config.hidden_size

    @property
    def pretrained_parts(self) -> dict[str, nn.Module]:
        """Modules that pretrained weights exist for."""
        vision = {} if getattr(self, "patches", None) is None else {"patches": self.patches.vision}
        return {name: part for name, part in {"model": self.model, **vision}.items() if part is not None}

    def forward(self, given: BackboneInput) -> Tensor:
        """Pooled vectors, (batch, dim)."""
        raise TypeError(f"{type(self).__name__} is the base of all backbones: take one of `backbone_models.BACKBONES`.")

"""The base of backbones: an image and a text in, one pooled vector out. One class per kind of model of transformers.

Decisions
- A backbone is built from a description, which is kept in the router's config.json, with random weights; pretrained
  ones are loaded into it.
- `pretrained_parts` names the modules that came with weights: they alone are frozen when a backbone is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from torch import Tensor, nn
from transformers import PreTrainedModel

from vlrouterbench.routers.backbones.patches import PatchTokens
from vlrouterbench.routers.backbones.sample_encoder import BackboneInput


class PatchDescription(TypedDict):
    """What gives patch tokens: "linear" with a size in pixels, or a ViT-style model by type and configuration."""

    kind: str
    patch_size: NotRequired[int]
    config: NotRequired[Mapping[str, Any]]


class BackboneDescription(TypedDict):
    """A backbone, as the router's config.json states it.

    `kind` is a model type of transformers and `config` that model's configuration; `random` says that its weights are;
    `patches` is for models that read patch tokens; `before` and `after` are token ids around a decoder's image;
    `pooling` says how a text encoder's tokens become a vector.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    random: NotRequired[bool]
    patches: NotRequired[PatchDescription]
    before: NotRequired[list[int]]
    after: NotRequired[list[int]]
    pooling: NotRequired[str]


class Backbone(nn.Module):
    """Base of all backbones.

    Args:
        description: `name`, `kind` (a model type of transformers), `config` of that model, and for models that read
            patch tokens `patches`, as PatchTokens takes it.
        image_size: side of the image in pixels.
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
    def pretrained_parts(self) -> dict[str, PreTrainedModel]:
        """Modules that pretrained weights exist for."""
        patches: PatchTokens | None = getattr(self, "patches", None)
        vision = None if patches is None else patches.vision
        return {"model": self.model} if vision is None else {"model": self.model, "patches": vision}

    def forward(self, inputs: BackboneInput) -> Tensor:
        """Pooled vectors, (batch, dim)."""
        raise TypeError(f"{type(self).__name__} is the base of all backbones: take one of `BACKBONES`.")

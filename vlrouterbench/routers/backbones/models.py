"""Backbones of two kinds, readers of patch tokens and dual towers, and the registry of all backbones by model type.

Decisions
- LXMERT and VisualBERT read patch tokens (`patches.py`) with the boxes they stand for: LXMERT through its own
  box embedding; VisualBERT has none in transformers, so a learnt projection of the box is added to each token.
- SigLIP and CLIP give a vector for the text and one for the image. Both are normalised and joined with their product,
  so that a head can weigh what the two have in common.
- Decoders that take images are in `decoders.py`, encoders of texts alone in `texts.py`. UNITER and ViLBERT are not in
  transformers: a class and a line in BACKBONES adds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn

from vlrouterbench.routers.backbones.base import Backbone
from vlrouterbench.routers.backbones.decoders import QwenBackbone, SmolBackbone
from vlrouterbench.routers.backbones.patches import PatchTokens
from vlrouterbench.routers.backbones.sample_encoder import BackboneInput
from vlrouterbench.routers.backbones.texts import TEXT_KINDS, TextBackbone


class LxmertBackbone(Backbone):
    """LXMERT's pooled output over text and patch tokens."""

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        super().__init__(description, image_size)
        self.patches = PatchTokens(description["patches"], self.model_config.visual_feat_dim, image_size)

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        tokens = self.patches(inputs.pixels, inputs.has_image)
        boxes = self.patches.boxes(tokens).expand(len(tokens), -1, -1)
        output = self.model(
            input_ids=inputs.tokens,
            attention_mask=inputs.mask,
            token_type_ids=torch.zeros_like(inputs.tokens),
            visual_feats=tokens,
            visual_pos=boxes,
        )
        return output.pooled_output


class VisualBertBackbone(Backbone):
    """VisualBERT's pooled output over text and patch tokens."""

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        super().__init__(description, image_size)
        width = self.model_config.visual_embedding_dim
        self.patches = PatchTokens(description["patches"], width, image_size)
        self.place = nn.Linear(4, width)

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        tokens = self.patches(inputs.pixels, inputs.has_image)
        tokens = tokens + self.place(self.patches.boxes(tokens))
        ones = torch.ones(tokens.shape[:2], dtype=torch.long, device=tokens.device)
        output = self.model(
            input_ids=inputs.tokens,
            attention_mask=inputs.mask,
            token_type_ids=torch.zeros_like(inputs.tokens),
            visual_embeds=tokens,
            visual_token_type_ids=ones,
            visual_attention_mask=ones,
        )
        return output.pooler_output


class DualTowers(Backbone):
    """The vectors of a text tower and of an image tower, and their product."""

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        super().__init__(description, image_size)
        text, vision = self.model_config.text_config, self.model_config.vision_config
        # CLIP projects both into one space; SigLIP's towers meet in one of themselves.
        shared = getattr(self.model_config, "projection_dim", None)
        sizes = (shared, shared) if shared else (getattr(text, "projection_size", text.hidden_size), vision.hidden_size)
        if sizes[0] != sizes[1]:
            raise ValueError(f"expected towers that give vectors of one length, found {sizes[0]} and {sizes[1]}.")
        self.width = sizes[0]
        # The second keeps the name under which saved routers hold its weights.
        self.text_norm, self.picture_norm = nn.LayerNorm(self.width), nn.LayerNorm(self.width)
        self.absent = nn.Parameter(torch.zeros(self.width))

    @property
    def dim(self) -> int:
        """Length of the pooled vector: text, image and product."""
        return 3 * self.width

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        tokens, mask = inputs.tokens, inputs.mask
        if self.model_config.model_type == "siglip":
            # Trained with padding read like any token, to its full length.
            pad = self.model_config.text_config.pad_token_id or 0
            text = self.model.get_text_features(input_ids=torch.where(mask > 0, tokens, pad), attention_mask=None)
        else:
            text = self.model.get_text_features(input_ids=tokens, attention_mask=mask)
        whole = inputs.pixels.shape[-1] == self.model_config.vision_config.image_size
        image = self.model.get_image_features(pixel_values=inputs.pixels, interpolate_pos_encoding=not whole)
        text, image = self.text_norm(_pooled(text)), self.picture_norm(_pooled(image))
        image = torch.where(inputs.has_image[:, None], image, self.absent.to(image.dtype))
        return torch.cat([text, image, text * image], dim=-1)


def _pooled(output: Any) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output.pooler_output


_MOST_LAYERS, _LARGEST, _SHOWN = 1_000, 1_000_000_000, 200
BACKBONES: dict[str, type[Backbone]] = {
    "lxmert": LxmertBackbone,
    "visual_bert": VisualBertBackbone,
    "siglip": DualTowers,
    "clip": DualTowers,
    "smolvlm": SmolBackbone,
    "idefics3": SmolBackbone,
    "qwen2_vl": QwenBackbone,
    "qwen2_5_vl": QwenBackbone,
    **dict.fromkeys(TEXT_KINDS, TextBackbone),
}
"""Model type of transformers -> how it is used."""


def build_backbone(description: Mapping[str, Any], image_size: int) -> Backbone:
    """A backbone of random weights.

    Raises:
        ValueError: no backbone of that kind, or a description of sizes or types that no such model has.
    """
    kind = description.get("kind") if isinstance(description, Mapping) else description
    if not isinstance(kind, str) or kind not in BACKBONES:
        raise ValueError(f'unknown kind of backbone "{str(kind)[:_SHOWN]}". Known: {", ".join(BACKBONES)}.')
    _check_sizes(description)
    try:
        return BACKBONES[kind](description, image_size)
    except (StrictDataclassError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError) as error:
        said = " ".join(str(error).split())[:_SHOWN]
        raise ValueError(
            f"the description of the {kind} backbone does not fit: {type(error).__name__}: {said}."
        ) from error


def _check_sizes(part: Any, name: str = "backbone") -> None:
    """Raise ValueError for a whole number in a description that no model has: what is made of it would never end."""
    parts = (
        part.items() if isinstance(part, Mapping) else ((name, one) for one in part) if isinstance(part, list) else ()
    )
    for inner, one in parts:
        _check_sizes(one, str(inner))
    most = _MOST_LAYERS if any(word in name for word in ("layer", "depth", "block")) else _LARGEST
    if isinstance(part, int) and not -_LARGEST <= part <= most:
        raise ValueError(f"{name[:_SHOWN]} of the backbone: expected at most {most:,}, found {str(part)[:_SHOWN]}.")

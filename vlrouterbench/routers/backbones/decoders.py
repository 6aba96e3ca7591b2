"""Small vision-language decoders as backbones: SmolVLM and Idefics3, Qwen2-VL and Qwen2.5-VL.

Decisions
- The text follows the image, and the pooled vector is the last token's: it alone has seen everything.
- Images have one size, so all samples of a batch have as many image tokens at the same positions. The whole image is
  read once; SmolVLM's cutting of large images into parts is not done.
- What a model wants around an image (`before` and `after` in the description, as token ids) comes from its tokenizer.
  No chat template: a router is trained on what it reads.
- Without an image every image token is one learnt vector.
- Towers are called by themselves: the whole model's way in takes images that normalise to zeros for padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vlrouterbench.routers.backbones.base import Backbone
from vlrouterbench.routers.backbones.sample_encoder import BackboneInput


class DecoderBackbone(Backbone):
    """Base of decoders: the hidden state of a sample's last token.

    Args:
        description: as every backbone's; `before` and `after` are token ids around the image, none unless inputs.
        image_size: side of the image in pixels.

    Raises:
        ValueError: the image is no whole number of image tokens.
    """

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        super().__init__(description, image_size)
        self.around = [list(description.get(name, ())) for name in ("before", "after")]
        step = self.pixels_per_token
        if image_size % step:
            raise ValueError(f"expected an image size that tokens of {step} pixels divide, found {image_size}.")
        self.per_side = image_size // step
        self.absent = nn.Parameter(torch.zeros(self.dim))

    @property
    def dim(self) -> int:
        """Length of the pooled vector."""
        return self.model_config.text_config.hidden_size

    @property
    def pixels_per_token(self) -> int:
        """Side of what one image token stands for."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def image_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        batch, embed = len(inputs.tokens), self.model.get_input_embeddings()
        image = self.image_tokens(inputs.pixels)
        image = torch.where(inputs.has_image[:, None, None], image, self.absent.to(image.dtype))
        before, after = (
            embed(torch.tensor(ids, dtype=torch.long, device=image.device)).expand(batch, -1, -1) for ids in self.around
        )
        prefix = torch.cat([before, image, after], dim=1)
        embedded = torch.cat([prefix, embed(inputs.tokens).to(prefix.dtype)], dim=1)
        mask = torch.cat([inputs.mask.new_ones(prefix.shape[:2]), inputs.mask], dim=1)
        hidden = self.decoded(embedded, mask)
        return hidden[torch.arange(batch, device=hidden.device), mask.sum(dim=1) - 1]


class SmolBackbone(DecoderBackbone):
    """SmolVLM and Idefics3: patches of a SigLIP tower, several joined to a token."""

    @property
    def pixels_per_token(self) -> int:
        """Side of what one image token stands for."""
        return self.model_config.vision_config.patch_size * self.model_config.scale_factor

    def image_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        return self.model.connector(self.model.vision_model(pixel_values=pixels).last_hidden_state)

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        return self.model.text_model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).last_hidden_state


class QwenBackbone(DecoderBackbone):
    """Qwen2-VL and Qwen2.5-VL: an image's tokens have positions in rows and columns, text goes on after the largest."""

    @property
    def pixels_per_token(self) -> int:
        """Side of what one image token stands for."""
        vision = self.model_config.vision_config
        return vision.patch_size * vision.spatial_merge_size

    def image_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        vision, batch, side = self.model_config.vision_config, len(pixels), self.per_side
        merge, patch = vision.spatial_merge_size, vision.patch_size
        cut = pixels.reshape(batch, 3, side, merge, patch, side, merge, patch).permute(0, 2, 5, 3, 6, 1, 4, 7)
        # A still image fills every frame that a patch is made of.
        frames = cut.unsqueeze(6).expand(*cut.shape[:6], vision.temporal_patch_size, patch, patch)
        grid = torch.tensor([[1, side * merge, side * merge]], device=pixels.device).expand(batch, -1)
        rows = frames.reshape(batch * (side * merge) ** 2, -1)
        return self.model.visual(rows, grid_thw=grid).pooler_output.view(batch, side**2, -1)

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        positions = self.positions(embedded.shape[1]).to(embedded.device)
        positions = positions[:, None].expand(-1, len(embedded), -1)
        model = self.model.language_model
        return model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state

    def positions(self, length: int) -> torch.Tensor:
        """Position in time, row and column of each token, (3, length) int64."""
        start, side = len(self.around[0]), self.per_side
        row, column = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij"))
        image = start + torch.stack([torch.zeros_like(row), row, column])
        rest = start + side + torch.arange(length - start - side**2)
        return torch.cat([torch.arange(start).expand(3, -1), image, rest.expand(3, -1)], dim=1)

"""Small vision-language decoders as backbones: SmolVLM and Idefics3, Qwen2-VL and Qwen2.5-VL.

Decisions
- The text follows the picture, and the pooled vector is the last token's: it alone has seen everything.
- Pictures have one size, so all samples of a batch have as many picture tokens at the same places. The whole picture is
  read once; SmolVLM's cutting of large pictures into parts is not done.
- What a model wants around a picture (`before` and `after` in the description, as token ids) is told by its tokenizer.
  No chat template: a router is trained on what it reads.
- Without a picture every picture token is one learnt vector.
- Towers are called by themselves: the whole model's way in takes pictures that normalise to zeros for padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from vlrouterbench.routers.backbones.base import Backbone
from vlrouterbench.routers.backbones.input import BackboneInput


class DecoderBackbone(Backbone):
    """Base of decoders: the hidden state of a sample's last token.

    Args:
        description: as every backbone's; `before` and `after` are token ids around the picture, none unless given.
        image_size: side of the picture in pixels.

    Raises:
        ValueError: the picture is no whole number of picture tokens.
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
        """Side of what one picture token stands for."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def picture_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Picture tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def forward(self, given: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        batch, embed = len(given.tokens), self.model.get_input_embeddings()
        picture = self.picture_tokens(given.pixels)
        picture = torch.where(given.has_picture[:, None, None], picture, self.absent.to(picture.dtype))
        before, after = (
            embed(torch.tensor(ids, dtype=torch.long, device=picture.device)).expand(batch, -1, -1)
            for ids in self.around
        )
        prefix = torch.cat([before, picture, after], dim=1)
        embedded = torch.cat([prefix, embed(given.tokens).to(prefix.dtype)], dim=1)
        mask = torch.cat([given.mask.new_ones(prefix.shape[:2]), given.mask], dim=1)
        hidden = self.decoded(embedded, mask)
        return hidden[torch.arange(batch, device=hidden.device), mask.sum(dim=1) - 1]


class SmolBackbone(DecoderBackbone):
    """SmolVLM and Idefics3: patches of a SigLIP tower, several joined to a token."""

    @property
    def pixels_per_token(self) -> int:
        """Side of what one picture token stands for."""
        return self.model_config.vision_config.patch_size * self.model_config.scale_factor

    def picture_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Picture tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        return self.model.connector(self.model.vision_model(pixel_values=pixels).last_hidden_state)

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        return self.model.text_model(inputs_embeds=embedded, attention_mask=mask, use_cache=False).last_hidden_state


class QwenBackbone(DecoderBackbone):
    """Qwen2-VL and Qwen2.5-VL: a picture's tokens have places in rows and columns, text goes on behind the largest."""

    @property
    def pixels_per_token(self) -> int:
        """Side of what one picture token stands for."""
        vision = self.model_config.vision_config
        return vision.patch_size * vision.spatial_merge_size

    def picture_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Picture tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        vision, batch, side = self.model_config.vision_config, len(pixels), self.per_side
        merge, patch = vision.spatial_merge_size, vision.patch_size
        cut = pixels.reshape(batch, 3, side, merge, patch, side, merge, patch).permute(0, 2, 5, 3, 6, 1, 4, 7)
        # A still picture stands in every frame that a patch is made of.
        frames = cut.unsqueeze(6).expand(*cut.shape[:6], vision.temporal_patch_size, patch, patch)
        grid = torch.tensor([[1, side * merge, side * merge]], device=pixels.device).expand(batch, -1)
        rows = frames.reshape(batch * (side * merge) ** 2, -1)
        return self.model.visual(rows, grid_thw=grid).pooler_output.view(batch, side**2, -1)

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads."""
        places = self.places(embedded.shape[1]).to(embedded.device)
        places = places[:, None].expand(-1, len(embedded), -1)
        model = self.model.language_model
        return model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=places, use_cache=False
        ).last_hidden_state

    def places(self, length: int) -> torch.Tensor:
        """Place in time, row and column of each token, (3, length) int64."""
        start, side = len(self.around[0]), self.per_side
        row, column = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij"))
        picture = start + torch.stack([torch.zeros_like(row), row, column])
        rest = start + side + torch.arange(length - start - side**2)
        return torch.cat([torch.arange(start).expand(3, -1), picture, rest.expand(3, -1)], dim=1)

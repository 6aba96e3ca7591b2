"""Small vision-language decoders as backbones: SmolVLM and Idefics3, Qwen2-VL and Qwen2.5-VL.

Decisions
- The text follows the image, and the pooled vector is the last token's: it alone has seen everything.
- Images have one size, so all samples of a batch have as many image tokens at the same positions. The whole image is
  read once; SmolVLM's cutting of large images into parts is not done.
- What a model wants around an image (`before` and `after` in the description, as token ids) comes from its tokenizer.
  No chat template: a router is trained on what it reads.
- Without an image every image token is one learnt vector.
- Several images stand one after another, each with what is around it. A sample with fewer than others has its last
  places masked, and its text goes on after its own last image.
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

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Hidden states (batch, length, dim) of what a decoder reads.

        Args:
            embedded: (batch, length, dim): places of images, then tokens.
            mask: (batch, length) int64, 1 for what is to be seen.
            seen: (batch, places) int64: the same of each place of an image.
        """
        raise TypeError(f"{type(self).__name__} is the base of decoders: take one of them.")

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        batch, embed = len(inputs.tokens), self.model.get_input_embeddings()
        there = inputs.has_image.reshape(batch, -1)
        image = self.image_tokens(inputs.pixels.reshape(-1, *inputs.pixels.shape[-3:]))
        image = torch.where(there.reshape(-1, 1, 1), image, self.absent.to(image.dtype))
        before, after = (
            embed(torch.tensor(ids, dtype=torch.long, device=image.device)).expand(len(image), -1, -1)
            for ids in self.around
        )
        prefix = torch.cat([before, image, after], dim=1).reshape(batch, -1, image.shape[2])
        embedded = torch.cat([prefix, embed(inputs.tokens).to(prefix.dtype)], dim=1)
        # The first place is there in any case: without an image it says so.
        seen = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], dim=1).to(inputs.mask.dtype)
        mask = torch.cat([seen.repeat_interleave(prefix.shape[1] // seen.shape[1], dim=1), inputs.mask], dim=1)
        hidden = self.decoded(embedded, mask, seen)
        last = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(dim=1)
        return hidden[torch.arange(batch, device=hidden.device), last]


class SmolBackbone(DecoderBackbone):
    """SmolVLM and Idefics3: patches of a SigLIP tower, several joined to a token."""

    @property
    def pixels_per_token(self) -> int:
        """Side of what one image token stands for."""
        return self.model_config.vision_config.patch_size * self.model_config.scale_factor

    def image_tokens(self, pixels: torch.Tensor) -> torch.Tensor:
        """Image tokens (batch, per_side ** 2, dim), row by row, of pixels (batch, 3, size, size)."""
        return self.model.connector(self.model.vision_model(pixel_values=pixels).last_hidden_state)

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """As the base's."""
        # Of several places some are masked, and what follows goes on after the last that is not.
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0) if seen.shape[1] > 1 else None
        return self.model.text_model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state


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

    def decoded(self, embedded: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """As the base's."""
        length, places = embedded.shape[1], seen.shape[1]
        each = [self.positions(length, count, places) for count in seen.sum(dim=1).tolist()]
        positions = torch.stack(each, dim=1).to(embedded.device)
        model = self.model.language_model
        return model(
            inputs_embeds=embedded, attention_mask=mask, position_ids=positions, use_cache=False
        ).last_hidden_state

    def positions(self, length: int, num_images: int = 1, places: int = 1) -> torch.Tensor:
        """Position in time, row and column of each token, (3, length) int64, of `num_images` in so many places."""
        start, side = len(self.around[0]), self.per_side
        row, column = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij"))
        image = start + torch.stack([torch.zeros_like(row), row, column])
        after = start + side + torch.arange(len(self.around[1]))
        one = torch.cat([torch.arange(start).expand(3, -1), image, after.expand(3, -1)], dim=1)
        extent = start + side + len(self.around[1])
        text = num_images * extent + torch.arange(length - places * one.shape[1])
        return torch.cat([*(one + place * extent for place in range(places)), text.expand(3, -1)], dim=1)

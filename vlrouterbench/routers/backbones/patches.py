"""An image as patch tokens with the boxes they stand for: what LXMERT and VisualBERT read instead of detected objects.

Decisions
- Tokens come from a linear patch embedding, or from a ViT-style encoder of transformers, whose class token is left out.
- Boxes are the true corners of each patch as shares of the image's sides, row by row: not zeros, so that positions
  are known to the model.
- Without an image every token is one learnt vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

LINEAR = "linear"


def patch_boxes(per_side: int) -> torch.Tensor:
    """Corners (left, top, right, bottom) of patches, each in [0, 1], (per_side ** 2, 4), row by row."""
    edges = torch.arange(per_side) / per_side
    top, left = torch.meshgrid(edges, edges, indexing="ij")
    corners = torch.stack([left, top, left + 1 / per_side, top + 1 / per_side], dim=-1)
    return corners.reshape(-1, 4)


class PatchTokens(nn.Module):
    """Pixels -> patch tokens.

    Args:
        description: `{"kind": "linear", "patch_size"}`, or `{"kind": model type, "config"}` of a ViT-style encoder.
        dim: length of a token.
        image_size: side of the image in pixels.

    Raises:
        ValueError: the image is no whole number of patches.
    """

    def __init__(self, description: Mapping[str, Any], dim: int, image_size: int) -> None:
        super().__init__()
        self.vision: PreTrainedModel | None = None
        if description["kind"] == LINEAR:
            patch_size, width = description["patch_size"], 3 * description["patch_size"] ** 2
        else:
            from transformers import AutoConfig, AutoModel

            config = AutoConfig.for_model(description["kind"], **description["config"])
            self.vision = AutoModel.from_config(config)
            patch_size, width = config.patch_size, config.hidden_size
        if image_size % patch_size:
            raise ValueError(f"expected an image size that {patch_size}-pixel patches divide, found {image_size}.")
        self.patch_size, self.per_side = patch_size, image_size // patch_size
        self.project = nn.Linear(width, dim)
        self.norm = nn.LayerNorm(dim)
        self.absent = nn.Parameter(torch.zeros(dim))

    def boxes(self, like: torch.Tensor) -> torch.Tensor:
        """Corners of the patches, (per_side ** 2, 4), of the type and on the device of a tensor."""
        return patch_boxes(self.per_side).to(like)

    def forward(self, pixels: torch.Tensor, has_image: torch.Tensor) -> torch.Tensor:
        """Tokens (batch, per_side ** 2, dim) of pixels (batch, 3, size, size)."""
        tokens = self.norm(self.project(self._patches(pixels)))
        return torch.where(has_image[:, None, None], tokens, self.absent.to(tokens.dtype))

    def _patches(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.vision is None:
            return nn.functional.unfold(pixels, self.patch_size, stride=self.patch_size).transpose(1, 2)
        sequence = self.vision(pixel_values=pixels, interpolate_pos_encoding=True).last_hidden_state
        return sequence[:, -(self.per_side**2) :]

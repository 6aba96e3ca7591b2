"""Encoders of texts as backbones: BERT and its kin read the text alone, and no image.

Source: the benchmark's paper (arXiv 2512.23562) has VLC on a text-only BERT as its third backbone.

Decisions
- The pooled vector is made as the model's family makes it where its folder or name says so (E5 and MiniLM: the mean
  over tokens), else it is the mean. A BERT's own pooler is left out: many models are published without it.
- Padding is the model's own padding token: RoBERTa counts positions by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from vlrouterbench.routers.backbones.base import Backbone
from vlrouterbench.routers.backbones.sample_encoder import BackboneInput
from vlrouterbench.routers.encoders.hub.pooling import MEAN, POOLINGS, pooled_tokens

TEXT_KINDS = ("bert", "roberta", "xlm-roberta", "distilbert", "modernbert")
"""Model types of transformers."""


class TextBackbone(Backbone):
    """The pooled hidden states of a text encoder.

    Args:
        description: as every backbone's, and `pooling`, one of POOLINGS, the mean where absent.
        image_size: not used.

    Raises:
        ValueError: another pooling.
    """

    def __init__(self, description: Mapping[str, Any], image_size: int) -> None:
        super().__init__(description, image_size)
        self.pooling = description.get("pooling", MEAN)
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling: expected one of {', '.join(POOLINGS)}, found {str(self.pooling)[:200]}.")
        without_pooler(self.model)

    def forward(self, inputs: BackboneInput) -> torch.Tensor:
        """Pooled vectors, (batch, dim)."""
        padding = self.model_config.pad_token_id or 0
        tokens = torch.where(inputs.mask > 0, inputs.tokens, padding)
        hidden = self.model(input_ids=tokens, attention_mask=inputs.mask).last_hidden_state
        return pooled_tokens(hidden, inputs.mask, self.pooling)


def without_pooler(model: Any) -> Any:
    """The model less the pooler that some have behind their first token."""
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model

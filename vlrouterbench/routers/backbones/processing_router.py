"""The processor saved with an end-to-end router: what `AutoProcessor` gives where a router's folder is loaded.

Decisions
- Images are brought to size by this file's own code, with Pillow and numpy, as in training: the image processors of
  transformers crop, or need torchvision. So the processor has a tokenizer as its only part; the image's settings are
  its own fields, in `processor_config.json`.
- `AutoRouter` reads the settings from the router's config.json and the tokenizer from the same files: a folder without
  `processor_config.json` still decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch

from vlrouterbench.routers.backbones.sample_encoder import SampleEncoder, uncalled
from vlrouterbench.routers.encoders.feature_encoder import EncoderProcessor
from vlrouterbench.routers.encoders.sample_input import RouterInput


class RouterProcessor(EncoderProcessor):
    """Images and texts -> tensors of an end-to-end router.

    Args:
        tokenizer: of the backbone.
        router_encoder: the router's encoder settings, as in its config.json.
        kwargs: as for ProcessorMixin.
    """

    def __init__(self, tokenizer: Any = None, router_encoder: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(tokenizer, **kwargs)
        self.router_encoder = router_encoder

    def save_pretrained(self, save_directory: str | PathLike[Any], *arguments: Any, **options: Any) -> Any:
        """As the base's, with the tokenizer as it was before any call."""
        called = self.tokenizer
        self.tokenizer = uncalled(called)
        try:
            return super().save_pretrained(save_directory, *arguments, **options)
        finally:
            self.tokenizer = called

    @property
    def encoder(self) -> SampleEncoder:
        """As the base's."""
        encoder = SampleEncoder(self.router_encoder or {})
        encoder.tokenizer = self.tokenizer
        return encoder

    def tensors(self, samples: list[RouterInput]) -> Mapping[str, torch.Tensor]:
        """As the base's: `features`, (num_samples, width) uint8."""
        return {"features": self.encoder.encode(samples)}

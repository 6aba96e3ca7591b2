"""The processor saved with an end-to-end router: what `AutoProcessor` gives where a router's folder is loaded.

Decisions
- Pictures are brought to size by this file's own code, with Pillow and numpy, as in training: the image processors of
  transformers crop, or need torchvision. So the processor has a tokenizer as its only part; the picture's settings are
  its own fields, in `processor_config.json`.
- `AutoRouter` reads the settings from the router's config.json and the tokenizer from the same files: a folder without
  `processor_config.json` still decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature, ProcessorMixin

from vlrouterbench.routers.backbones.input import SampleEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput, read_image
from vlrouterbench.routers.write_code import write_code


class RouterProcessor(ProcessorMixin):
    """Pictures and texts -> tensors of an end-to-end router.

    Args:
        tokenizer: of the backbone.
        router_encoder: the router's encoder settings, as in its config.json.
        kwargs: as for ProcessorMixin.
    """

    def __init__(self, tokenizer: Any = None, router_encoder: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(tokenizer, **kwargs)
        self.router_encoder = router_encoder

    def save_pretrained(self, save_directory: str | Path, *arguments: Any, **options: Any) -> Any:
        """As transformers', with the code files that load the processor where this package is not installed."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        self.auto_map = write_code(save_directory, {"AutoProcessor": type(self)}, {})
        return super().save_pretrained(save_directory, *arguments, **options)

    def __call__(
        self, images: Sequence[Image.Image | None] | None = None, text: Sequence[str] = (), **_: Any
    ) -> BatchFeature:
        """Rows that the router's `score` takes.

        Args:
            images: one picture per text, None where there is none; None for no pictures at all.
            text: texts as `RouterInput.text` gives them.

        Returns:
            `features`, (num_texts, width) uint8.
        """
        encoder = SampleEncoder(self.router_encoder or {})
        encoder.tokenizer = self.tokenizer
        pictures = [None] * len(text) if images is None else list(images)
        samples = [RouterInput(one, image=read_image(image)) for one, image in zip(text, pictures, strict=True)]
        features: torch.Tensor = encoder.encode(samples)
        return BatchFeature({"features": features})

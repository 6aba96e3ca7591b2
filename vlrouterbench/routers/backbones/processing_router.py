"""The processor saved with an end-to-end router: what `AutoProcessor` gives where a router's folder is loaded.

Decisions
- Images are brought to size by this file's own code, with Pillow and numpy, as in training: the image processors of
  transformers crop, or need torchvision. So the processor has a tokenizer as its only part; the image's settings are
  its own fields, in `processor_config.json`.
- `AutoRouter` reads the settings from the router's config.json and the tokenizer from the same files: a folder without
  `processor_config.json` still decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from transformers import BatchFeature

from vlrouterbench.routers.backbones.sample_encoder import SampleEncoder
from vlrouterbench.routers.encoders.feature_encoder import EncoderProcessor, samples_of
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.routers.write_code import write_code


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
        """As transformers', with the code files that load the processor where this package is not installed."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        self.auto_map = write_code(Path(save_directory), {"AutoProcessor": type(self)}, {})
        return super().save_pretrained(save_directory, *arguments, **options)

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] = (),
        *,
        options: Sequence[Sequence[str]] | None = None,
        hints: Sequence[str] | None = None,
        return_tensors: str = "pt",
    ) -> BatchFeature:
        """Rows that the router's `score` takes.

        Args:
            images: one image per text, None where there is none; None for no images at all.
            text: the questions.
            options: answer options of each question.
            hints: extra instruction or context of each question.
            return_tensors: "pt".

        Returns:
            `features`, (num_texts, width) uint8.
        """
        encoder = SampleEncoder(self.router_encoder or {})
        encoder.tokenizer = self.tokenizer
        if return_tensors != "pt":
            raise RouterInputError(f'expected return_tensors="pt", found {return_tensors!r}.')
        features: torch.Tensor = encoder.encode(samples_of(text, images, options, hints))
        return BatchFeature({"features": features})

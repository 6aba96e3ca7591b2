"""The base of end-to-end routers: a backbone over pixels and text, fine-tuned with a family's head.

Decisions
- To trainer, evaluator and `route` it is a router like any other: its feature rows are samples as bytes
  (`sample_encoder.py`), which `score` unpacks, a block at a time.
- A router carries its whole backbone: configuration in config.json, fine-tuned weights in model.safetensors, tokenizer
  files beside them. No other download is needed to load it.
- A frozen backbone is in evaluation mode throughout, so that its dropout does not make its vectors noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from vlrouterbench.routers.backbones.models import build_backbone
from vlrouterbench.routers.backbones.processing_router import RouterProcessor
from vlrouterbench.routers.backbones.sample_encoder import SampleEncoder, shortened
from vlrouterbench.routers.base.configuration_router import RouterConfig
from vlrouterbench.routers.base.learning import Recipe, TrainingSet
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter

BLOCK = 64
"""Rows that are scored at once where no gradient is kept."""
_LOCATION_OPTIONS = ("revision", "token", "cache_dir", "local_files_only", "force_download", "subfolder")
FROM_SCRATCH = {"learning_rate": 1e-3, "num_epochs": 15, "patience": 5, "batch_size": 32}
"""What a backbone of random weights is trained with in the default variant."""


class EndToEndConfig(RouterConfig):
    """Configuration shared by end-to-end routers.

    Args:
        freeze_backbone: leave pretrained parts as they are; projections of patches and the head are trained.
        gradient_checkpointing: compute activations of the backbone again in the backward pass instead of keeping them.
        dropout: share of the pooled vector dropped in training.
        kwargs: the shared part.
    """

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {"dropout": (0, 1)}

    def __init__(
        self,
        freeze_backbone: bool = False,
        gradient_checkpointing: bool = False,
        dropout: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.freeze_backbone = freeze_backbone
        self.gradient_checkpointing = gradient_checkpointing
        self.dropout = dropout
        super().__init__(**kwargs)


class EndToEndRouter(PreTrainedRouter):
    """A router with a backbone of its own; a family adds its head.

    Args:
        config: names the candidates and describes backbone and inputs.
    """

    config: EndToEndConfig
    encoder: SampleEncoder
    by_gradient = True
    end_to_end = True

    def __init__(self, config: EndToEndConfig) -> None:
        super().__init__(config)
        self.backbone = build_backbone(config.encoder["backbone"], self.encoder.image_size)
        self.dropout = nn.Dropout(config.dropout)

    def make_encoder(self, config: RouterConfig) -> nn.Module:
        """What turns samples into rows of bytes."""
        return SampleEncoder(config.encoder)

    def adopt(self, encoder: nn.Module) -> None:
        """Take the tokenizer of the encoder that made the rows, and the pretrained weights that came with it."""
        self.encoder.tokenizer = encoder.tokenizer
        for name, weights in getattr(encoder, "pretrained", {}).items():
            self.backbone.pretrained_parts[name].load_state_dict(weights)

    def fit(self, training_set: TrainingSet) -> None:
        """Freeze pretrained parts and recompute activations, where the configuration says so."""
        if self.config.freeze_backbone:
            for part in self.backbone.pretrained_parts.values():
                part.requires_grad_(False)
        if self.config.gradient_checkpointing:
            for name, part in self.backbone.pretrained_parts.items():
                if not part.supports_gradient_checkpointing:
                    raise ValueError(
                        f"gradient_checkpointing: {type(part).__name__} ({name}) of transformers cannot do it. Leave "
                        "the option out, or take another backbone."
                    )
                part.gradient_checkpointing_enable({"use_reentrant": False})

    def train(self, mode: bool = True) -> EndToEndRouter:
        """As torch's; frozen parts stay in evaluation mode."""
        super().train(mode)
        if mode and self.config.freeze_backbone:
            for part in self.backbone.pretrained_parts.values():
                part.eval()
        return self

    def get_input_embeddings(self) -> Any:
        """None: what comes in are rows of bytes, and the backbone's embeddings are a part of it like any other."""
        return

    def pooled(self, features: torch.Tensor) -> torch.Tensor:
        """The backbone's vectors, (num_samples, backbone dim), of rows (num_samples, width) uint8."""
        return self.dropout(self.backbone(self.encoder.unpacked(features.to(self.device))))

    def head_scores(self, pooled: torch.Tensor) -> torch.Tensor:
        """Scores (num_samples, num_candidates) of pooled vectors."""
        raise TypeError(f"{type(self).__name__} is the base of end-to-end families: load one of them.")

    def score(self, features: Any) -> torch.Tensor:
        """Scores (num_samples, num_candidates) of rows (num_samples, width) uint8, a block at a time."""
        if self.training:
            return self.head_scores(self.pooled(features))
        parts = []
        for start in range(0, len(features), BLOCK):
            rows = features[torch.arange(start, min(start + BLOCK, len(features)))]
            parts.append(self.head_scores(self.pooled(shortened(rows, self.encoder))).float())
        return torch.cat(parts) if parts else torch.zeros(0, self.num_candidates, device=self.device)

    @classmethod
    def recipe_for(cls, variant: str, encoder: Any) -> Recipe:
        """The variant's recipe; a backbone of random weights needs larger steps and more of them."""
        recipe = cls.recipes[variant]
        adapted = variant == "default" and encoder.config["backbone"].get("random")
        return recipe.with_values(**FROM_SCRATCH) if adapted else recipe

    def auto_classes(self) -> dict[str, type]:
        """As the base class's, with the processor."""
        return super().auto_classes() | {"AutoProcessor": RouterProcessor}

    def save_processor(self, folder: Path) -> None:
        """As the base class's, with the tokenizer."""
        if self.encoder.tokenizer is not None:
            RouterProcessor(self.encoder.tokenizer, self.config.encoder).save_pretrained(folder)

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """As the base class's, with the tokenizer that lies beside the weights."""
        from transformers import PreTrainedTokenizerFast

        loaded = super().from_pretrained(*arguments, **options)
        router = loaded[0] if isinstance(loaded, tuple) else loaded
        source = arguments[0] if arguments else options["pretrained_model_name_or_path"]
        location = {name: options[name] for name in _LOCATION_OPTIONS if name in options}
        router.encoder.tokenizer = PreTrainedTokenizerFast.from_pretrained(source, **location)
        return loaded

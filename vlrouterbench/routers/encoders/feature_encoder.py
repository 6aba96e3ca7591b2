"""The feature encoder that travels with a router: a block per modality, and how the two are fused.

Decisions
- Its fitted state is buffers in the router's own safetensors file; pretrained encoders are named, not copied.
- Rows are computed one by one in numpy, so that with built-in encoders `route` gives the stored features to the last
  bit. A pretrained encoder's vectors agree to 1e-5: a batch and a single row differ in floating point.
- `AutoProcessor` gives what blocks read of samples, which depends on nothing fitted: one vector a sample and modality,
  padded with NaN. The model's own encoder makes features of them, so `model(**processor(...))` scores as `route` does.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import BatchFeature, PreTrainedConfig, ProcessorMixin

from vlrouterbench.routers.base.decision import samples_of
from vlrouterbench.routers.base.learning import FeatureDescription
from vlrouterbench.routers.encoders.block import (
    CONCAT,
    FUSIONS,
    IMAGE,
    IMAGE_ONLY,
    MODALITIES,
    POOLED,
    TEXT,
    TEXT_ONLY,
    TEXT_WEIGHT,
    FeatureBlock,
    block_class,
    fuse,
    fused_dim,
    kind_of,
)
from vlrouterbench.routers.encoders.sample_input import RouterInput, RouterInputError
from vlrouterbench.routers.write_code import Blocks, write_code


@dataclass(frozen=True)
class RawFeatures:
    """What blocks read of samples, before anything fitted.

    Attributes:
        text: per sample what the text block read, None where the fusion leaves text out.
        image: the same of images.
    """

    text: Sequence[Any] | None
    image: Sequence[Any] | None

    def __len__(self) -> int:
        return len(self.image or ()) if self.text is None else len(self.text)

    def rows(self, modality: str) -> Sequence[Any]:
        """What the block of a modality read; nothing where the fusion leaves it out."""
        return (self.text if modality == TEXT else self.image) or ()

    def take(self, rows: Iterable[int]) -> RawFeatures:
        """Some samples, by index."""
        rows = list(rows)
        return RawFeatures(*(None if part is None else [part[row] for row in rows] for part in (self.text, self.image)))


class FeatureEncoder(nn.Module):
    """Samples -> feature vectors.

    Args:
        config: `text` and `image` are each "builtin", or the description of a pretrained encoder with its "dim";
            the image "builtin+ocr" reads the text in it as well; `version`, `text_dim`, `image_dim` and `ocr_dim` are
            the built-in's; `fusion` is one of FUSIONS ("concat" where absent), `text_weight` the text's share in a
            weighted average; `image_pooling` is POOLED where all images of a sample are taken in, else absent.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.fusion = config.get("fusion", CONCAT)
        if self.fusion not in FUSIONS:
            raise ValueError(f'unknown fusion "{self.fusion}". Known: {", ".join(FUSIONS)}.')
        self.text = None if self.fusion == IMAGE_ONLY else _block("text", config)
        self.image = None if self.fusion == TEXT_ONLY else _block("image", config)
        if (pooling := config.get("image_pooling")) not in (None, POOLED):
            raise ValueError(f'unknown image_pooling "{pooling}". Known: {POOLED}; without it the first image counts.')
        if self.image is not None:
            self.image.pools = pooling == POOLED

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        return fused_dim(self.fusion, *(block.length if block is not None else 0 for block in (self.text, self.image)))

    @property
    def blocks(self) -> dict[str, FeatureBlock]:
        """Modality -> block, of those that the fusion takes in."""
        blocks = {TEXT: self.text, IMAGE: self.image}
        return {modality: block for modality, block in blocks.items() if block is not None}

    @property
    def most_images(self) -> int | None:
        """How many images of a sample are taken in: the first alone, or None for all."""
        return None if self.image is not None and self.image.pools else 1

    @property
    def block_classes(self) -> dict[str, dict[str, type[FeatureBlock]]]:
        """Modality -> kind -> class of the blocks: the code that a router with this encoder carries."""
        classes: dict[str, dict[str, type[FeatureBlock]]] = {modality: {} for modality in MODALITIES}
        for modality, block in self.blocks.items():
            classes[modality][block.name] = type(block)
        return classes

    @property
    def device(self) -> torch.device:
        """Where the fitted state lies, and features are given."""
        return next(self.buffers()).device

    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Features of samples, (num_samples, dim) float32 on the encoder's device."""
        return torch.from_numpy(self.features_of(self.read(inputs))).to(self.device)

    def read(self, inputs: Sequence[RouterInput]) -> RawFeatures:
        """What depends on nothing fitted."""
        rows = {modality: block.read_samples(inputs) if inputs else [] for modality, block in self.blocks.items()}
        return RawFeatures(rows.get(TEXT), rows.get(IMAGE))

    def features_of_row(self, raw: RawFeatures, row: int) -> np.ndarray:
        """Features of one sample, (dim,) float32."""
        text = None if self.text is None or raw.text is None else self.text.vector(raw.text[row])
        image = None if self.image is None or raw.image is None else self.image.vector(raw.image[row])
        weight = self.config.get("text_weight", TEXT_WEIGHT)
        return fuse(text, image, self.fusion, text_weight=weight).astype(np.float32)

    def features_of(self, raw: RawFeatures) -> np.ndarray:
        """Features of samples from what was read of them, (num_samples, dim) float32."""
        values = np.zeros((len(raw), self.dim), np.float32)
        for row in range(len(raw)):
            values[row] = self.features_of_row(raw, row)
        return values

    def packed(self, raw: RawFeatures) -> dict[str, torch.Tensor]:
        """What was read as tensors by name, `text_values` and `image_values`: (num_samples, length) float32 each.

        Where all images are taken in, image_values are (num_samples, most images, length). What is shorter ends in NaN.
        """
        packed = {}
        for modality, block in self.blocks.items():
            kept = [row if block.pools else (row,) for row in raw.rows(modality)]
            values = _padded([torch.from_numpy(block.values_of(one)) for row in kept for one in row])
            packed[f"{modality}_values"] = _padded(values.split([*map(len, kept)])) if block.pools else values
        return packed

    def features_of_packed(self, packed: Mapping[str, torch.Tensor | None]) -> torch.Tensor:
        """Features of samples, (num_samples, dim), from what `packed` gave.

        Raises:
            ValueError: a modality is missing, or is not read by this encoder.
        """
        expected = [f"{modality}_values" for modality in self.blocks]
        given = {name: values.detach().cpu().numpy() for name, values in packed.items() if values is not None}
        if sorted(given) != sorted(expected):
            raise ValueError(
                f"expected {' and '.join(expected)} as the router's processor gives them, or features; found "
                f"{' and '.join(given) or 'neither'}."
            )
        rows = {
            modality: [_kept(block, row) for row in given[f"{modality}_values"]]
            for modality, block in self.blocks.items()
        }
        return torch.from_numpy(self.features_of(RawFeatures(rows.get(TEXT), rows.get(IMAGE)))).to(self.device)

    def describe(self) -> FeatureDescription:
        """What features are, for results and cards."""
        names = {modality: block.describe() for modality, block in self.blocks.items()}
        description = FeatureDescription(text=names.get(TEXT), image=names.get(IMAGE), fusion=self.fusion, dim=self.dim)
        if "version" in self.config:
            description["version"] = self.config["version"]
        if self.most_images is None:
            description["image_pooling"] = POOLED
        return description


def _padded(rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=torch.nan)


def _kept(block: FeatureBlock, values: np.ndarray) -> Any:
    """What a block keeps of a sample, from its padded values: (length,), or (most images, length) where it pools."""
    if not block.pools:
        return block.raw_of(values[~np.isnan(values)])
    return tuple(block.raw_of(row[there]) for row in values if (there := ~np.isnan(row)).any())


def _block(modality: str, config: Mapping[str, Any]) -> FeatureBlock:
    return block_class(modality, kind_of(modality, config)).from_config(config)


class EncoderProcessor(ProcessorMixin):
    """A processor whose settings are those of its router's encoder, which makes tensors of samples."""

    router_encoder: Mapping[str, Any] | None

    @property
    def carried_blocks(self) -> Blocks:
        """The blocks whose code is saved beside the processor's own."""
        return {}

    @property
    def encoder(self) -> Any:
        """What reads samples, as the router's own does; not fitted."""
        raise TypeError(f"{type(self).__name__} defines no encoder.")

    def tensors(self, samples: list[RouterInput]) -> Mapping[str, torch.Tensor]:
        """What the router's `forward` takes for some samples."""
        raise TypeError(f"{type(self).__name__} defines no tensors.")

    @classmethod
    def get_processor_dict(
        cls, pretrained_model_name_or_path: str | PathLike[Any], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As transformers'; where a folder of 0.x has no processor_config.json, its config.json holds the same."""
        settings, rest = super().get_processor_dict(pretrained_model_name_or_path, **kwargs)
        if not settings.get("router_encoder"):
            config, _ = PreTrainedConfig.get_config_dict(pretrained_model_name_or_path, **kwargs)
            settings["router_encoder"] = config.get("encoder")
        return settings, rest

    def save_pretrained(self, save_directory: str | PathLike[Any], *arguments: Any, **options: Any) -> Any:
        """As transformers', with the code files that load the processor where this package is not installed."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        self.auto_map = write_code(Path(save_directory), {"AutoProcessor": type(self)}, self.carried_blocks)
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
        """Tensors that the router takes.

        Args:
            images: an image per text (PIL, bytes or a path), or a list of them, None where there is none; None for no
                images at all.
            text: the questions.
            options: answer options of each question.
            hints: extra instruction or context of each question.
            return_tensors: "pt".

        Raises:
            RouterInputError: other lengths than the texts', an image that cannot be read, or several of one text where
                the router reads the first alone.
        """
        if return_tensors != "pt":
            raise RouterInputError(f'expected return_tensors="pt", found {return_tensors!r}.')
        return BatchFeature(dict(self.tensors(samples_of(self.encoder, text, images, options, hints))))


class FeatureProcessor(EncoderProcessor):
    """Texts and images -> tensors of a router over features.

    Args:
        router_encoder: the router's encoder settings, as in its config.json.
        kwargs: as for ProcessorMixin.
    """

    def __init__(self, router_encoder: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.router_encoder = router_encoder

    @property
    def carried_blocks(self) -> Blocks:
        """As the base's: those of the encoder."""
        return FeatureEncoder(self.router_encoder or {}).block_classes

    @property
    def encoder(self) -> FeatureEncoder:
        """As the base's."""
        return _reader(json.dumps(self.router_encoder, sort_keys=True))

    def tensors(self, samples: list[RouterInput]) -> Mapping[str, torch.Tensor]:
        """As the base's: what blocks read of samples, a tensor per modality."""
        return self.encoder.packed(self.encoder.read(samples))


@functools.lru_cache(maxsize=2)
def _reader(description: str) -> FeatureEncoder:
    """An encoder that reads and is not fitted; kept, since pretrained encoders are slow to load."""
    return FeatureEncoder(json.loads(description))

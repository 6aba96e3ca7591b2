"""The vector of a sample: of one modality, as every kind of encoder gives it; of both, fused; and the kinds by name.

Decisions
- Reading and fitting are apart. What is read of a sample depends on nothing fitted, so it can be stored and shared;
  what was fitted on train (weights, projections, mean and scale) is applied to it row by row, in numpy, so that a
  stored row and `route` agree.
- A kind is one class. It states `modality` and `name`, is made without arguments to read, and by `from_config` to be
  what was fitted; `identity`, `read`, `fit` and `project` are its own, everything else has a default.
- The fitted state is buffers, so it is saved in the router's own safetensors file: no scikit-learn at inference, no
  pickle. What needs scikit-learn to be fitted is fitted outside (`vlrouterbench.features`), before `fit`.
- Kinds are named by address (BLOCKS) and are imported when a router needs them: a router over built-in features neither
  runs nor carries the code of pretrained encoders. Beside a saved router `write_code` names only the router's own.
- A kind follows from the encoder's configuration: a name, or the description of a pretrained encoder, which is "hub".
- Fusions are pure functions with the paper's names (arXiv 2512.23562, its fusion ablation). Inputs are standardised
  parts; a part that is all zeros (no text, no image) stays so.
- Of several images each is read and standardised like a single one. Their vector is the mean, how far the largest lies
  above the mean, and the logarithm of their number: mean and maximum, so written that of one image the first part is
  its vector and the rest is 0, whatever is fitted on it. A block takes the first image alone unless `pools` says so.
- Normalising gives both parts the same length, whatever their sizes, and that length makes the mean square of a
  feature 1: routers learn at the same rate whatever the fusion.
- An average needs parts of one size. The longer is brought to the shorter's by a fixed random projection (signs of one
  over the root of the new size, Achlioptas 2003), which keeps inner products on average; nothing is cut off. Its signs
  are a hash of their position, so the same everywhere and not stored.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from vlrouterbench.routers.encoders.sample_input import RouterInput

POOLED = "mean-max-count"
"""How several images are taken in, as configurations say it; without a word the first is taken alone."""
CLIP = 5.0
"""Standardised features are held within this many standard deviations."""
TEXT, IMAGE = "text", "image"
MODALITIES = (TEXT, IMAGE)
HUB = "hub"
"""The kind of an encoder that is described by a mapping: pretrained, named and not copied."""

BLOCKS: dict[str, dict[str, str]] = {
    "text": {
        "builtin": ".builtin.text:BuiltinText",
        "builtin+canonical": ".builtin.text:CanonicalText",
        HUB: ".hub.blocks:HubText",
    },
    "image": {
        "builtin": ".builtin.image:BuiltinImage",
        "builtin+ocr": ".ocr.blocks:OcrImage",
        HUB: ".hub.blocks:HubImage",
    },
}
"""Modality -> kind -> address of a class; a module that begins with a dot lies in this folder."""
CONCAT, NORMALIZE_CONCAT, AVERAGE, WEIGHTED_AVERAGE = "concat", "normalize-concat", "average", "weighted-average"
TEXT_ONLY, IMAGE_ONLY = "text-only", "image-only"
FUSIONS = (CONCAT, NORMALIZE_CONCAT, AVERAGE, WEIGHTED_AVERAGE, TEXT_ONLY, IMAGE_ONLY)
TEXT_WEIGHT = 0.7
"""The text's weight in a weighted average unless another is given: in the paper images alone were the weakest."""


class FeatureBlock(nn.Module):
    """Base of one modality.

    Args:
        dim: length of its vector, which every kind gives.
    """

    modality: ClassVar[str]
    """TEXT or IMAGE: what is read of a sample."""
    name: ClassVar[str]
    """Of the kind, as the registry, options and configurations say it."""
    stored: ClassVar[bool] = True
    """Whether what is read is kept beside a benchmark; it then is one float32 vector a sample, zeros for no input.
    What is read anew in no more time than it takes to load needs no store."""
    smallest_scale: ClassVar[float] = 1e-6
    """A feature that varies less than this in training says nothing."""
    pools: bool = False
    """Whether all images of a sample are taken in: what is kept of a sample is then a tuple, of each what was read."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FeatureBlock:
        """The block that the configuration of a feature encoder describes, not fitted."""
        return cls()

    def config(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        """What `from_config` needs, given what was read of train; an entry named as the modality names the kind."""
        return {self.modality: self.name}

    @property
    def identity(self) -> Mapping[str, Any]:
        """All that what is read depends on, ready for JSON: what is stored under another identity is not used."""
        raise self._base()

    def read(self, inputs: Sequence[RouterInput]) -> Sequence[Any]:
        """What is taken of each sample before anything fitted."""
        raise self._base()

    def fit(self, rows: Sequence[Any]) -> None:
        """Learn from what was read of train: nothing but mean and scale, unless a kind has more to learn before."""
        mean, scale = self.moments(np.stack([self.project(row) for row in rows]).astype(np.float64))
        # A feature that never varies in training says nothing: its scale of 1 leaves it at 0.
        scale[scale < self.smallest_scale] = 1.0
        self.set_state("mean", mean)
        self.set_state("scale", scale)

    def moments(self, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of vectors (num_samples, dim) on their own scale."""
        return projected.mean(axis=0), projected.std(axis=0)

    def project(self, raw: Any) -> np.ndarray:
        """A sample's vector on its own scale, (dim,), from what `read` gave."""
        raise self._base()

    @property
    def length(self) -> int:
        """Of what `vector` gives."""
        return 2 * self.dim + 1 if self.pools else self.dim

    def read_samples(self, inputs: Sequence[RouterInput]) -> Sequence[Any]:
        """What is kept of each sample: what `read` gives, of each of its images where the block pools."""
        if not self.pools:
            return self.read(inputs)
        rows = iter(self.read([one for sample in inputs for one in sample.each]))
        return [tuple(next(rows) for _ in sample.each) for sample in inputs]

    def vector(self, kept: Any) -> np.ndarray:
        """A sample's features, (length,) float32, from what `read_samples` gave."""
        if not self.pools:
            return self.standardised(kept)
        each = np.stack([self.standardised(raw) for raw in kept])
        mean = each.mean(axis=0)
        return np.concatenate([mean, each.max(axis=0) - mean, np.log2([len(each)])]).astype(np.float32)

    def standardised(self, raw: Any) -> np.ndarray:
        """A sample's vector, (dim,) float32: centred, scaled and clipped as on train."""
        mean, scale = self.state("mean"), self.state("scale")
        return np.clip((self.project(raw) - mean) / scale, -CLIP, CLIP).astype(np.float32)

    def values_of(self, raw: Any) -> np.ndarray:
        """What was read of a sample as one vector, (length,) float32 without NaN: how a processor gives it."""
        return np.asarray(raw, dtype=np.float32)

    def raw_of(self, values: np.ndarray) -> Any:
        """What was read of a sample, from its vector: the inverse of `values_of`, to the last bit."""
        return values

    def describe(self) -> str:
        """Name of the encoder in results and cards."""
        return self.name

    def present(self, raw: Any) -> bool:
        """Whether there was anything to read of a sample."""
        return bool(np.any(raw))

    def input_length(self, sample: RouterInput) -> int:
        """How long an input is to the encoder: inputs of about one length are read together."""
        return 0

    def without_encoder(self) -> FeatureBlock:
        """The same block with nothing loaded, to be sent to another process."""
        return self

    def take_loaded(self, block: Self) -> None:
        """Spare this block loading what another of its kind has loaded already."""

    def allow_fetching(self, *, by_caller: bool, is_bound: bool) -> None:
        """Say whether what the block needs may be fetched: by its caller, and for a router that is as it was saved."""

    def state(self, name: str) -> np.ndarray:
        """A buffer as an array; no copy where it lies on the CPU."""
        return getattr(self, name).detach().cpu().numpy()

    def set_state(self, name: str, values: np.ndarray) -> None:
        """Copy what was fitted into a buffer."""
        getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)))

    def _base(self) -> TypeError:
        return TypeError(f"{type(self).__name__} is a base: take a built-in or a Hub block.")


def encoder_names(modality: str) -> tuple[str, ...]:
    """What needs no description: the names that options and configurations may give."""
    return tuple(name for name in BLOCKS[modality] if name != HUB)


def block_class(modality: str, kind: str) -> type[FeatureBlock]:
    """The class of a kind of block.

    Args:
        modality: "text" or "image".
        kind: as `kind_of` gives it.

    Raises:
        ValueError: no block of that name.
    """
    if kind not in BLOCKS[modality]:
        names = ", ".join(encoder_names(modality))
        raise ValueError(f'unknown {modality} encoder "{kind}". Known: {names}, or a pretrained one\'s description.')
    module, _, name = BLOCKS[modality][kind].partition(":")
    return getattr(importlib.import_module(module, __package__), name)


def kind_of(modality: str, config: Mapping[str, Any]) -> str:
    """The kind of block that an encoder's configuration asks for: a name, or "hub" for a description."""
    value = config.get(modality)
    return HUB if isinstance(value, dict) else str(value)


def fuse(
    text: np.ndarray | None, image: np.ndarray | None, fusion: str, *, text_weight: float = TEXT_WEIGHT
) -> np.ndarray:
    """One vector of a text's and an image's.

    Args:
        text: (..., text_dim); not used by "image-only".
        image: (..., image_dim); not used by "text-only".
        fusion: one of FUSIONS.
        text_weight: of "weighted-average", in [0, 1].

    Returns:
        (..., fused_dim(fusion, text_dim, image_dim)).

    Raises:
        ValueError: no fusion of that name, or a vector that it takes in is missing.
    """
    if fusion not in FUSIONS:
        raise ValueError(f'unknown fusion "{fusion}". Known: {", ".join(FUSIONS)}.')
    if fusion == TEXT_ONLY and text is not None:
        return text
    if fusion == IMAGE_ONLY and image is not None:
        return image
    if text is None or image is None:
        raise ValueError(f'expected every vector that the fusion "{fusion}" takes in, found one missing.')
    if fusion == CONCAT:
        return concat(text, image)
    if fusion == NORMALIZE_CONCAT:
        return normalize_concat(text, image)
    return weighted_average(text, image, text_weight=0.5 if fusion == AVERAGE else text_weight)


def fused_dim(fusion: str, text_dim: int, image_dim: int) -> int:
    """Length of a fused vector; the size of a part that is not used may be 0."""
    sizes = {TEXT_ONLY: text_dim, IMAGE_ONLY: image_dim, CONCAT: text_dim + image_dim}
    sizes |= {NORMALIZE_CONCAT: text_dim + image_dim}
    return sizes.get(fusion, min(text_dim, image_dim))


def concat(text: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Both parts side by side, (..., text_dim + image_dim)."""
    return np.concatenate([text, image], axis=-1)


def normalize_concat(text: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Both parts at the same length side by side, (..., text_dim + image_dim), of mean square 1."""
    length = np.sqrt((text.shape[-1] + image.shape[-1]) / 2)
    return concat(unit_length(text) * length, unit_length(image) * length)


def weighted_average(text: np.ndarray, image: np.ndarray, *, text_weight: float) -> np.ndarray:
    """text_weight * text + (1 - text_weight) * image, (..., the smaller size)."""
    size = min(text.shape[-1], image.shape[-1])
    return text_weight * projected(text, size) + (1 - text_weight) * projected(image, size)


def projected(values: np.ndarray, size: int) -> np.ndarray:
    """Vectors (..., dim) brought to (..., size) by the fixed projection; those of that size as they are."""
    return values if values.shape[-1] == size else values @ random_signs(values.shape[-1], size)


@functools.lru_cache(maxsize=8)
def random_signs(rows: int, columns: int) -> np.ndarray:
    """The fixed projection, (rows, columns) float32: entries are one over the root of `columns`, of hashed sign."""
    position = np.arange(rows * columns, dtype=np.uint64).reshape(rows, columns)
    # The finaliser of splitmix64 (Steele et al. 2014): every bit of a position changes about half of the bits.
    mixed = (position + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    signs = np.where((mixed ^ (mixed >> np.uint64(31))) & np.uint64(1), 1.0, -1.0)
    signs = (signs / np.sqrt(columns)).astype(np.float32)
    signs.setflags(write=False)
    return signs


def unit_length(values: np.ndarray) -> np.ndarray:
    """Vectors (..., dim) at length 1; a zero vector stays zero."""
    norm = np.sqrt((values * values).sum(axis=-1, keepdims=True))
    return values / np.where(norm > 0, norm, 1)

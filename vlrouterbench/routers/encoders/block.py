"""One modality of a sample as a standardised vector: what every kind of encoder is to a router, and the kinds by name.

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
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import nn

from vlrouterbench.routers.encoders.sample_input import RouterInput

CLIP = 5.0
"""Standardised features are held within this many standard deviations."""
TEXT, IMAGE = "text", "image"
MODALITIES = (TEXT, IMAGE)
HUB = "hub"
"""The kind of an encoder that is described by a mapping: pretrained, named and not copied."""

BLOCKS: dict[str, dict[str, str]] = {
    "text": {
        "builtin": ".builtin.blocks:BuiltinText",
        HUB: ".hub.blocks:HubText",
    },
    "image": {
        "builtin": ".builtin.blocks:BuiltinImage",
        "builtin+ocr": ".ocr.blocks:OcrImage",
        HUB: ".hub.blocks:HubImage",
    },
}
"""Modality -> kind -> address of a class; a module that begins with a dot lies in this folder."""


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

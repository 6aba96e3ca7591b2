"""One modality of a sample as a standardised vector: the base of built-in and Hub encoders in a router.

Decisions
- Reading and fitting are apart. What is read of a sample depends on nothing fitted, so it can be stored and shared;
  what was fitted on train (weights, projections, mean and scale) is applied to it row by row, in numpy, so that a
  stored row and `route` agree.
- The fitted state is buffers, so it is saved in the router's own safetensors file: no scikit-learn at inference, no
  pickle. Fitting happens elsewhere (`vlrouterbench.features`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from vlrouterbench.routers.encoders.sample_input import RouterInput

CLIP = 5.0
"""Standardised features are held within this many standard deviations."""


class FeatureBlock(nn.Module):
    """Base of one modality.

    Args:
        dim: length of its vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> FeatureBlock:
        """The block that the configuration of a feature encoder describes, not fitted."""
        raise TypeError(f"{cls.__name__} is a base: take a built-in or a Hub block.")

    def read(self, inputs: Sequence[RouterInput]) -> Sequence[Any]:
        """What is taken of each sample before anything fitted."""
        raise TypeError(f"{type(self).__name__} is a base: take a built-in or a Hub block.")

    def project(self, raw: Any) -> np.ndarray:
        """A sample's vector on its own scale, (dim,), from what `read` gave."""
        raise TypeError(f"{type(self).__name__} is a base: take a built-in or a Hub block.")

    def standardised(self, raw: Any) -> np.ndarray:
        """A sample's vector, (dim,) float32: centred, scaled and clipped as on train."""
        mean, scale = self.state("mean"), self.state("scale")
        return np.clip((self.project(raw) - mean) / scale, -CLIP, CLIP).astype(np.float32)

    def describe(self) -> str:
        """Name of the encoder in results and cards."""
        raise TypeError(f"{type(self).__name__} is a base: take a built-in or a Hub block.")

    def state(self, name: str) -> np.ndarray:
        """A buffer as an array; no copy where it lies on the CPU."""
        return getattr(self, name).detach().cpu().numpy()

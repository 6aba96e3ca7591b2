"""The built-in encoders as blocks of a router: hashed n-grams with prompt facts, and image statistics.

Decisions
- They need no download and no GPU. N-grams are weighted (sublinear frequency, inverse document frequency) and
  projected; facts of the prompt and of the picture's shape stand beside the projections as they are.
- A sample without a picture has zeros for statistics, flag included: a mask, not a black square.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from vlrouterbench.routers.encoders.block import CLIP, FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import NUM_IMAGE_STATISTICS, NUM_SHAPE_FACTS, image_statistics
from vlrouterbench.routers.encoders.builtin.text import NUM_TEXT_FACTS, TEXT_BUCKETS, hashed_ngrams, text_facts
from vlrouterbench.routers.encoders.sample_input import RouterInput

BUILTIN = "builtin"
BUILTIN_VERSION = 3
"""Raised whenever the same sample would have other statistics. 2: pictures are turned as their EXIF says. 3: facts by
their logarithm, scripts and options; how much of a page print covers."""
RawText = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Bucket ids, counts and prompt facts of a text."""


class BuiltinText(FeatureBlock):
    """Text as projected n-grams and facts.

    Args:
        text_dim: size of the projection.
    """

    def __init__(self, text_dim: int) -> None:
        super().__init__(text_dim + NUM_TEXT_FACTS)
        self.register_buffer("idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("projection", torch.zeros(TEXT_BUCKETS, text_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinText:
        """By `text_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["text_dim"])

    def read(self, inputs: Sequence[RouterInput]) -> list[RawText]:
        """Hashed n-grams and facts of each sample."""
        return [raw_text(sample) for sample in inputs]

    def project(self, raw: RawText) -> np.ndarray:
        """Weighted, projected n-grams, then facts, (dim,)."""
        ids, counts, facts = raw
        return np.concatenate([projected_ngrams(ids, counts, self.state("idf"), self.state("projection")), facts])

    def describe(self) -> str:
        """The built-in's name."""
        return BUILTIN


class BuiltinImage(FeatureBlock):
    """A picture as projected statistics and facts of its shape.

    Args:
        image_dim: size of the projection.
        further: length of what a subclass adds.
    """

    def __init__(self, image_dim: int, further: int = 0) -> None:
        super().__init__(image_dim + NUM_SHAPE_FACTS + further)
        self.register_buffer("statistics_mean", torch.zeros(NUM_IMAGE_STATISTICS))
        self.register_buffer("statistics_scale", torch.ones(NUM_IMAGE_STATISTICS))
        self.register_buffer("projection", torch.zeros(NUM_IMAGE_STATISTICS, image_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinImage:
        """By `image_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["image_dim"])

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """Statistics of each picture, (NUM_IMAGE_STATISTICS,) float32."""
        return [image_statistics(sample.image) for sample in inputs]

    def project(self, raw: np.ndarray) -> np.ndarray:
        """Projected statistics, then facts of the shape, (dim,)."""
        if not raw[0]:
            return np.zeros(self.projection.shape[1] + NUM_SHAPE_FACTS, dtype=np.float32)
        standard = np.clip((raw - self.state("statistics_mean")) / self.state("statistics_scale"), -CLIP, CLIP)
        return np.concatenate([standard @ self.state("projection"), raw[:NUM_SHAPE_FACTS]])

    def describe(self) -> str:
        """The built-in's name."""
        return BUILTIN


def require_version(config: Mapping[str, Any]) -> None:
    """Raise ValueError for features that another release made, by the configuration of a feature encoder."""
    if config.get("version") != BUILTIN_VERSION:
        raise ValueError(
            f"expected built-in features of version {BUILTIN_VERSION}, found {config.get('version')}: "
            "load the router with the release that made it."
        )


def raw_text(sample: RouterInput) -> RawText:
    """Hashed n-grams (ids, counts) and prompt facts of a sample, before anything fitted."""
    ids, counts = hashed_ngrams(sample.text)
    facts = text_facts(sample.text, question=sample.question, options=sample.options, hint=sample.hint)
    return ids, counts, facts


def projected_ngrams(ids: np.ndarray, counts: np.ndarray, idf: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """Weighted n-grams (ids, counts) by a projection (TEXT_BUCKETS, dim), as (dim,)."""
    return tfidf_weights(ids, counts, idf) @ projection[ids]


def tfidf_weights(ids: np.ndarray, counts: np.ndarray, idf: np.ndarray) -> np.ndarray:
    """Sublinear term frequency times inverse document frequency, at unit length: one weight per bucket in `ids`."""
    weights = (1 + np.log(counts)) * idf[ids]
    norm = np.sqrt((weights * weights).sum())
    return weights / norm if norm > 0 else weights

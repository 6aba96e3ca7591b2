"""The built-in encoders as blocks of a router: hashed n-grams with prompt facts, and image statistics.

Decisions
- They need no download and no GPU. N-grams are weighted (sublinear frequency, inverse document frequency) and
  projected; facts of the prompt and of the image's shape stand beside the projections as they are.
- A sample without an image has zeros for statistics, flag included: a mask, not a black square.
- Nothing of what they read depends on the size of a projection, which is at most the number of samples fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from vlrouterbench.routers.encoders.block import CLIP, IMAGE, TEXT, FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import NUM_IMAGE_STATISTICS, NUM_SHAPE_FACTS, image_statistics
from vlrouterbench.routers.encoders.builtin.text import NUM_TEXT_FACTS, TEXT_BUCKETS, hashed_ngrams, text_facts
from vlrouterbench.routers.encoders.sample_input import RouterInput

BUILTIN = "builtin"
BUILTIN_VERSION = 3
"""Raised whenever the same sample would have other statistics. 2: images are turned as their EXIF says. 3: facts by
their logarithm, scripts and options; how much of a page print covers."""
TEXT_DIM, IMAGE_DIM = 96, 48
"""Sizes of the projections, where there are samples enough to fit them on."""
RawText = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Bucket ids, counts and prompt facts of a text."""


class BuiltinText(FeatureBlock):
    """Text as projected n-grams and facts.

    Args:
        text_dim: size of the projection.
    """

    modality, name = TEXT, BUILTIN
    stored = False

    def __init__(self, text_dim: int = 1) -> None:
        super().__init__(text_dim + NUM_TEXT_FACTS)
        self.register_buffer("idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("projection", torch.zeros(TEXT_BUCKETS, text_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinText:
        """By `text_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["text_dim"])

    def config(self, rows: Sequence[RawText]) -> Mapping[str, Any]:
        """The name, with `version` and the size of the projection."""
        size = projection_size(TEXT_DIM, len(rows))
        return {**super().config(rows), "version": BUILTIN_VERSION, "text_dim": size}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The built-in's version."""
        return {"version": BUILTIN_VERSION}

    def read(self, inputs: Sequence[RouterInput]) -> list[RawText]:
        """Hashed n-grams and facts of each sample."""
        return [raw_text(sample) for sample in inputs]

    def values_of(self, raw: RawText) -> np.ndarray:
        """Facts, buckets, then counts; float32 holds every bucket's number exactly."""
        ids, counts, facts = raw
        return np.concatenate([facts, ids, counts]).astype(np.float32)

    def raw_of(self, values: np.ndarray) -> RawText:
        """As `read` gave it."""
        ids, counts = np.split(values[NUM_TEXT_FACTS:], 2)
        return ids.astype(np.int64), counts, values[:NUM_TEXT_FACTS]

    def project(self, raw: RawText) -> np.ndarray:
        """Weighted, projected n-grams, then facts, (dim,)."""
        ids, counts, facts = raw
        return np.concatenate([projected_ngrams(ids, counts, self.state("idf"), self.state("projection")), facts])


class BuiltinImage(FeatureBlock):
    """An image as projected statistics and facts of its shape.

    Args:
        image_dim: size of the projection.
        further: length of what a subclass adds.
    """

    modality, name = IMAGE, BUILTIN

    def __init__(self, image_dim: int = 1, further: int = 0) -> None:
        super().__init__(image_dim + NUM_SHAPE_FACTS + further)
        self.register_buffer("statistics_mean", torch.zeros(NUM_IMAGE_STATISTICS))
        self.register_buffer("statistics_scale", torch.ones(NUM_IMAGE_STATISTICS))
        self.register_buffer("projection", torch.zeros(NUM_IMAGE_STATISTICS, image_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BuiltinImage:
        """By `image_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["image_dim"])

    def config(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        """The name, with `version` and the size of the projection."""
        size = projection_size(IMAGE_DIM, sum(map(self.present, rows)))
        return {**super().config(rows), "version": BUILTIN_VERSION, "image_dim": size}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The built-in's version."""
        return {"version": BUILTIN_VERSION}

    def read(self, inputs: Sequence[RouterInput]) -> Sequence[Any]:
        """Statistics of each image, (NUM_IMAGE_STATISTICS,) float32."""
        return [image_statistics(sample.image) for sample in inputs]

    def project(self, raw: Any) -> np.ndarray:
        """Projected statistics, then facts of the shape, (dim,)."""
        if not raw[0]:
            return np.zeros(self.state("projection").shape[1] + NUM_SHAPE_FACTS, dtype=np.float32)
        standard = np.clip((raw - self.state("statistics_mean")) / self.state("statistics_scale"), -CLIP, CLIP)
        return np.concatenate([standard @ self.state("projection"), raw[:NUM_SHAPE_FACTS]])

    def present(self, raw: Any) -> bool:
        """By the flag, which is the first of the statistics."""
        return bool(raw[0])


def require_version(config: Mapping[str, Any]) -> None:
    """Raise ValueError for features that another release made, by the configuration of a feature encoder."""
    if config.get("version") != BUILTIN_VERSION:
        raise ValueError(
            f"expected built-in features of version {BUILTIN_VERSION}, found {config.get('version')}: "
            "load the router with the release that made it."
        )


def projection_size(largest: int, num_samples: int) -> int:
    """Size of a projection that is fitted on some samples."""
    return min(largest, max(1, num_samples - 1))


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

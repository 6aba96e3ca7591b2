"""The feature encoder that travels with a router: built-in text and image statistics, weighted, projected,
standardised.

Decisions
- Its fitted state is a handful of buffers, so it is saved in the router's own safetensors file and loads wherever
  torch, numpy and Pillow are: no scikit-learn at inference, no pickle.
- Fitting happens elsewhere (`vlrouterbench.encoders`); this file only applies what was fitted.
- Rows are computed one by one in numpy, so that `route` gives the stored features to the last bit.
- Text that stands in the picture is a block of its own, where the configuration asks for it (the extra `ocr`): the same
  n-grams, but weights and a projection of its own, since a page and a question use other words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .encoding_image import NUM_IMAGE_STATISTICS, NUM_SHAPE_FACTS, image_statistics
from .encoding_input import RouterInput
from .encoding_ocr import picture_text
from .encoding_text import NUM_TEXT_FACTS, TEXT_BUCKETS, hashed_ngrams, text_facts

BUILTIN = "builtin"
BUILTIN_VERSION = 3
"""Raised whenever the same sample would have other statistics. 2: pictures are turned as their EXIF says. 3: facts by
their logarithm, scripts and options; how much of a page print covers."""
NUM_OCR_FACTS = 1
CLIP = 5.0


class FeatureEncoder(nn.Module):
    """Text and image statistics -> a feature vector.

    Args:
        config: `{"text": "builtin", "image": "builtin", "version": 3, "text_dim": ..., "image_dim": ...}`, and
            `"ocr": true, "ocr_dim": ...` where text is read from pictures.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        for part in ("text", "image"):
            if config.get(part) != BUILTIN:
                raise ValueError(f'unknown {part} encoder "{config.get(part)}". Known: {BUILTIN}.')
        if config.get("version") != BUILTIN_VERSION:
            raise ValueError(
                f"expected built-in features of version {BUILTIN_VERSION}, found {config.get('version')}: "
                "load the router with the release that made it."
            )
        self.config = dict(config)
        text_dim, image_dim = config["text_dim"], config["image_dim"]
        self.register_buffer("text_idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("text_projection", torch.zeros(TEXT_BUCKETS, text_dim))
        self.register_buffer("image_mean", torch.zeros(NUM_IMAGE_STATISTICS))
        self.register_buffer("image_scale", torch.ones(NUM_IMAGE_STATISTICS))
        self.register_buffer("image_projection", torch.zeros(NUM_IMAGE_STATISTICS, image_dim))
        if self.reads_pictures:
            self.register_buffer("ocr_idf", torch.ones(TEXT_BUCKETS))
            self.register_buffer("ocr_projection", torch.zeros(TEXT_BUCKETS, config["ocr_dim"]))
        self.register_buffer("feature_mean", torch.zeros(self.dim))
        self.register_buffer("feature_scale", torch.ones(self.dim))

    @property
    def reads_pictures(self) -> bool:
        """Whether text that stands in the picture is part of the features."""
        return bool(self.config.get("ocr"))

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        read = self.config["ocr_dim"] + NUM_OCR_FACTS if self.reads_pictures else 0
        return self.config["text_dim"] + NUM_TEXT_FACTS + self.config["image_dim"] + NUM_SHAPE_FACTS + read

    def encode(self, inputs: Sequence[RouterInput]) -> torch.Tensor:
        """Features of samples, (num_samples, dim) float32 on the encoder's device.

        Raises:
            ImportError: it reads pictures, and the extra `ocr` is not installed.
        """
        rows = [
            self.project(
                raw_text(sample),
                image_statistics(sample.image),
                picture_text(sample.image) if self.reads_pictures else "",
            )
            for sample in inputs
        ]
        stacked = np.stack(rows) if rows else np.zeros((0, self.dim), np.float32)
        return torch.from_numpy(stacked).to(self.feature_mean.device)

    def project(
        self, text: tuple[np.ndarray, np.ndarray, np.ndarray], statistics: np.ndarray, found: str = ""
    ) -> np.ndarray:
        """Features of one sample, (dim,) float32, from its raw text, its image statistics and the text found in its
        image."""
        mean, scale = self._array("feature_mean"), self._array("feature_scale")
        return np.clip((self.project_raw(text, statistics, found) - mean) / scale, -CLIP, CLIP).astype(np.float32)

    def project_raw(
        self, text: tuple[np.ndarray, np.ndarray, np.ndarray], statistics: np.ndarray, found: str = ""
    ) -> np.ndarray:
        """What `project` standardises, (dim,): weighted and projected, on its own scale."""
        ids, counts, facts = text
        image = np.zeros_like(statistics)
        if statistics[0]:
            image = (statistics - self._array("image_mean")) / self._array("image_scale")
        parts = [
            self._projected_text("text", ids, counts),
            facts,
            np.clip(image, -CLIP, CLIP) @ self._array("image_projection"),
            statistics[:NUM_SHAPE_FACTS],
        ]
        if self.reads_pictures:
            parts += [self._projected_text("ocr", *hashed_ngrams(found)), np.log1p([len(found)])]
        return np.concatenate(parts)

    def _projected_text(self, block: str, ids: np.ndarray, counts: np.ndarray) -> np.ndarray:
        weights = tfidf_weights(ids, counts, self._array(f"{block}_idf"))
        return weights @ self._array(f"{block}_projection")[ids]

    def _array(self, name: str) -> np.ndarray:
        """A buffer's values, without a copy on the CPU."""
        return getattr(self, name).detach().cpu().numpy()


def raw_text(sample: RouterInput) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashed n-grams (ids, counts) and prompt facts of a sample, before anything fitted."""
    ids, counts = hashed_ngrams(sample.text)
    facts = text_facts(sample.text, question=sample.question, options=sample.options, hint=sample.hint)
    return ids, counts, facts


def tfidf_weights(ids: np.ndarray, counts: np.ndarray, idf: np.ndarray) -> np.ndarray:
    """Sublinear term frequency times inverse document frequency, at unit length: one weight per bucket in `ids`."""
    weights = (1 + np.log(counts)) * idf[ids]
    norm = np.sqrt((weights * weights).sum())
    return weights / norm if norm > 0 else weights

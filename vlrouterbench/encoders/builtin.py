"""Fitting the built-in encoder: weights of n-gram buckets, projections of text and image, standardisation.

Decisions
- scikit-learn fits, the routers' own code applies: what is learnt here is copied into the buffers of a
  `FeatureEncoder`.
- Fitted on the train split alone.
- Features are standardised and clipped at the end. Ranks instead (65 quantiles), tails cut at 1 % and a bound of 3 were
  tried on the validation splits of simulated and real benchmarks: ranks suit kNN (up to 2.5 points of Rank Score) and
  take as much from the linear router on most simulated ones; the others differ by less than seeds do.
- Randomised decompositions run from a fixed seed: the same benchmark gives the same encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vlrouterbench.routers.encoding_image import NUM_IMAGE_STATISTICS
from vlrouterbench.routers.encoding_router import BUILTIN, BUILTIN_VERSION, FeatureEncoder, tfidf_weights
from vlrouterbench.routers.encoding_text import TEXT_BUCKETS, hashed_ngrams

FIT_VERSION = 3
"""Raised whenever the same samples would give another encoder: features stored before are then not read."""
TEXT_DIM = 96
IMAGE_DIM = 48
OCR_DIM = 32
_FIT_SEED = 0
_SMALLEST_SCALE = 1e-6


@dataclass(frozen=True)
class RawFeatures:
    """Statistics before anything fitted.

    Attributes:
        texts: per sample (bucket ids, counts, prompt facts).
        statistics: (num_samples, NUM_IMAGE_STATISTICS) float32.
        found: per sample the text that stands in its picture; None where pictures are not read.
    """

    texts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]
    statistics: np.ndarray
    found: Sequence[str] | None = None


def fit_builtin_encoder(raw: RawFeatures) -> FeatureEncoder:
    """Fit an encoder on the raw features of the train split."""
    num_samples = len(raw.texts)
    text_dim = min(TEXT_DIM, max(1, num_samples - 1))
    pictured = raw.statistics[:, 0] > 0
    image_dim = min(IMAGE_DIM, max(1, int(pictured.sum()) - 1))
    config = {
        "text": BUILTIN,
        "image": BUILTIN,
        "version": BUILTIN_VERSION,
        "text_dim": text_dim,
        "image_dim": image_dim,
    }
    if raw.found is not None:
        config |= {"ocr": True, "ocr_dim": min(OCR_DIM, text_dim)}
    encoder = FeatureEncoder(config)
    _fit_text(encoder, "text", [(ids, counts) for ids, counts, _ in raw.texts], text_dim)
    if raw.found is not None:
        _fit_text(encoder, "ocr", [hashed_ngrams(text) for text in raw.found], config["ocr_dim"])
    if pictured.sum() > 1:
        _fit_image(encoder, raw.statistics[pictured], image_dim)
    found = raw.found if raw.found is not None else [""] * num_samples
    rows = np.stack([encoder.project_raw(*row) for row in zip(raw.texts, raw.statistics, found, strict=True)])
    scale = rows.std(axis=0, dtype=np.float64)
    # A feature that never varies in training says nothing: its scale of 1 leaves it at 0.
    scale[scale < _SMALLEST_SCALE] = 1.0
    _set(encoder, "feature_mean", rows.mean(axis=0, dtype=np.float64))
    _set(encoder, "feature_scale", scale)
    return encoder


def _fit_text(
    encoder: FeatureEncoder, block: str, ngrams: Sequence[tuple[np.ndarray, np.ndarray]], num_dims: int
) -> None:
    """Fit the weights and the projection of a block of text from each sample's (bucket ids, counts)."""
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    indices = np.concatenate([ids for ids, _ in ngrams])
    if not indices.size:
        # No sample has any text: the block stays at 0.
        return
    present = np.bincount(indices, minlength=TEXT_BUCKETS)
    _set(encoder, f"{block}_idf", np.log((1 + len(ngrams)) / (1 + present)) + 1)
    idf = getattr(encoder, f"{block}_idf").numpy()
    weights = [tfidf_weights(ids, counts, idf) for ids, counts in ngrams]
    starts = np.concatenate([[0], np.cumsum([len(w) for w in weights])])
    matrix = csr_matrix((np.concatenate(weights), indices, starts), shape=(len(ngrams), TEXT_BUCKETS))
    svd = TruncatedSVD(num_dims, algorithm="randomized", random_state=_FIT_SEED).fit(matrix)
    _set(encoder, f"{block}_projection", svd.components_.T)


def _fit_image(encoder: FeatureEncoder, statistics: np.ndarray, image_dim: int) -> None:
    from sklearn.decomposition import PCA

    mean, scale = statistics.mean(axis=0, dtype=np.float64), statistics.std(axis=0, dtype=np.float64)
    scale[scale < _SMALLEST_SCALE] = 1.0
    _set(encoder, "image_mean", mean)
    _set(encoder, "image_scale", scale)
    standard = (statistics - mean) / scale
    pca = PCA(min(image_dim, NUM_IMAGE_STATISTICS), svd_solver="full").fit(standard)
    _set(encoder, "image_projection", pca.components_.T)


def _set(encoder: FeatureEncoder, name: str, values: np.ndarray) -> None:
    getattr(encoder, name).copy_(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)))

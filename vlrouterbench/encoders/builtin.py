"""Fitting the built-in encoders: weights of n-gram buckets, projections of text and of image statistics.

Decisions
- scikit-learn fits, the routers' own code applies: what is learnt here is copied into the buffers of a block.
- Fitted on the train split alone.
- Randomised decompositions run from a fixed seed: the same benchmark gives the same encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vlrouterbench.routers.encoding_block import FeatureBlock
from vlrouterbench.routers.encoding_builtin import BuiltinImage, BuiltinText, RawText, tfidf_weights
from vlrouterbench.routers.encoding_image import NUM_IMAGE_STATISTICS
from vlrouterbench.routers.encoding_text import TEXT_BUCKETS

FIT_VERSION = 2
"""Raised whenever the same samples would give another encoder: features stored before are then not read."""
TEXT_DIM = 96
IMAGE_DIM = 48
_FIT_SEED = 0
_SMALLEST_SCALE = 1e-6


def fit_builtin_text(block: BuiltinText, texts: Sequence[RawText]) -> None:
    """Fit the weights of buckets and their projection on the texts of the train split."""
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    num_samples = len(texts)
    present = np.bincount(np.concatenate([ids for ids, _, _ in texts]), minlength=TEXT_BUCKETS)
    idf = np.log((1 + num_samples) / (1 + present)) + 1
    set_buffer(block, "idf", idf)
    idf = block.state("idf")
    weights = [tfidf_weights(ids, counts, idf) for ids, counts, _ in texts]
    starts = np.concatenate([[0], np.cumsum([len(w) for w in weights])])
    indices = np.concatenate([ids for ids, _, _ in texts])
    matrix = csr_matrix((np.concatenate(weights), indices, starts), shape=(num_samples, TEXT_BUCKETS))
    svd = TruncatedSVD(block.projection.shape[1], algorithm="randomized", random_state=_FIT_SEED).fit(matrix)
    set_buffer(block, "projection", svd.components_.T)


def fit_builtin_image(block: BuiltinImage, rows: Sequence[np.ndarray]) -> None:
    """Fit scale and projection of image statistics on the pictures of the train split."""
    from sklearn.decomposition import PCA

    statistics = np.stack(rows)
    statistics = statistics[statistics[:, 0] > 0]
    if len(statistics) < 2:
        return
    mean, scale = statistics.mean(axis=0, dtype=np.float64), statistics.std(axis=0, dtype=np.float64)
    scale[scale < _SMALLEST_SCALE] = 1.0
    set_buffer(block, "statistics_mean", mean)
    set_buffer(block, "statistics_scale", scale)
    standard = (statistics - mean) / scale
    pca = PCA(min(block.projection.shape[1], NUM_IMAGE_STATISTICS), svd_solver="full").fit(standard)
    set_buffer(block, "projection", pca.components_.T)


def set_buffer(block: FeatureBlock, name: str, values: np.ndarray) -> None:
    """Copy what was fitted into a buffer of a block."""
    getattr(block, name).copy_(torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)))

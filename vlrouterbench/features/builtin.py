"""Fitting the built-in encoders: weights of n-gram buckets, projections of text and of image statistics.

Decisions
- scikit-learn fits, the routers' own code applies: what is learnt here is copied into the buffers of a block, whose
  own `fit` then takes mean and scale.
- Fitted on the train split alone.
- Features are standardised and clipped at the end. Ranks instead (65 quantiles), tails cut at 1 % and a bound of 3 were
  tried on the validation splits of simulated and real benchmarks: ranks suit kNN (up to 2.5 points of Rank Score) and
  take as much from the linear router on most simulated ones; the others differ by less than seeds do.
- Randomised decompositions run from a fixed seed: the same benchmark gives the same encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import NUM_IMAGE_STATISTICS
from vlrouterbench.routers.encoders.builtin.text import TEXT_BUCKETS, RawText, hashed_ngrams, tfidf_weights
from vlrouterbench.routers.encoders.ocr.blocks import ReadImage

FIT_VERSION = 3
"""Raised whenever the same samples would give another encoder: features stored before are then not read."""
_FIT_SEED = 0


def fit_builtin_text(block: FeatureBlock, texts: Sequence[RawText]) -> None:
    """Fit the weights of buckets and their projection on the texts of the train split."""
    _fit_ngrams(block, [(ids, counts) for ids, counts, _ in texts], "idf", "projection")


def fit_image_text(block: FeatureBlock, rows: Sequence[ReadImage]) -> None:
    """Fit the image statistics, and the weights and projection of the text in the images of the train split."""
    fit_builtin_image(block, [row.statistics for row in rows])
    _fit_ngrams(block, [hashed_ngrams(row.text) for row in rows], "ocr_idf", "ocr_projection")


def _fit_ngrams(
    block: FeatureBlock, ngrams: Sequence[tuple[np.ndarray, np.ndarray]], weights_name: str, projection_name: str
) -> None:
    """Fit weights and projection of a block from each sample's (bucket ids, counts)."""
    from scipy.sparse import csr_matrix
    from sklearn.decomposition import TruncatedSVD

    indices = np.concatenate([ids for ids, _ in ngrams])
    if not indices.size:
        # No sample has any text: the projection stays at 0.
        return
    present = np.bincount(indices, minlength=TEXT_BUCKETS)
    block.set_state(weights_name, np.log((1 + len(ngrams)) / (1 + present)) + 1)
    idf = block.state(weights_name)
    weights = [tfidf_weights(ids, counts, idf) for ids, counts in ngrams]
    starts = np.concatenate([[0], np.cumsum([len(w) for w in weights])])
    matrix = csr_matrix((np.concatenate(weights), indices, starts), shape=(len(ngrams), TEXT_BUCKETS))
    num_dims = block.state(projection_name).shape[1]
    svd = TruncatedSVD(num_dims, algorithm="randomized", random_state=_FIT_SEED).fit(matrix)
    block.set_state(projection_name, svd.components_.T)


def fit_builtin_image(block: FeatureBlock, rows: Sequence[np.ndarray]) -> None:
    """Fit scale and projection of image statistics on the images of the train split."""
    from sklearn.decomposition import PCA

    statistics = np.stack(rows)
    statistics = statistics[statistics[:, 0] > 0]
    if len(statistics) < 2:
        return
    mean, scale = statistics.mean(axis=0, dtype=np.float64), statistics.std(axis=0, dtype=np.float64)
    scale[scale < block.smallest_scale] = 1.0
    block.set_state("statistics_mean", mean)
    block.set_state("statistics_scale", scale)
    standard = (statistics - mean) / scale
    pca = PCA(min(block.state("projection").shape[1], NUM_IMAGE_STATISTICS), svd_solver="full").fit(standard)
    block.set_state("projection", pca.components_.T)

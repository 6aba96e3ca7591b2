"""Features as they would be if part of a benchmark were all there is: the encoder is fitted anew on that part's train.

Decisions
- What blocks read of samples depends on nothing fitted: it is taken once, from the store where it lies there.
- Rows outside the part are NaN, so that nothing can be scored on features of another size by mistake.
- Features that a benchmark brings with it (`given.py`) keep the encoder that they came from.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.encode import FeatureSet, num_fitted_on, read_blocks, rows_to_fit
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.given import read_given
from vlrouterbench.features.options import EncodingWork, FeatureOptions
from vlrouterbench.routers.encoders.block import TEXT_WEIGHT
from vlrouterbench.routers.encoders.feature_encoder import RawFeatures


class Refitting:
    """What is needed to fit the encoder of a benchmark's features again.

    Args:
        table: the whole benchmark.
        features: of its samples.

    Attributes:
        refits: False where the benchmark brings its features, so that every part has the same.
    """

    def __init__(self, table: RoutingTable, features: FeatureSet) -> None:
        self.features = features
        self.refits = read_given(table.folder) is None
        self._table = table.take(np.argsort(table.rows, kind="stable"))
        """In the folder's order, in which images are read."""

    def on(self, part: RoutingTable) -> FeatureSet:
        """Features of a part's samples, by an encoder that has seen its train split alone.

        Args:
            part: some samples of the benchmark, under any split; with samples to train on.
        """
        if not self.refits:
            return self.features
        known = self.features.encoder
        options = FeatureOptions(fusion=known.fusion, text_weight=known.config.get("text_weight", TEXT_WEIGHT))
        # In the folder's order, as `encode_benchmark` fits: in another one sums end in other bits.
        fitted_on = num_fitted_on(part)
        encoder = fit_encoder(self._read_of(np.sort(rows_to_fit(part, fitted_on))), options, known.blocks)
        values = np.full((len(self.features.values), encoder.dim), np.nan, np.float32)
        values[part.rows] = encoder.features_of(self._read_of(part.rows))
        return replace(self.features, values=torch.from_numpy(values), encoder=encoder, fitted_on=fitted_on)

    def _read_of(self, rows: np.ndarray) -> RawFeatures:
        return self._raw.take(np.searchsorted(self._table.rows, rows))

    @cached_property
    def _raw(self) -> RawFeatures:
        """What blocks read of all samples, kept in memory."""
        return read_blocks(self._table, self.features.encoder.blocks, EncodingWork())

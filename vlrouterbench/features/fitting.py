"""Fitting a feature encoder on the train split: what each block has to learn, then mean and scale of its vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlrouterbench.features.choices import choices_of
from vlrouterbench.features.handlers import handler_of
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoders.block import POOLED, WEIGHTED_AVERAGE, FeatureBlock
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures


def fit_encoder(
    raw: RawFeatures, options: FeatureOptions | None = None, readers: Mapping[str, FeatureBlock] | None = None
) -> FeatureEncoder:
    """Fit an encoder on what its blocks read of the train split.

    Args:
        raw: what was read.
        options: encoders and fusion.
        readers: modality -> the block that read; opened by the options where not given.
    """
    options = options or FeatureOptions()
    if readers is None:
        readers = {modality: choice.open() for modality, choice in choices_of(options).items()}
    encoder = FeatureEncoder(_config(raw, options, readers))
    for modality, block in encoder.blocks.items():
        rows = _single(block, raw.rows(modality))
        handler_of(block).learn(block, rows)
        block.fit(rows)
    return encoder


def _config(raw: RawFeatures, options: FeatureOptions, readers: Mapping[str, FeatureBlock]) -> Mapping[str, Any]:
    config: dict[str, Any] = {"fusion": options.fusion}
    if options.fusion == WEIGHTED_AVERAGE:
        config["text_weight"] = options.text_weight
    for modality, reader in readers.items():
        config |= reader.config(_single(reader, raw.rows(modality)))
        if reader.pools:
            config["image_pooling"] = POOLED
    return config


def _single(block: FeatureBlock, rows: Sequence[Any]) -> Sequence[Any]:
    """What was read of inputs one by one: of every image, where a block takes in several of a sample."""
    return [raw for kept in rows for raw in kept] if block.pools else rows

"""Fitting a feature encoder: the built-in's weights and projections, then mean and scale of each part.

Decisions
- Fitted on the train split alone; a pretrained encoder has only its mean and scale to fit.
- Randomised decompositions run from a fixed seed: the same benchmark gives the same encoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vlrouterbench.features.builtin import (
    IMAGE_DIM,
    OCR_DIM,
    TEXT_DIM,
    fit_builtin_image,
    fit_builtin_text,
    fit_picture_text,
    set_buffer,
)
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.builtin.blocks import BUILTIN, BUILTIN_VERSION, BuiltinImage, BuiltinText
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures
from vlrouterbench.routers.encoders.fusion import IMAGE_ONLY, TEXT_ONLY, WEIGHTED_AVERAGE
from vlrouterbench.routers.encoders.hub.blocks import HubBlock, HubImage
from vlrouterbench.routers.encoders.ocr.blocks import BUILTIN_OCR, OcrImage

SMALLEST_SCALE = 1e-6
SMALLEST_VECTOR_SCALE = 1e-3
"""Of a pretrained encoder's vectors, which have unit length and agree between a batch and one row to 1e-5 only."""


def fit_encoder(
    raw: RawFeatures,
    options: FeatureOptions | None = None,
    described: Mapping[str, dict[str, Any] | None] | None = None,
) -> FeatureEncoder:
    """Fit an encoder on what its blocks read of the train split.

    Args:
        raw: what was read.
        options: encoders and fusion that were asked for.
        described: "text" and "image" -> description of a pretrained encoder with its "dim"; absent or None for the
            built-in.
    """
    encoder = FeatureEncoder(_config(raw, options or FeatureOptions(), described or {}))
    if isinstance(encoder.text, BuiltinText):
        fit_builtin_text(encoder.text, raw.text)
    if isinstance(encoder.image, OcrImage):
        fit_builtin_image(encoder.image, [row.statistics for row in raw.image])
        fit_picture_text(encoder.image, raw.image)
    elif isinstance(encoder.image, BuiltinImage):
        fit_builtin_image(encoder.image, raw.image)
    for block, rows in ((encoder.text, raw.text), (encoder.image, raw.image)):
        if block is not None:
            _fit_scale(block, rows)
    return encoder


def _config(
    raw: RawFeatures, options: FeatureOptions, described: Mapping[str, dict[str, Any] | None]
) -> dict[str, Any]:
    config: dict[str, Any] = {"fusion": options.fusion}
    if options.fusion == WEIGHTED_AVERAGE:
        config["text_weight"] = options.text_weight
    if options.fusion != IMAGE_ONLY:
        config["text"] = described.get("text") or BUILTIN
    if options.fusion != TEXT_ONLY:
        config["image"] = described.get("image") or options.image
    if {BUILTIN, BUILTIN_OCR} & {config.get(kind) for kind in ("text", "image") if isinstance(config.get(kind), str)}:
        config["version"] = BUILTIN_VERSION
    if config.get("text") == BUILTIN:
        config["text_dim"] = min(TEXT_DIM, max(1, len(raw) - 1))
    if config.get("image") in (BUILTIN, BUILTIN_OCR):
        config["image_dim"] = min(IMAGE_DIM, max(1, sum(bool(row[0]) for row in raw.image) - 1))
    if config.get("image") == BUILTIN_OCR:
        config["ocr_dim"] = min(OCR_DIM, max(1, len(raw) - 1))
    return config


def _fit_scale(block: FeatureBlock, rows: Sequence[Any]) -> None:
    projected = np.stack([block.project(row) for row in rows]).astype(np.float64)
    mean, scale = projected.mean(axis=0), projected.std(axis=0)
    if isinstance(block, HubImage) and projected[:, 0].any():
        # What a picture's vector usually is, is for pictures to say; their flag says how many there are.
        present = projected[projected[:, 0] > 0]
        mean[1:], scale[1:] = present[:, 1:].mean(axis=0), present[:, 1:].std(axis=0)
    # A feature that never varies in training says nothing: its scale of 1 leaves it at 0.
    scale[scale < (SMALLEST_VECTOR_SCALE if isinstance(block, HubBlock) else SMALLEST_SCALE)] = 1.0
    set_buffer(block, "mean", mean)
    set_buffer(block, "scale", scale)

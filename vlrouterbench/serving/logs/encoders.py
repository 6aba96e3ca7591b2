"""Encoders of logged features, beside them: a router that learns from the features must read new samples alike.

Decisions
- An encoder is named by the digest of its settings and of its fitted state; one file each, written once.
- Only encoders that give features: what an end-to-end router reads is the sample itself, which is content.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from vlrouterbench.core.files import staged_file
from vlrouterbench.features.given import encoder_digest, encoder_tensors, read_encoder
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.base.modeling_router import PreTrainedRouter
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder
from vlrouterbench.serving.settings import ServingError


def feature_encoder(router: PreTrainedRouter) -> FeatureEncoder | None:
    """The encoder of a router over features; None of an end-to-end one."""
    return router.encoder if is_kind(router.encoder, FeatureEncoder) else None


def keep_encoder(folder: Path, encoder: FeatureEncoder, digest: str) -> None:
    """Write an encoder beside a log, where it is not there."""
    path = _path(folder, digest)
    if not path.is_file():
        with staged_file(path) as staging:
            save_file(encoder_tensors(encoder), staging, metadata={"encoder": json.dumps(encoder.config)})


def kept_encoder(folder: Path, digest: str) -> FeatureEncoder:
    """The encoder of a digest.

    Raises:
        ServingError: it is not there, or is damaged.
    """
    path = _path(folder, digest)
    encoder = read_encoder(path)
    if encoder is None or encoder_digest(encoder) != digest:
        found = "none" if not path.exists() else "a damaged one"
        raise ServingError(f"expected the encoder of logged features at {path}, found {found}. Restore the file.")
    return encoder


def _path(folder: Path, digest: str) -> Path:
    return folder / f"encoder-{digest}.safetensors"

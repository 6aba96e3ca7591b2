"""Features that a source brings with it, for samples whose content is not there: what a gateway's log keeps.

Decisions
- One safetensors file, `features.safetensors`, beside the tables and in the benchmark folder: a vector for some of the
  samples, by id, and the fitted encoder that they came from. The benchmark's digest covers it.
- Whatever is trained on such a benchmark carries that encoder, and samples with content are encoded by it, so that all
  features are of one kind. Other encoders are refused: what was not kept cannot be read anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.given_features import GIVEN_FEATURES
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder

_ENCODER, _IDS, _VALUES = "encoder.", "sample_ids", "features"


def refused_encoders(folder: Path) -> str:
    """Why a benchmark that brings its features takes no other encoder."""
    return (
        f"{folder} brings features of samples whose text and images it does not hold ({GIVEN_FEATURES}): no other "
        "encoder, fusion or end-to-end family can read them. Leave --text, --image and --fusion out and take a family "
        "over features, or log content (`serve --log-content`)."
    )


def encoder_tensors(encoder: FeatureEncoder) -> dict[str, torch.Tensor]:
    """The fitted state of an encoder, by name in a file."""
    return {f"{_ENCODER}{name}": buffer.contiguous() for name, buffer in encoder.named_buffers()}


def encoder_digest(encoder: FeatureEncoder) -> str:
    """Digest of an encoder's settings and fitted state."""
    digest = hashlib.sha256(json.dumps(encoder.config, sort_keys=True).encode())
    for name, tensor in sorted(encoder_tensors(encoder).items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_given(folder: Path, sample_ids: Sequence[str], values: np.ndarray, encoder: FeatureEncoder) -> Path:
    """Write features (num_given, dim) float32 of samples, with their encoder."""
    path = folder / GIVEN_FEATURES
    names = torch.from_numpy(np.frombuffer(json.dumps(list(sample_ids)).encode(), np.uint8).copy())
    tensors = {_IDS: names, _VALUES: torch.from_numpy(np.ascontiguousarray(values, np.float32))}
    with staged_file(path) as staging:
        save_file(encoder_tensors(encoder) | tensors, staging, metadata={"encoder": json.dumps(encoder.config)})
    return path


def read_encoder(path: Path) -> FeatureEncoder | None:
    """The encoder of a file; None where there is none, or it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            encoder = FeatureEncoder(json.loads(file.metadata()["encoder"]))
            encoder.load_state_dict({name: file.get_tensor(f"{_ENCODER}{name}") for name, _ in encoder.named_buffers()})
            return encoder
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError):
        return None


def read_given(folder: Path) -> tuple[Mapping[str, np.ndarray], FeatureEncoder] | None:
    """Sample id -> features (dim,) float32, and their encoder; None where a benchmark brings none.

    Raises:
        BenchmarkError: the file is damaged.
    """
    path = folder / GIVEN_FEATURES
    if not path.is_file():
        return None
    encoder = read_encoder(path)
    try:
        with safe_open(path, framework="np") as file:
            names = json.loads(file.get_tensor(_IDS).tobytes())
            values = file.get_tensor(_VALUES)
        if encoder is None or values.shape != (len(names), encoder.dim) or not np.isfinite(values).all():
            raise ValueError("its parts do not belong together")
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise BenchmarkError(f"{path} is not readable as features ({error}). Export and build again.") from error
    return dict(zip(names, values, strict=True)), encoder

"""Vectors that were read of inputs, on disk: looked up by the content they came from, whatever the benchmark.

Decisions
- One folder per encoder, one safetensors file per shard of inputs. A vector is looked up by the digest of its input, so
  a sample that moved, was added or shares its image is never encoded twice, and a changed one never served stale.
- A shard's name is the digest of its inputs: two processes that encode the same shard write the same file, and the last
  rename wins. A run that was killed finds every shard that it finished.
- A shard carries a digest of its content; one that does not hold is encoded again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable

SHARD_SIZE = 256
"""Inputs per shard: the unit of work, of resuming, and of what a changed batch can touch."""
_DIGEST_BYTES = hashlib.sha256().digest_size


def feature_folder(table: RoutingTable) -> Path:
    """Where everything lies that was made of a benchmark's inputs: beside its folder, which is what gets uploaded."""
    folder = table.folder.resolve()
    return folder.with_name(f"{folder.name}.features")


def content_key(content: Any) -> str:
    """Short digest of JSON-ready content, for the name of what depends on it."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class VectorStore:
    """The stored vectors of one encoder.

    Args:
        folder: where its shards lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self) -> dict[bytes, np.ndarray]:
        """Digest of an input -> its vector (dim,) float32, for all that is stored whole."""
        vectors: dict[bytes, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            vectors.update(_read_shard(path))
        return vectors

    def write(self, digests: Sequence[bytes], vectors: np.ndarray) -> Path:
        """Store one shard, whole or not at all.

        Args:
            digests: of the inputs, (num_inputs,).
            vectors: (num_inputs, dim) float32.
        """
        packed = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), _DIGEST_BYTES)
        path = self.folder / f"{hashlib.sha256(packed.tobytes()).hexdigest()[:16]}.safetensors"
        with staged_file(path) as staging:
            content: dict[str, np.ndarray] = {
                "digests": packed.copy(),
                "vectors": np.ascontiguousarray(vectors, dtype=np.float32),
            }
            save_file(content, staging, metadata={"sha256": _sha256(content)})
        return path


def _read_shard(path: Path) -> dict[bytes, np.ndarray]:
    """Content of a shard; nothing where it is damaged, so that its inputs are encoded again."""
    try:
        with safe_open(path, framework="np") as file:
            content = {name: file.get_tensor(name) for name in ("digests", "vectors")}
            if (file.metadata() or {}).get("sha256") != _sha256(content):
                return {}
    except (SafetensorError, KeyError, OSError):
        return {}
    digests = content["digests"].tobytes()
    starts = range(0, len(digests), _DIGEST_BYTES)
    return dict(zip((digests[start : start + _DIGEST_BYTES] for start in starts), content["vectors"], strict=True))


def _sha256(content: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in ("digests", "vectors"):
        digest.update(f"{content[name].shape}".encode() + np.ascontiguousarray(content[name]).tobytes())
    return digest.hexdigest()

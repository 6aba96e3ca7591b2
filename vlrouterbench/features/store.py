"""Vectors that were read of inputs, on disk: looked up by the content they came from, whatever the benchmark.

Decisions
- One folder per encoder, one safetensors file per shard of inputs. A vector is looked up by the digest of its input, so
  a sample that moved, was added or shares its image is never encoded twice, and a changed one never served stale.
- A shard's name is the digest of its inputs: two processes that encode the same shard write the same file, and the last
  rename wins. A run that was killed finds every shard that it finished.
- A shard carries a digest of its content; one that does not hold is encoded again.
- All vectors are read into memory (`load`), or where each lies alone (`index`), and then those of a few shards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable

SHARD_SIZE = 256
"""Inputs per shard: the unit of work, of resuming, and of what a changed batch can touch."""
_SHARDS_IN_MEMORY = 64
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

    def load(self) -> Mapping[bytes, np.ndarray]:
        """Digest of an input -> its vector (dim,) float32, for all that is stored whole."""
        vectors: dict[bytes, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            vectors.update(_read_shard(path))
        return vectors

    def index(self) -> StoredVectors:
        """The same, with no more in memory than where each vector lies, and the shards that were asked for last."""
        places: dict[bytes, tuple[Path, int]] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            places.update((digest, (path, place)) for place, digest in enumerate(_read_shard(path)))
        return StoredVectors(places)

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


class StoredVectors(Mapping[bytes, np.ndarray]):
    """Digest of an input -> its vector (dim,) float32, read when it is asked for.

    Args:
        places: digest -> its shard, and its place in it.
    """

    def __init__(self, places: Mapping[bytes, tuple[Path, int]]) -> None:
        self._places = places
        self._shard = lru_cache(_SHARDS_IN_MEMORY)(lambda path: [*_read_shard(path).values()])

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    def __contains__(self, digest: object) -> bool:
        return digest in self._places

    def __getitem__(self, digest: bytes) -> np.ndarray:
        path, place = self._places[digest]
        vectors = self._shard(path)
        if place >= len(vectors):
            raise BenchmarkError(f"expected {path} as it was when it was looked through, found another. Encode again.")
        return vectors[place]


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

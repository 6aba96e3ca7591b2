"""Files of a pretrained model: where they are, and which ones exactly.

Decisions
- Everything is read from one folder of one commit: a local folder, or a snapshot in the Hub's cache. What lies there
  whole is used as it lies; the network is asked only for what is missing, and whether it answers is checked first,
  since the Hub's client retries for minutes.
- Safetensors first. Where a model has only a `pytorch_model.bin`, transformers reads it with `weights_only`, which
  builds tensors and runs nothing.
"""

from __future__ import annotations

import functools
import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from vlrouterbench.routers.encoders.sample_input import EncoderError

PROBE_SECONDS = 5.0
"""How long the Hub may take to answer at all, in seconds."""
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
TORCH_BINARIES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_SMALL_FILES = ("*.json", "*.txt", "*.model")
_FOREIGN_FORMATS = ("onnx/*", "openvino/*", "coreml/*")


class HubEncoderError(EncoderError):
    """A pretrained encoder that cannot be found, loaded or used as requested."""


class ModelFiles(TypedDict):
    """What names the files of a model: where they lie, with a commit or the digest of a local folder."""

    id: str
    revision: str | None
    sha256: str | None


@dataclass(frozen=True)
class ModelFolder:
    """Files of a pretrained model.

    Attributes:
        source: the Hub id or folder as it was given.
        path: the folder that holds the files.
        revision: commit on the Hub, None for a local folder.
    """

    source: str
    path: Path
    revision: str | None

    @property
    def name(self) -> str:
        """Name to tell the family by: the Hub id, or the folder's last component."""
        snapshot_of = self.path.parent.parent.name if self.path.parent.name == "snapshots" else ""
        return snapshot_of.removeprefix("models--").replace("--", "/") or self.path.resolve().name

    @functools.cached_property
    def sha256(self) -> str | None:
        """Digest of a local folder's model files, by name and content; None for a commit on the Hub."""
        if self.revision is not None:
            return None
        digest = hashlib.sha256()
        kinds = {".json", ".txt", ".model", ".safetensors", ".bin"}
        for path in sorted(path for path in self.path.rglob("*") if path.is_file() and path.suffix in kinds):
            with path.open("rb") as handle:
                digest.update(path.relative_to(self.path).as_posix().encode() + b"\0")
                digest.update(hashlib.file_digest(handle, "sha256").digest())
        return digest.hexdigest()

    @property
    def size_bytes(self) -> int:
        """Of the files as they lie here."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    def describe(self) -> ModelFiles:
        """What names these files again, ready for JSON."""
        return {"id": self.source, "revision": self.revision, "sha256": self.sha256}

    def read_json(self, name: str) -> Any:
        """A JSON file of the folder, None where there is none.

        Raises:
            HubEncoderError: it is not JSON.
        """
        path = self.path / name
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise HubEncoderError(f"{path} is not readable as JSON: {error}. Fetch the model again.") from error


def is_here(source: str | Path, revision: str | None) -> bool:
    """Whether a model lies on this machine, whole: a local folder, or a snapshot of a revision in the Hub's cache.

    Nothing is asked of the Hub.

    Raises:
        HubEncoderError: a name that no repository can have.
    """
    if Path(source).expanduser().is_dir():
        return True
    if revision is None:
        return False
    path = _cached(str(source), revision)
    return path is not None and _complete(path)


def find_folder(source: str | Path, revision: str | None = None) -> ModelFolder:
    """The files of a model, fetched where they are missing and the Hub can be reached.

    Args:
        source: a local folder, or `owner/name` on the Hub.
        revision: commit, branch or tag on the Hub; None for what is cached, else the newest.

    Raises:
        HubEncoderError: not found, not reachable, or without config.json or weights.
    """
    local = Path(source).expanduser()
    if local.is_dir():
        if revision is not None:
            raise HubEncoderError(f"revision {revision} was given with the local folder {source}: leave it out.")
        return _checked(ModelFolder(str(source), local, None))
    if local.is_absolute() or str(source).startswith(".") or str(source).count("/") > 1:
        raise HubEncoderError(f"expected a model folder, found none at {source}.")
    path = _cached(str(source), revision)
    if path is None or not _complete(path):
        path = _fetched(str(source), revision)
    return _checked(ModelFolder(str(source), path, path.name))


def first_line(error: BaseException) -> str:
    """What an error says, in one line without its full stop."""
    return (str(error).strip().splitlines() or [""])[0].rstrip(".") or type(error).__name__


def _complete(path: Path) -> bool:
    return (path / "config.json").is_file() and any((path / name).is_file() for name in SAFETENSORS + TORCH_BINARIES)


def _checked(folder: ModelFolder) -> ModelFolder:
    if not (folder.path / "config.json").is_file():
        raise HubEncoderError(f"expected a model with config.json, found none in {folder.path}.")
    if not _complete(folder.path):
        raise HubEncoderError(
            f"expected weights in {folder.path}, found none of {', '.join(SAFETENSORS + TORCH_BINARIES)}. "
            "Save the model with `save_pretrained`, or fetch it whole."
        )
    return folder


def _cached(source: str, revision: str | None) -> Path | None:
    """Folder of a snapshot in the Hub's cache, None where it holds none."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _snapshot(source, revision, local_files_only=True)
    except LocalEntryNotFoundError:
        return None


def _snapshot(
    source: str, revision: str | None, *, weights: Sequence[str] = (), local_files_only: bool = False
) -> Path:
    """Folder of a snapshot with small files and the weights that match some patterns."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        path = snapshot_download(
            source,
            revision=revision,
            allow_patterns=[*_SMALL_FILES, *weights],
            ignore_patterns=list(_FOREIGN_FORMATS),
            local_files_only=local_files_only,
        )
    except LocalEntryNotFoundError:
        # It is a ValueError as well, and says something else.
        raise
    except ValueError as error:  # a name that no repository can have
        raise HubEncoderError(
            f'expected a model folder or owner/name on the Hub, found neither at "{source}": {first_line(error)}.'
        ) from error
    return Path(path)


def _fetched(source: str, revision: str | None) -> Path:
    """Folder of a snapshot, downloaded now: small files with safetensors, and the old weights only without those."""
    from huggingface_hub import constants, is_offline_mode

    which = source if revision is None else f"{source} at revision {revision}"
    remedy = (
        "Give a local folder that holds config.json, weights and tokenizer or image processor, or fetch the model once "
        f"where the Hub is in reach (`hf download {source}`)."
    )
    if is_offline_mode():
        raise HubEncoderError(f"{which} is not in the Hub's cache, whole, and HF_HUB_OFFLINE is set. {remedy}")
    if not hub_answers():
        raise HubEncoderError(
            f"{which} is not in the Hub's cache, whole, and {constants.ENDPOINT} does not answer. {remedy}"
        )
    try:
        path = _snapshot(source, revision, weights=("model*.safetensors",))
        if not _complete(path):
            path = _snapshot(source, revision, weights=("pytorch_model*.bin",))
    except OSError as error:
        raise HubEncoderError(f"{which} cannot be fetched from the Hub: {first_line(error)}. {remedy}") from error
    return path


def hub_answers() -> bool:
    """Whether the Hub may be asked and a server answers there at all; what it answers does not matter."""
    from huggingface_hub import constants, is_offline_mode

    if is_offline_mode():
        return False
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True

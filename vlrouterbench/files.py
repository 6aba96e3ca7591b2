"""Writing files so that nothing half-written is ever seen, and naming contents by digest.

Decisions
- A folder or file is written beside its final place and renamed at the end; a failure leaves the old one whole.
- The rename of a folder moves the old one aside first, since a rename cannot replace a non-empty folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vlrouterbench.errors import VLRouterBenchError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        VLRouterBenchError: a file stands in its way.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise VLRouterBenchError(
            f"expected a folder to write to, found a file: {error.filename}. Give another --out."
        ) from error


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder beside `target` that becomes `target` when the block ends without an error."""
    target = target.absolute()
    if target.exists() and not target.is_dir():
        raise VLRouterBenchError(f"expected a folder to write to, found a file: {target}. Give another --out.")
    make_folder(target.parent)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    staging.chmod(0o755)
    try:
        yield staging
        for path in staging.rglob("*"):
            _open_to_readers(path)
        _replace_folder(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace_folder(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent))
    target.rename(old / target.name)
    try:
        staging.rename(target)
    except OSError:
        (old / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _open_to_readers(path: Path) -> None:
    """Let others read what was written: temporary files and safetensors' own are for their owner alone."""
    path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that replaces `target` when the block ends without an error."""
    make_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    staging = Path(name)
    try:
        yield staging
        _open_to_readers(staging)
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON through a staged file. NaN and infinity are refused: JSON has neither."""
    with staged_file(path) as staging:
        staging.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def sha256_of_files(files: Iterable[Path], root: Path) -> str:
    """Digest over relative names and contents of `files` (sorted by name), so a moved folder keeps its digest."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()

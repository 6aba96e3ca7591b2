"""Where the pieces of a job's tables of text are, kept beside its manifest: found once, used by every later run.

Decisions
- Each table is called by its SHA-256, and the file states its own: what is damaged, or belongs to another table, is as
  if it were not there, and the table is looked through again by whoever reads of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from vlrouterbench.core.files import staged_file
from vlrouterbench.data.saved_tables.pieces import Pieces
from vlrouterbench.routing.parts.manifest import InputRecord

FILE = ".pieces.json"


def write_pieces(folder: Path, record: InputRecord, pieces: Mapping[str, Pieces]) -> None:
    """Write them where there are any, whole or not at all.

    Args:
        folder: of the job.
        record: its input.
        pieces: name of a shard -> where its pieces are.
    """
    digests = {shard["name"]: shard["sha256"] for shard in record["shards"]}
    tables = json.dumps({digests[name]: found.as_dict() for name, found in sorted(pieces.items())}, sort_keys=True)
    if pieces:
        with staged_file(folder / FILE) as staging:
            staging.write_text(json.dumps({"sha256": _sha256(tables), "tables": tables}), encoding="utf-8")


def read_pieces(folder: Path, record: InputRecord) -> dict[str, Pieces]:
    """Name of a shard -> where its pieces are, of those that are known."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if _sha256(content["tables"]) != content["sha256"]:
            return {}
        tables = json.loads(content["tables"])
        known = [shard for shard in record["shards"] if shard["sha256"] in tables]
        return {shard["name"]: Pieces.from_dict(tables[shard["sha256"]]) for shard in known}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
        return {}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

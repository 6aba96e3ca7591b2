"""The files of a part: each states its job and part, and what became of its rows; a hidden one has their digests.

Decisions
- A part is done where both of its files are there with the bytes that were written: their SHA-256 is written after
  them. A part whose files were changed, or came without it, is done again, and gives the same bytes.
- A part at another weight than its job's is refused: whoever changed one of them has to say which is right.
- So a rerun knows what is done, and sums up a job, without reading a row; and it needs neither torch nor a router.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.errors import VLRouterBenchError
from vlrouterbench.core.files import staged_file, write_json
from vlrouterbench.core.parts.part import DECISIONS, ERRORS, Part
from vlrouterbench.core.parts.work import PartFacts
from vlrouterbench.routing.parts.manifest import JobKey

_KEY = b"vlrouterbench"


class RoutedFacts(PartFacts):
    """What became of a part of questions, as its file states it.

    Attributes:
        decided: rows that were decided; `bad` could not be.
        bad: see there.
        without_image: decided rows that name an image which had no part in their decision.
        fewer_images: decided rows of whose images one or more had no part.
        chosen: candidate -> number of rows.
        cost_usd: sum of the expected costs, USD; None where one is not known.
    """

    decided: int
    bad: int
    without_image: int
    fewer_images: int
    chosen: dict[str, int]
    cost_usd: float | None


def done_part(out: Path, part: Part, job: JobKey) -> RoutedFacts | None:
    """What became of a part; None where one of its files is not there, is damaged, or is another job's.

    Raises:
        VLRouterBenchError: it was done at another weight than the job's.
    """
    try:
        if json.loads(_digests_file(out, part).read_text(encoding="utf-8")) != _digests(out, part):
            return None
        stated = json.loads((pq.read_schema(out / part.file()).metadata or {})[_KEY])
    except (OSError, pa.ArrowException, KeyError, ValueError, RecursionError):
        return None
    if stated.get("job") != job.digest or stated.get("part") != part.number or stated.get("rows") != part.rows:
        return None
    if (weight := stated.get("usd_weight")) != job.usd_weight:
        if job.usd_weight is None or weight is None:  # the weight is not looked for yet
            return None
        raise VLRouterBenchError(
            f"expected parts at the weight of the manifest, {job.usd_weight:.6g}, found {out / part.file()} at "
            f"{weight:.6g}. Put the folder aside, or give another --out."
        )
    return cast(RoutedFacts, {name: stated[name] for name in RoutedFacts.__annotations__})


def write_part(path: Path, table: pa.Table, job: JobKey, facts: RoutedFacts) -> None:
    """Write a file of a part, whole or not at all.

    Args:
        path: of the file.
        table: its rows.
        job: whose part it is.
        facts: what became of the part.
    """
    stated = json.dumps({"job": job.digest, "usd_weight": job.usd_weight, **facts}, sort_keys=True).encode()
    table = table.replace_schema_metadata({_KEY: stated})
    with staged_file(path) as staging, pq.ParquetWriter(staging, table.schema) as writer:
        if len(table):  # `datasets` cannot read a group of no rows
            writer.write_table(table)


def write_digests(out: Path, part: Part) -> None:
    """Say that both files of a part are written."""
    write_json(_digests_file(out, part), _digests(out, part))


def _digests(out: Path, part: Part) -> dict[str, str]:
    """SHA-256 of the files of a part; OSError where one is not there."""
    found = dict[str, str]()
    for kind in (DECISIONS, ERRORS):
        with (out / part.file(kind)).open("rb") as handle:
            found[kind] = hashlib.file_digest(handle, "sha256").hexdigest()
    return found


def _digests_file(out: Path, part: Part) -> Path:
    return (out / f".{part.file()}").with_suffix(".json")

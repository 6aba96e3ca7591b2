"""The files of a part: each states its job and part, and what became of its rows.

Decisions
- So a rerun knows what is done, and sums up a job, without reading a row; and it needs neither torch nor a router.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_file
from vlrouterbench.core.parts.part import Part
from vlrouterbench.core.parts.work import PartFacts

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


def done_part(out: Path, part: Part, job: str) -> RoutedFacts | None:
    """What became of a part; None where its file is not there, is damaged, or is another job's."""
    try:
        stated = json.loads((pq.read_schema(out / part.file()).metadata or {})[_KEY])
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    if stated.get("job") != job or stated.get("part") != part.number or stated.get("rows") != part.rows:
        return None
    return cast(RoutedFacts, {name: stated[name] for name in RoutedFacts.__annotations__})


def write_part(path: Path, table: pa.Table, job: str, facts: RoutedFacts) -> None:
    """Write a file of a part, whole or not at all.

    Args:
        path: of the file.
        table: its rows.
        job: digest of the job.
        facts: what became of the part.
    """
    stated = json.dumps({"job": job, **facts}, sort_keys=True).encode()
    table = table.replace_schema_metadata({_KEY: stated})
    with staged_file(path) as staging, pq.ParquetWriter(staging, table.schema) as writer:
        if len(table):  # `datasets` cannot read a group of no rows
            writer.write_table(table)

"""The columns of a table, without its rows: what a folder of tables is recognised by.

Decisions
- Only the beginning of a file is read, and only as much of it as a header may take.
- A file that cannot be read so has no columns: whoever reads it as a table says what is wrong with it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.data.saved_tables.form import ending_of

_HEAD_BYTES = 2**20


def columns_of(path: Path) -> tuple[str, ...]:
    """Names of the columns of a parquet, csv, tsv or jsonl file, the last three also in gzip; () of any other file."""
    ending = ending_of(path) or ""
    try:
        if ending == ".parquet":
            return tuple(pq.read_schema(path).names)
        with gzip.open(path) if ending.endswith(".gz") else path.open("rb") as handle:
            line = handle.readline(_HEAD_BYTES).decode("utf-8-sig")
        if ending.startswith(".jsonl"):
            row = json.loads(line)
            return tuple(row) if isinstance(row, dict) else ()
        if ending.startswith((".csv", ".tsv")):
            delimiter = "\t" if ending.startswith(".tsv") else ","
            return tuple(next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), ()))
    except (OSError, EOFError, zlib.error, ValueError, csv.Error, RecursionError, pa.ArrowException):
        pass
    return ()

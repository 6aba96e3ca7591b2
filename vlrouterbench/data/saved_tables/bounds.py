"""What a table would take, known before a native reader is let at it.

Decisions
- Arrow's and calamine's readers end the whole process where memory or the stack runs out. What they would take is
  bounded here from the bytes of the file, by counting, in a small part of the time that reading takes.
- A bound that is passed cheaply is enough. One that is not is counted exactly before a file is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

import pyarrow.parquet as pq

from vlrouterbench.core import limits
from vlrouterbench.core.errors import VLRouterBenchError

_DEPTH_BYTES = 2**16


class BoundsError(VLRouterBenchError):
    """A table beyond a limit; the message is a clause that says what was found."""


def check_parquet(metadata: pq.FileMetaData) -> None:
    """Refuse a parquet file that is short as it lies there and too large as a table.

    Raises:
        BoundsError: it has too many rows, columns, or values.
    """
    rows, columns = metadata.num_rows, metadata.num_columns
    check_columns(columns)
    if rows > limits.TABLE_ROWS or rows * columns > limits.TABLE_VALUES:
        raise BoundsError(
            f"it has {rows:,} rows of {columns:,} columns, where {limits.TABLE_ROWS:,} rows and "
            f"{limits.TABLE_VALUES:,} values are the most"
        )


def check_columns(count: int) -> None:
    """Refuse a table of too many columns.

    Raises:
        BoundsError: it has more than the limit.
    """
    if count > limits.TABLE_COLUMNS:
        raise BoundsError(f"it has more than {limits.TABLE_COLUMNS:,} columns")


def check_depth(opened: Callable[[], BinaryIO]) -> None:
    """Refuse JSON, one row in a line, whose lists and objects are nested too deeply for a reader that recurses.

    Args:
        opened: opens the file anew.

    Raises:
        BoundsError: a row is nested deeper than the limit.
    """
    with opened() as handle:
        if not _may_be_deep(handle):
            return
    with opened() as handle:
        for number, line in enumerate(handle, start=1):
            if line.count(b"{") + line.count(b"[") > limits.JSON_DEPTH and _depth(line) > limits.JSON_DEPTH:
                raise BoundsError(
                    f"line {number:,} has more than {limits.JSON_DEPTH} lists or objects within each other"
                )


def _may_be_deep(handle: BinaryIO) -> bool:
    """Whether brackets alone leave it open: those in texts are counted, too."""
    before = 0
    while block := handle.read(_DEPTH_BYTES):
        if before + block.count(b"{") + block.count(b"[") > 2 * limits.JSON_DEPTH:
            longest = max(part.count(b"{") + part.count(b"[") for part in block.split(b"\n"))
            if before + longest > limits.JSON_DEPTH:
                return True
        last = block.rfind(b"\n")
        tail = block[last + 1 :]
        before = (before if last < 0 else 0) + tail.count(b"{") + tail.count(b"[")
    return False


def _depth(line: bytes) -> int:
    """How deeply a line is nested, texts left out; JSON_DEPTH + 1 at most matters."""
    depth = deepest = 0
    for found in re.finditer(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', line, re.DOTALL):
        sign = found.group()
        depth += sign in (b"[", b"{")
        depth -= sign in (b"]", b"}")
        deepest = max(deepest, depth)
        if deepest > limits.JSON_DEPTH:
            break
    return deepest

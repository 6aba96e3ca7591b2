"""What a table would take, known before a native reader is let at it.

Decisions
- Arrow's and calamine's readers end the whole process where memory or the stack runs out. What they would take is
  bounded here from the bytes of the file, by counting, in a small part of the time that reading takes.
- A bound that is passed cheaply is enough. One that is not is counted exactly before a file is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vlrouterbench.core import limits
from vlrouterbench.core.errors import VLRouterBenchError

_DEPTH_BYTES = 2**16
_LINE_BYTES = 2**20
_KEY = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"\s*+:', re.DOTALL)


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


def check_parquet_bytes(source: Path | bytes) -> None:
    """Refuse a parquet file, or its bytes, that is many times its size in memory.

    A column may hold each text once and refer to it from every row. Where that could be too much, what the rows refer
    to is added up without making it.

    Raises:
        BoundsError: it takes more than the limit.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    most = max(limits.TABLE_BYTES, limits.TABLE_RATIO * size)
    most_values = max(limits.FREE_VALUES, limits.VALUES_PER_BYTE * size)
    with open_parquet(source) as file:
        facts = file.metadata
    groups = [facts.row_group(group) for group in range(facts.num_row_groups)]
    values = sum(
        group.column(place).num_values - group.num_rows for group in groups for place in range(facts.num_columns)
    )
    if values > most_values:
        raise BoundsError(f"its lists hold {values:,} values, where {most_values:,} are the most for its size")
    total = sum(group.total_byte_size for group in groups)
    for number, group in enumerate(groups):
        for place in range(facts.num_columns):
            chunk = group.column(place)
            shared = any(encoding.endswith("DICTIONARY") for encoding in chunk.encodings)
            texts = shared and chunk.physical_type.endswith("BYTE_ARRAY")
            if texts and total <= most < chunk.num_values * chunk.total_uncompressed_size:
                total += _referred_bytes(source, number, chunk.path_in_schema)
    if total > most:
        raise BoundsError(f"it takes {total:,} bytes or more in memory, where {most:,} are the most for its size")


def open_parquet(source: Path | bytes, dictionaries: list[str] | None = None) -> pq.ParquetFile:
    """A parquet file, or its bytes, with these columns as dictionaries."""
    stored = pa.BufferReader(source) if isinstance(source, bytes) else source
    return pq.ParquetFile(stored, read_dictionary=dictionaries)


def _referred_bytes(source: Path | bytes, group: int, path: str) -> int:
    """Bytes of the texts that the rows of a column refer to, each as often as a row does."""
    with open_parquet(source, [path]) as file:
        columns = file.read_row_group(group, columns=[path], use_threads=False).columns
    return sum(_bytes_of(chunk) for column in columns for chunk in column.chunks)


def _bytes_of(values: pa.Array) -> int:
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary).cast(pa.int64())
        return pc.sum(lengths.take(values.indices)).as_py() or 0
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _bytes_of(values.flatten())
    if pa.types.is_struct(values.type):
        return sum(map(_bytes_of, values.flatten()))
    return values.nbytes


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


def check_values(content: bytes) -> None:
    """Refuse JSON that is read as one value, and would be more Python objects than memory holds.

    Raises:
        BoundsError: it has more lists and objects, or values, than the limits.
    """
    for signs, most, what in (
        (b"{[", limits.JSON_CONTAINERS, "lists and objects"),
        (b",", limits.JSON_VALUES, "values"),
    ):
        if _has_more(content, signs, most):
            raise BoundsError(f"it has more than {most:,} {what}")


def check_rows(opened: Callable[[], BinaryIO]) -> None:
    """Refuse JSON, one row in a line, with a row of more values than a row has.

    Args:
        opened: opens the file anew.

    Raises:
        BoundsError: a row has more values than the limit.
    """
    most = limits.JSON_ROW_VALUES
    with opened() as handle:
        if sum(block.count(b",") for block in iter(lambda: handle.read(_LINE_BYTES), b"")) <= most:
            return
    with opened() as handle:
        for number, line in enumerate(handle, start=1):
            if len(line) > most and _has_more(line, b",", most):
                raise BoundsError(f"line {number:,} has more than {most:,} values")


def _has_more(content: bytes, signs: bytes, most: int) -> bool:
    """Whether more signs than that stand outside of texts."""
    if sum(content.count(bytes([sign])) for sign in signs) <= most:
        return False
    found = 0
    for part in re.finditer(rb'"(?:[^"\\]|\\.)*"?|([' + re.escape(signs) + rb"]+)", content, re.DOTALL):
        found += len(part.group(1) or b"")
        if found > most:
            return True
    return False


def check_keys(opened: Callable[[], BinaryIO]) -> None:
    """Refuse JSON, one row in a line, that has more keys than a table has columns.

    Args:
        opened: opens the file anew.

    Raises:
        BoundsError: all rows together have more different keys than the limit.
    """
    seen = set[bytes]()
    with opened() as handle:
        if not any(_many_keys(line, seen) for line in handle):
            return
    # Texts that look like keys were counted as well: now the keys alone.
    keys = set[str]()
    with opened() as handle:
        for line in handle:
            keys.update(_keys_of(line))
            if len(keys) > limits.JSON_KEYS:
                raise BoundsError(f"its rows have more than {limits.JSON_KEYS:,} different keys")


def _many_keys(line: bytes, seen: set[bytes]) -> bool:
    """Add what may be a key to `seen`; whether that is more than the limit by now."""
    if len(line) <= _LINE_BYTES:
        seen.update(_KEY.findall(line))
        return len(seen) > limits.JSON_KEYS
    for found in _KEY.finditer(line):
        seen.add(found.group(1))
        if len(seen) > limits.JSON_KEYS:
            return True
    return False


def _keys_of(line: bytes) -> Iterator[str]:
    """Keys of the objects of a line at any depth; none where it is no JSON, which its reader says."""
    found = list[str]()
    try:
        json.loads(line, object_pairs_hook=lambda pairs: found.extend(key for key, _ in pairs))
    except ValueError:
        return iter(())
    return iter(found)


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

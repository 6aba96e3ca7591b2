"""Ids that occur more than once among any number of rows, counted in bounded memory.

Decisions
- Ids are counted by 64-bit hashes, in files of BUCKET_IDS hashes each that are sorted one after the other: 8 bytes an
  id on the disk, and 32 MiB in memory whatever the number of rows.
- Two ids with one hash are no duplicate: where few hashes repeat, the ids behind them are compared in a second pass.
- Python's hash has a key of this process, so that nobody can prepare ids that share one; it is used in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from vlrouterbench.core.files import scratch_folder

BUCKET_IDS = 2**21
_COMPARED = 1_000
"""Hashes that repeat up to which the ids behind them are compared; of more, some are duplicates beyond doubt."""


class Duplicates(NamedTuple):
    """Ids that occur more than once.

    Attributes:
        number: rows whose id an earlier row has.
        examples: some of these ids, each with the first two rows that have it, from 0 on.
    """

    number: int
    examples: list[tuple[str, int, int]]


def count_duplicates(ids: Callable[[], Iterable[list[str]]], num_rows: int, bucket_ids: int = BUCKET_IDS) -> Duplicates:
    """Count the ids that occur more than once.

    Args:
        ids: gives the ids of all rows anew, in lists of any size.
        num_rows: how many there are.
        bucket_ids: hashes that are in memory together, about.
    """
    num_buckets = max(1, -(-num_rows // bucket_ids))
    with scratch_folder("ids") as folder:
        files = [(folder / f"{number}.u64").open("wb+") for number in range(num_buckets)]
        try:
            for hashes in map(_hashes, ids()):
                buckets = hashes % np.uint64(num_buckets)
                for number, file in enumerate(files):
                    file.write(hashes[buckets == number].tobytes() if num_buckets > 1 else hashes.tobytes())
        finally:
            for file in files:
                file.close()
        counts = [_repeated(Path(file.name)) for file in files]
    repeated = np.concatenate([hashes for hashes, _ in counts])
    if not len(repeated):
        return Duplicates(0, [])
    count = sum(extra for _, extra in counts)
    compared = set(repeated[:_COMPARED].tolist())
    exact, examples = _compared(ids(), compared)
    return Duplicates(exact if len(repeated) <= _COMPARED else count, examples)


def _hashes(ids: list[str]) -> np.ndarray:
    return np.fromiter(map(hash, ids), np.int64, len(ids)).view(np.uint64)


def _repeated(path: Path) -> tuple[np.ndarray, int]:
    """Hashes of a file that occur more than once, and how many occurrences are not the first."""
    values, counts = np.unique(np.fromfile(path, np.uint64), return_counts=True)
    return values[counts > 1], int((counts[counts > 1] - 1).sum())


def _compared(ids: Iterable[list[str]], hashes: set[int]) -> tuple[int, list[tuple[str, int, int]]]:
    """How many rows have the id of an earlier one, of the ids with these hashes, and some of them."""
    first: dict[str, int] = {}
    second: dict[str, int] = {}
    count = 0
    for row, name in _rows(ids):
        if hash(name) % 2**64 in hashes:
            count += name in first
            if first.setdefault(name, row) != row:
                second.setdefault(name, row)
    return count, [(name, first[name], row) for name, row in list(second.items())[:3]]


def _rows(ids: Iterable[list[str]]) -> Iterator[tuple[int, str]]:
    row = 0
    for names in ids:
        for name in names:
            yield row, name
            row += 1

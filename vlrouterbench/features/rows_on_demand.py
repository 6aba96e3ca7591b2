"""What is read of very many samples: made a block at a time, when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class RowsOnDemand(Sequence[Any]):
    """Rows of which one block is in memory: quick where they are asked for in order, and right in any.

    Attributes:
        num_rows: how many there are.
        size: rows of a block.
        make: makes the rows from one index to before another.
    """

    num_rows: int
    size: int
    make: Callable[[int, int], Sequence[Any]]
    _block: tuple[int, Sequence[Any]] = field(default=(-1, ()), init=False)

    def __len__(self) -> int:
        return self.num_rows

    def __getitem__(self, row: Any) -> Any:
        if not 0 <= row < self.num_rows:
            raise IndexError(row)
        start = row - row % self.size
        if self._block[0] != start:
            self._block = start, self.make(start, min(start + self.size, self.num_rows))
        return self._block[1][row - start]

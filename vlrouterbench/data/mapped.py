"""Matrices that memory does not have to hold: past a size they lie in a file without a name, mapped.

Decisions
- A mapped matrix is an array like any other: what is read of it is in memory while there is room, and the system takes
  its pages back where there is none. Its file lies where temporary files do (`TMPDIR`) and is gone with the process.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np

from vlrouterbench.core.errors import BenchmarkError, said

MAPPED_BYTES = 2**26
"""Size from which a matrix is mapped: 64 MiB, the outcomes of half a million samples on 17 candidates."""


def new_matrix(shape: tuple[int, int], dtype: type[np.floating[Any]] = np.float64) -> np.ndarray:
    """A matrix to be filled, in memory or mapped by its size.

    Raises:
        BenchmarkError: there is no room for it where temporary files lie.
    """
    size = shape[0] * shape[1] * np.dtype(dtype).itemsize
    if size < MAPPED_BYTES:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="vlrouterbench-") as file:
            if hasattr(os, "posix_fallocate"):
                # A write to mapped pages that the disk has no room for would kill the process without a word.
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
    except (OSError, OverflowError, ValueError) as error:
        raise BenchmarkError(
            f"expected room for {size / 2**30:,.1f} GiB of outcomes of {shape[0]:,} samples in "
            f"{tempfile.gettempdir()}, found none ({said(error)}). Let TMPDIR name a folder with more."
        ) from error

"""Opening a SQLite file that several processes write to (WAL)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vlrouterbench.serving.settings import ServingError

BUSY_S = 10.0
_PAUSE_S = 0.01


def open_shared(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection that waits for others, up to BUSY_S; each statement is a transaction of its own unless one is begun.

    Args:
        path: the file.
        any_thread: whether another thread than this one may use it.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=not any_thread)
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            # SQLite does not wait here: where two processes change a new file at once, one is told "locked" at once.
            connection.execute("pragma journal_mode=wal")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(_PAUSE_S)
    connection.execute("pragma synchronous=normal")
    return connection


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """While a gateway starts: say which file SQLite cannot use, as ServingError."""
    try:
        yield
    except sqlite3.Error as error:
        raise ServingError(
            f"expected a file of this gateway at {path}, found one that SQLite cannot use: {error}. Put it "
            "aside, or give another folder."
        ) from error

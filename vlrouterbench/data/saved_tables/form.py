"""What is known of a table before it is read, which files are tables, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError

EXTENSIONS = ("parquet", "csv", "jsonl", "tsv", "json", "xlsx")
PACKED = tuple(f"{name}.gz" for name in EXTENSIONS if name not in ("parquet", "xlsx"))
ENDINGS = tuple(f".{name}" for name in (*EXTENSIONS, *PACKED))
"""Endings of the files that are tables, in the order in which they are listed."""
SUFFIXES = [*(f".{name}" for name in EXTENSIONS), ".gz"]
"""The last part of each, for a dialogue that chooses a file."""
ENDINGS_IN_WORDS = f"{', '.join(f'.{name}' for name in EXTENSIONS[:-1])} or .{EXTENSIONS[-1]}"


class TableError(VLRouterBenchError):
    """A file that is no table, or none that can be read; the message goes on where the file's name ends."""


@dataclass(frozen=True)
class TableForm:
    """What is known of a table before it is read.

    Attributes:
        texts: the columns that are text, whatever their cells look like.
        others: further columns that are known.
        images: those that hold images, or paths of images.
        most_bytes: unpacked size up to which a packed file is read, None for any.
        most_rows: rows up to which a parquet file is read, None for any.
    """

    texts: Sequence[str]
    others: Sequence[str] = ()
    images: Sequence[str] = ()
    most_bytes: int | None = None
    most_rows: int | None = None

    @property
    def known(self) -> set[str]:
        """All columns that are known."""
        return {*self.texts, *self.others, *self.images}

    def check_size(self, num_bytes: int) -> None:
        """Raise TableError for a packed file that is too large when it is unpacked."""
        if self.most_bytes is not None and num_bytes > self.most_bytes:
            raise TableError(f" unpacks to more than {self.most_bytes / 2**20:.0f} MiB, which is not accepted.")


def ending_of(path: Path) -> str | None:
    """The ending by which a file is a table, in small letters; None for another file."""
    name = path.name.lower()
    return next((ending for ending in reversed(ENDINGS) if name.endswith(ending)), None)

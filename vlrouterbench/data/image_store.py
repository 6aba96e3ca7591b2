"""Encoded images put aside in a file while a benchmark is built, and references to them.

Decisions
- The images of a source are gigabytes: memory holds their positions in a file, and bytes only while they are looked at.
- One store, one file, one writer: reading processes share a folder and nothing else.
- A content is written once per store, whatever the number of samples that show it.
- A file that changed while the build ran is an error, never a bad image of the source.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.errors import VLRouterBenchError


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Where the encoded bytes of an image are: `length` bytes of a file, from `offset` on."""

    path: Path
    offset: int
    length: int

    def read_bytes(self) -> bytes:
        """The bytes.

        Raises:
            VLRouterBenchError: they are not there any more.
        """
        try:
            with self.path.open("rb") as handle:
                handle.seek(self.offset)
                content = handle.read(self.length)
        except OSError as error:
            raise self._gone(str(error)) from error
        if len(content) != self.length:
            raise self._gone(f"{len(content)} bytes")
        return content

    def _gone(self, content: str) -> VLRouterBenchError:
        return VLRouterBenchError(
            f"expected {self.length} bytes of an image at {self.offset} in the temporary file {self.path}, found "
            f"{content}: it was changed while the benchmark was built. Build again."
        )


class ImageStore:
    """A file of images in `folder`, open for adding until `close` or the end of its block; it lasts with the folder."""

    def __init__(self, folder: Path) -> None:
        # A name of its own: two datasets may differ in upper and lower case alone.
        descriptor, name = tempfile.mkstemp(prefix="images-", dir=folder)
        self._path = Path(name)
        self._file = os.fdopen(descriptor, "wb")
        self._stored: dict[bytes, StoredImage] = {}

    def add(self, content: bytes) -> StoredImage:
        """Put an image aside; it can be read at once, by any process."""
        digest = hashlib.sha256(content).digest()
        if digest not in self._stored:
            offset = self._file.tell()
            self._file.write(content)
            self._file.flush()
            self._stored[digest] = StoredImage(self._path, offset, len(content))
        return self._stored[digest]

    def close(self) -> None:
        """End adding."""
        self._file.close()

    def __enter__(self) -> ImageStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

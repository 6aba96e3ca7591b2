"""Text of a file as UTF-8, whatever it was saved in.

Decisions
- Text is UTF-8, or UTF-16 with its mark, as Excel writes it. What is neither is read as GBK, with a word on it, where
  nearly all of it is common Chinese; other encodings cannot be told apart, and are refused.
- A plain file of UTF-8 is read where it lies; only what has to be decoded is held in memory.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from vlrouterbench.data.saved_tables.form import TableError

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_HEAD_BYTES = 2**16
_COMMON = 0.9
"""Share of common characters from which on bytes are taken for Chinese."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextSource:
    """A file of text; `content` where it was unpacked or decoded."""

    path: Path
    content: bytes | None = None

    @classmethod
    def of(cls, path: Path, content: bytes | None = None) -> TextSource:
        """The text of a file or of its unpacked content, decoded where it begins with the mark of an encoding.

        Raises:
            TableError: it is no text of that encoding, or has no line after a header.
        """
        source = cls(path, content)
        encoding = next((name for mark, name in _MARKS.items() if source.start(4).startswith(mark)), None)
        if encoding is None:
            return source
        try:
            text = source.all().decode(encoding)
        except UnicodeDecodeError as error:
            raise TableError(f" is not readable: it begins as {encoding.upper()} text, and is none.") from error
        if encoding == "utf-16" and len(text.splitlines()) < 2:
            raise TableError(" is not readable: expected a header and rows, found less than two lines of text.")
        return cls(path, text.encode())

    def start(self, length: int = _HEAD_BYTES) -> bytes:
        """Its first bytes."""
        if self.content is not None:
            return self.content[:length]
        with self.path.open("rb") as handle:
            return handle.read(length)

    def all(self) -> bytes:
        """The whole."""
        return self.path.read_bytes() if self.content is None else self.content

    def size(self) -> int:
        """Number of its bytes."""
        return self.path.stat().st_size if self.content is None else len(self.content)

    def opened(self) -> str | pa.BufferReader:
        """What Arrow's readers take."""
        return str(self.path) if self.content is None else pa.BufferReader(self.content)

    def stream(self) -> BinaryIO:
        """Its bytes from the beginning, to be closed by whoever reads them."""
        return self.path.open("rb") if self.content is None else BytesIO(self.content)

    def as_chinese(self) -> TextSource:
        """The same bytes, read as GBK.

        Raises:
            TableError: that gives hardly any common Chinese.
        """
        try:
            text = self.all().decode("gb18030")
        except UnicodeDecodeError:
            text = ""
        foreign = "".join(character for character in text if not character.isascii())
        common = len(foreign.encode("gb2312", "ignore")) // 2
        if not foreign or common < _COMMON * len(foreign):
            raise TableError(" is not readable: expected UTF-8 or UTF-16 text, found neither. Save it as UTF-8.")
        logger.warning(f"{self.path} is not UTF-8 and was read as GBK. Save it as UTF-8 where its texts look wrong.")
        return TextSource(self.path, text.encode())

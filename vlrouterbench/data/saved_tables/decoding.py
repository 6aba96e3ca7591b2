"""Text of a file as UTF-8, whatever it was saved in.

Decisions
- Text is UTF-8, or UTF-16 with its mark, as Excel writes it. What is neither is read as GBK, with a word on it, where
  nearly all of it is common Chinese, and no Korean that was saved as EUC-KR; other encodings cannot be told apart, and
  are refused, as are UTF-32 and UTF-16 without its mark.
- A plain file of UTF-8 is read where it lies; only what has to be decoded is held in memory.
"""

from __future__ import annotations

import codecs
import gzip
import logging
import re
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from vlrouterbench.data.saved_tables.form import TableError

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_WIDE_MARKS = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
"""Of UTF-32; the first one begins as that of UTF-16 does."""
_AS_UTF_8 = "Save it as UTF-8 (in a spreadsheet: CSV UTF-8)."
_HEAD_BYTES = 2**16
_COMMON = 0.9
"""Share of common characters from which on bytes are taken for Chinese, and share of syllables for Korean."""
_HANGUL = re.compile("[\uac00-\ud7a3]")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextSource:
    """A file of text.

    Attributes:
        path: of the file.
        content: its text where it was unpacked or decoded.
        packed: whether it is unpacked anew each time that it is read.
        offset: where the text begins, after a mark of UTF-8.
    """

    path: Path
    content: bytes | None = None
    packed: bool = False
    offset: int = 0

    @classmethod
    def of(cls, path: Path, content: bytes | None = None) -> TextSource:
        """The text of a file or of its unpacked content, decoded where it begins with the mark of an encoding.

        Raises:
            TableError: it is no text of that encoding, or has no line after a header.
        """
        return cls(path, content)._checked()

    @classmethod
    def streamed(cls, path: Path, *, packed: bool) -> TextSource:
        """The same, with UTF-8 left where it lies although it begins with a mark, or is packed.

        Raises:
            TableError: as for `of`.
        """
        source = cls(path, packed=packed)
        marked = source.start(4).startswith(codecs.BOM_UTF8)
        return replace(source, offset=len(codecs.BOM_UTF8)) if marked else source._checked()

    def _checked(self) -> TextSource:
        source, path = self, self.path
        if source.start(4) in _WIDE_MARKS:
            raise TableError(f" is not readable: expected UTF-8 or UTF-16 text, found UTF-32. {_AS_UTF_8}")
        if _without_mark(source.start(64)):
            raise TableError(f" is not readable: expected UTF-8 text, found UTF-16 without its mark. {_AS_UTF_8}")
        encoding = next((name for mark, name in _MARKS.items() if source.start(4).startswith(mark)), None)
        if encoding is None:
            return source
        try:
            text = source.all().decode(encoding)
        except UnicodeDecodeError as error:
            raise TableError(
                f" is not readable: it begins as {encoding.upper()} text, and is none. {_AS_UTF_8}"
            ) from error
        if encoding == "utf-16" and len(text.splitlines()) < 2:
            raise TableError(
                f" is not readable: expected a header and rows, found less than two lines of text. {_AS_UTF_8}"
            )
        return TextSource(path, text.encode())

    def start(self, length: int = _HEAD_BYTES) -> bytes:
        """Its first bytes."""
        if self.content is not None:
            return self.content[:length]
        with self.stream() as handle:
            return handle.read(length)

    def all(self) -> bytes:
        """The whole."""
        if self.content is not None:
            return self.content
        with self.stream() as handle:
            return handle.read()

    def size(self) -> int:
        """Number of its bytes."""
        return self.path.stat().st_size if self.content is None else len(self.content)

    def opened(self) -> str | pa.BufferReader:
        """What Arrow's readers take."""
        return str(self.path) if self.content is None else pa.BufferReader(self.content)

    def stream(self) -> BinaryIO:
        """Its bytes from the beginning, to be closed by whoever reads them."""
        if self.content is not None:
            return BytesIO(self.content)
        return cast(BinaryIO, gzip.open(self.path)) if self.packed else self.path.open("rb")

    def as_chinese(self, *, known: bool = False) -> TextSource:
        """The same bytes, read as GBK, with a word on it unless it is `known`, since it was said before.

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
        if _may_be_korean(self.all()):
            raise TableError(
                " is not readable: expected UTF-8 text, found what may be Korean (EUC-KR) or Chinese (GBK). "
                f"{_AS_UTF_8}"
            )
        if not known:
            logger.warning(
                f"{self.path} is not UTF-8 and was read as GBK. Save it as UTF-8 where its texts look wrong."
            )
        return TextSource(self.path, text.encode())


def _without_mark(start: bytes) -> bool:
    """Whether a file begins with the letters of UTF-16, of which every other byte is zero, and with no mark of it."""
    pairs = start[: len(start) // 2 * 2]
    return len(pairs) >= 8 and any(
        not any(pairs[side::2]) and 0 not in pairs[1 - side :: 2] and pairs[1 - side :: 2].isascii() for side in (0, 1)
    )


def _may_be_korean(content: bytes) -> bool:
    """Whether bytes are as good Korean as Chinese; of Chinese, a third of the characters lie where EUC-KR has none."""
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        return False
    foreign = "".join(character for character in text if not character.isascii())
    return len(_HANGUL.findall(foreign)) >= _COMMON * len(foreign)

"""What a file is by its beginning, whatever its name says: xlsx, tsv, csv, json, or none of them.

Decisions
- A table saved under another kind's name is read as what it is, and named: its labels are as good as any.
- A pointer that stands for a file which was never fetched is said to be one.
- csv, json and jsonl hold summaries as often as rows of samples: the columns of the first row decide.
- The cells of a csv file may be parted by ";", as spreadsheets write it where "," is the decimal mark.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from pathlib import Path

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.saved_tables.bounds import BoundsError, check_columns
from vlrouterbench.data.sources.vlmevalkit.columns import CORRECT, EVAL_MATCH, HIT, VERIFIER_MATCH

INDEX = "index"
DELIMITERS = {".tsv": "\t", ".csv": ","}
_SEMICOLON = ";"
_OF_SAMPLES = frozenset(("prediction", "is_correct", HIT, CORRECT, VERIFIER_MATCH, EVAL_MATCH))
_BEGINNING_BYTES = 2**20
_ZIP, _LFS = b"PK\x03\x04", b"version https://git-lfs"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WHITE_SPACE = " \t\r\n"


class UnreadableFileError(SourceError):
    """A log file that is truncated, corrupt, or not what its name says."""


def kind_of(path: Path) -> str:
    """The extension that a file should have: that of its name unless its beginning shows another kind of table.

    Raises:
        UnreadableFileError: it cannot be opened, or is a pointer to a file that was not fetched.
    """
    said, mark = path.suffix.lower(), _beginning(path, max(map(len, (_LFS, _ZIP))))
    if mark == _LFS:
        raise UnreadableFileError("a Git LFS pointer, not the file it stands for: fetch that with `git lfs pull`")
    if mark.startswith(_ZIP):
        return ".xlsx"
    text = decoded(_beginning(path), errors="replace")
    if text.lstrip(_WHITE_SPACE).startswith(("[", "{")):
        return said if said == ".jsonl" else ".json"
    # A header of one cell is one in either kind.
    of_table = [kind for kind, delimiter in DELIMITERS.items() if {INDEX} < _header(text, delimiter)]
    if not of_table and {INDEX} < _header(text, _SEMICOLON):
        return ".csv"
    return said if said in of_table or not of_table else of_table[0]


def delimiter_of(path: Path, kind: str) -> str:
    """What parts the cells of a tsv or csv file: that of its kind, or ";" where its header shows no other."""
    delimiter = DELIMITERS[kind]
    text = decoded(_beginning(path), errors="replace")
    is_other = INDEX not in _header(text, delimiter) and {INDEX} < _header(text, _SEMICOLON)
    return _SEMICOLON if is_other else delimiter


def decoded(content: bytes, errors: str = "strict") -> str:
    """Text of a file: UTF-8, or UTF-16 where it begins with that mark, as spreadsheets write it.

    Raises:
        UnicodeDecodeError: neither.
    """
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig", errors)


def is_utf_16(path: Path) -> bool:
    """Whether a text file is encoded so."""
    return _beginning(path).startswith(_UTF_16)


def ends_a_line(path: Path) -> bool:
    """Whether a text file ends where a line does, as programs that write tables leave it."""
    with path.open("rb") as handle:
        handle.seek(-min(2, path.stat().st_size), io.SEEK_END)
        return handle.read().rstrip(b"\0").endswith((b"\n", b"\r"))


def header_of(path: Path, delimiter: str = "\t") -> list[str]:
    """The cells of the first row of a tsv or csv file.

    Raises:
        UnreadableFileError: with the reason.
    """
    encoding = "utf-16" if is_utf_16(path) else "utf-8-sig"
    try:
        with path.open(newline="", encoding=encoding) as handle:
            names = next(csv.reader(handle, delimiter=delimiter), [])
        check_columns(len(names))
        return names
    except BoundsError as error:
        raise UnreadableFileError(str(error)) from error
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise UnreadableFileError(f"not readable as {path.suffix[1:]}: {error}") from error


def has_rows_of_samples(path: Path) -> bool:
    """Whether a file begins with a row of a sample, whatever its name says: an index, and a text or a mark of it."""
    try:
        kind = kind_of(path)
        text = decoded(_beginning(path), errors="replace")
        names = _header(text, delimiter_of(path, kind)) if kind in DELIMITERS else _first_record(text)
    except UnreadableFileError:
        return False
    return INDEX in names and not _OF_SAMPLES.isdisjoint(names)


def is_text(path: Path) -> bool:
    """Whether a file can be read and begins with text: with something, in UTF-8 or UTF-16, and no archive."""
    try:
        beginning = _beginning(path)
        # A character may be cut in two where the beginning ends.
        text = decoded(beginning.rpartition(b"\n")[0] or beginning)
        return bool(text.strip()) and "\0" not in text and kind_of(path) != ".xlsx"
    except (UnreadableFileError, UnicodeDecodeError):
        return False


def is_one_record(path: Path) -> bool:
    """Whether a json file begins as one record, not as a list of them."""
    return decoded(_beginning(path), errors="replace").lstrip(_WHITE_SPACE).startswith("{")


def _beginning(path: Path, size: int = _BEGINNING_BYTES) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(size)
    except OSError as error:
        raise UnreadableFileError(f"not readable as {path.suffix[1:]}: {error}") from error


def _header(text: str, delimiter: str) -> set[str]:
    """The names in a header as they are read: case and space do not count."""
    try:
        return {
            name.strip().lower() for name in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        }
    except csv.Error:
        return set()


def _first_record(text: str) -> set[str]:
    """Names in the first record of a json list or of a jsonl file; none where it begins with no record."""
    try:
        record, _ = json.JSONDecoder().raw_decode(text.lstrip("[" + _WHITE_SPACE))
    except (ValueError, RecursionError):
        return set()
    return {name.strip().lower() for name in record} if isinstance(record, dict) else set()

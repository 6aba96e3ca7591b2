"""Text of a benchmark's pictures, read once and kept: reading takes a good part of a second per picture.

Decisions
- Kept by the digest of the encoded picture, so that samples which share a picture share its text, and a rebuilt
  benchmark reads only what is new.
- One line of JSON per picture, added as soon as it is read: a stopped run goes on where it was. A last line that was
  cut off is not read, and the next one starts afresh.
- The reader's name stands in the file's name: another version may read other text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import make_folder
from vlrouterbench.routers.encoders.ocr.blocks import OcrError, picture_text, reader_name
from vlrouterbench.routers.encoders.sample_input import read_image

Reader = Callable[[bytes], str]
"""Gives the text of an encoded picture."""


def text_store(folder: Path) -> Path:
    """File in `folder` that keeps what the installed reader reads.

    Raises:
        BenchmarkError: no reader is installed.
    """
    try:
        return folder / f"picture-texts-{reader_name()}.jsonl"
    except OcrError as error:
        raise BenchmarkError(str(error)) from error


def picture_texts(
    pictures: Iterable[bytes | None],
    store: Path,
    *,
    read: Reader | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Text of each encoded picture in order, empty where there is none.

    Args:
        pictures: encoded pictures, None for a sample without one.
        store: what is kept; made where it is not there.
        read: what reads a picture that is not kept yet; the installed reader unless given.
        progress: called with the number done so far.

    Raises:
        RouterInputError: a picture that cannot be read.
        OcrError: a picture is to be read and the extra `ocr` is not installed.
    """
    read = read or (lambda content: picture_text(read_image(content)))
    known, texts = _kept(store), []
    make_folder(store.parent)
    with store.open("a+b") as file:
        if file.tell() and store.read_bytes()[-1:] != b"\n":
            file.write(b"\n")
        for picture in pictures:
            if picture is None:
                texts.append("")
            else:
                digest = hashlib.sha256(picture).hexdigest()
                if digest not in known:
                    known[digest] = read(picture)
                    file.write(json.dumps({"sha256": digest, "text": known[digest]}).encode() + b"\n")
                    file.flush()
                texts.append(known[digest])
            if progress is not None:
                progress(len(texts))
    return texts


def _kept(store: Path) -> dict[str, str]:
    kept = {}
    for line in store.read_bytes().splitlines() if store.is_file() else ():
        try:
            entry = json.loads(line)
            kept[entry["sha256"]] = entry["text"]
        except (ValueError, KeyError, TypeError):
            # Cut off when a run was stopped: that picture is read again.
            continue
    return kept

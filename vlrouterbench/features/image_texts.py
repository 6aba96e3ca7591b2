"""Text of a benchmark's images, read once and kept: reading takes a good part of a second per image.

Decisions
- Kept by the digest of the encoded image, so that samples which share an image share its text, and a rebuilt
  benchmark reads only what is new.
- One line of JSON per image, added as soon as it is read: a stopped run goes on where it was. A last line that was
  cut off is not read, and the next one starts afresh.
- The reader's name stands in the file's name: another version may read other text. The rest of that name is kept from
  earlier releases, so that what they read is not read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import make_folder
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.reading import read_table
from vlrouterbench.features.store import feature_folder
from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import BuiltinImage
from vlrouterbench.routers.encoders.ocr.blocks import OcrError, ReadImage, image_text, reader_name
from vlrouterbench.routers.encoders.sample_input import read_image

Reader = Callable[[bytes], str]
"""Gives the text of an encoded image."""


def read_with_texts(table: RoutingTable, block: FeatureBlock, work: EncodingWork) -> list[Any]:
    """Statistics of each image of a table as the built-in encoder stores them, with the text that stands in it.

    Of a sample a `ReadImage`, or where the block takes in all images a tuple of them.

    Raises:
        BenchmarkError: no reader is installed.
    """
    statistics = BuiltinImage()
    statistics.pools = block.pools
    rows, further = read_table(table, statistics, work), table.further_images() if block.pools else {}
    images = ((image, *further.get(row, ())) for row, image in enumerate(table.iter_images()))
    texts = iter(image_texts(chain.from_iterable(images), text_store(feature_folder(table))))
    if not block.pools:
        return [ReadImage(row[0], row, next(texts)) for row in rows]
    return [tuple(ReadImage(one[0], one, next(texts)) for one in row) for row in rows]


def text_store_name() -> str:
    """Name of the file that keeps what the installed reader reads.

    Raises:
        BenchmarkError: no reader is installed.
    """
    try:
        return f"picture-texts-{reader_name()}.jsonl"
    except OcrError as error:
        raise BenchmarkError(str(error)) from error


def text_store(folder: Path) -> Path:
    """File in `folder` that keeps what the installed reader reads; errors as for `text_store_name`."""
    return folder / text_store_name()


def image_texts(
    images: Iterable[bytes | None],
    store: Path,
    *,
    read: Reader | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Text of each encoded image in order, empty where there is none.

    Args:
        images: encoded images, None for a sample without one.
        store: what is kept; made where it is not there.
        read: what reads an image that is not kept yet; the installed reader unless given.
        progress: called with the number done so far.

    Raises:
        RouterInputError: an image that cannot be read.
        OcrError: an image is to be read and the extra `ocr` is not installed.
    """
    read = read or (lambda content: image_text(read_image(content)))
    stored, texts = _stored(store), []
    make_folder(store.parent)
    with store.open("a+b") as file:
        if file.tell() and store.read_bytes()[-1:] != b"\n":
            file.write(b"\n")
        for image in images:
            if image is None:
                texts.append("")
            else:
                digest = hashlib.sha256(image).hexdigest()
                if digest not in stored:
                    stored[digest] = read(image)
                    file.write(json.dumps({"sha256": digest, "text": stored[digest]}).encode() + b"\n")
                    file.flush()
                texts.append(stored[digest])
            if progress is not None:
                progress(len(texts))
    return texts


def _stored(store: Path) -> dict[str, str]:
    """Digest of an image -> its text."""
    stored = {}
    for line in store.read_bytes().splitlines() if store.is_file() else ():
        try:
            entry = json.loads(line)
            stored[entry["sha256"]] = entry["text"]
        except (ValueError, KeyError, TypeError):
            # Cut off when a run was stopped: that image is read again.
            continue
    return stored

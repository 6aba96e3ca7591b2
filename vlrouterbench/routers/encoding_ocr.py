"""Text that stands in a picture, read by RapidOCR: the optional extra `ocr`.

Decisions
- The models come inside RapidOCR's package and run on the CPU through onnxruntime: nothing is downloaded.
- Lines are kept in the order in which they are found, one per line; what the reader is unsure of it leaves out itself.
- Without the extra it is an error that says what to install: a router that was taught to read must not guess.
"""

from __future__ import annotations

import functools
from importlib import metadata
from typing import Any

import numpy as np
from PIL import Image

from .encoding_image import as_rgb


def picture_text(image: Image.Image | None) -> str:
    """Lines of text found in a picture; empty where there is no picture or no text.

    Raises:
        ImportError: the extra `ocr` is not installed.
    """
    if image is None:
        return ""
    # RapidOCR takes arrays as OpenCV keeps them: blue first.
    found = _reader()(np.ascontiguousarray(np.asarray(as_rgb(image))[..., ::-1]))
    return "\n".join(found.txts or ())


def reader_name() -> str:
    """The reader and its version: another version may read other text.

    Raises:
        ImportError: the extra `ocr` is not installed.
    """
    try:
        return f"rapidocr-{metadata.version('rapidocr')}"
    except metadata.PackageNotFoundError as error:
        raise _lacking() from error


@functools.cache
def _reader() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise _lacking() from error
    # Its warnings name every picture without text.
    return RapidOCR(params={"Global.log_level": "error"})


def _lacking() -> ImportError:
    return ImportError(
        "expected RapidOCR to read text from pictures, found it not installed: pip install 'vlrouterbench[ocr]'."
    )

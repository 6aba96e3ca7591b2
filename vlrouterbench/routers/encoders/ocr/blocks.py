"""Text that stands in a picture, read by RapidOCR, as a further part of a picture's features: the optional extra `ocr`.

Decisions
- The models come inside RapidOCR's package and run on the CPU through onnxruntime: nothing is downloaded.
- Lines are kept in the order in which they are found, one per line; what the reader is unsure of it leaves out itself.
- Its n-grams have weights and a projection of their own, since a page and a question use other words.
- Without the extra it is an error that says what to install: a router that was taught to read must not guess.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from vlrouterbench.routers.encoders.builtin.blocks import BUILTIN, BuiltinImage, projected_ngrams, require_version
from vlrouterbench.routers.encoders.builtin.image import as_rgb
from vlrouterbench.routers.encoders.builtin.text import TEXT_BUCKETS, hashed_ngrams
from vlrouterbench.routers.encoders.sample_input import EncoderError, RouterInput

BUILTIN_OCR = f"{BUILTIN}+ocr"
NUM_OCR_FACTS = 1


class OcrError(EncoderError):
    """A router reads text from pictures, and the reader is not installed."""


class ReadPicture(NamedTuple):
    """What is read of a picture.

    Attributes:
        flag: 1 where there is a picture, else 0.
        statistics: (NUM_IMAGE_STATISTICS,) float32.
        found: the text in it.
    """

    flag: float
    statistics: np.ndarray
    found: str


class OcrImage(BuiltinImage):
    """A picture as the built-in sees it, with the text that stands in it.

    Args:
        image_dim: size of the statistics' projection.
        ocr_dim: size of the text's projection.
    """

    def __init__(self, image_dim: int, ocr_dim: int) -> None:
        super().__init__(image_dim, ocr_dim + NUM_OCR_FACTS)
        self.register_buffer("ocr_idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("ocr_projection", torch.zeros(TEXT_BUCKETS, ocr_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OcrImage:
        """By `image_dim` and `ocr_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["image_dim"], config["ocr_dim"])

    def read(self, inputs: Sequence[RouterInput]) -> list[ReadPicture]:
        """Statistics and text of each picture.

        Raises:
            OcrError: the extra `ocr` is not installed.
        """
        rows = zip(super().read(inputs), inputs, strict=True)
        return [ReadPicture(row[0], row, picture_text(sample.image)) for row, sample in rows]

    def project(self, raw: ReadPicture) -> np.ndarray:
        """What the built-in gives, then projected n-grams of the text and the logarithm of its length, (dim,)."""
        words = projected_ngrams(*hashed_ngrams(raw.found), self.state("ocr_idf"), self.state("ocr_projection"))
        return np.concatenate([super().project(raw.statistics), words, np.log1p([len(raw.found)])])

    def describe(self) -> str:
        """The name it is asked for by."""
        return BUILTIN_OCR


def picture_text(image: Image.Image | None) -> str:
    """Lines of text found in a picture; empty where there is no picture or no text.

    Raises:
        OcrError: the extra `ocr` is not installed.
    """
    if image is None:
        return ""
    # RapidOCR takes arrays as OpenCV keeps them: blue first.
    found = _reader()(np.ascontiguousarray(np.asarray(as_rgb(image))[..., ::-1]))
    return "\n".join(found.txts or ())


def reader_name() -> str:
    """The reader and its version: another version may read other text.

    Raises:
        OcrError: the extra `ocr` is not installed.
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


def _lacking() -> OcrError:
    return OcrError(
        "expected RapidOCR to read text from pictures, found it not installed: pip install 'vlrouterbench[ocr]'."
    )

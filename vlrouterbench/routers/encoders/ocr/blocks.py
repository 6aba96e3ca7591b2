"""Text that stands in an image, read by RapidOCR, as a further part of an image's features: the optional extra `ocr`.

Decisions
- The models come inside RapidOCR's package and run on the CPU through onnxruntime: nothing is downloaded.
- Lines are kept in the order in which the reader gives them, one per line; what the reader is unsure of it leaves
  out itself.
- Its n-grams have weights and a projection of their own, since a page and a question use other words.
- Without the extra it is an error that says what to install: a router that was trained to read must not decide
  without reading.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from vlrouterbench.routers.encoders.builtin.image import NUM_IMAGE_STATISTICS, BuiltinImage, as_rgb
from vlrouterbench.routers.encoders.builtin.text import (
    BUILTIN,
    TEXT_BUCKETS,
    hashed_ngrams,
    projected_ngrams,
    projection_size,
    require_version,
)
from vlrouterbench.routers.encoders.sample_input import EncoderError, RouterInput

BUILTIN_OCR = f"{BUILTIN}+ocr"
OCR_DIM = 32
"""Size of the text's projection, where there are samples enough to fit it on."""
NUM_OCR_FACTS = 1


class OcrError(EncoderError):
    """A router reads text from images, and the reader is not installed."""


class ReadImage(NamedTuple):
    """What is read of an image.

    Attributes:
        flag: 1 where there is an image, else 0.
        statistics: (NUM_IMAGE_STATISTICS,) float32.
        text: the text in it.
    """

    flag: float
    statistics: np.ndarray
    text: str


class OcrImage(BuiltinImage):
    """An image as the built-in sees it, with the text that stands in it.

    Args:
        image_dim: size of the statistics' projection.
        ocr_dim: size of the text's projection.
    """

    name = BUILTIN_OCR

    def __init__(self, image_dim: int = 1, ocr_dim: int = 1) -> None:
        super().__init__(image_dim, ocr_dim + NUM_OCR_FACTS)
        self.register_buffer("ocr_idf", torch.ones(TEXT_BUCKETS))
        self.register_buffer("ocr_projection", torch.zeros(TEXT_BUCKETS, ocr_dim))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> OcrImage:
        """By `image_dim` and `ocr_dim`, once `version` is this release's."""
        require_version(config)
        return cls(config["image_dim"], config["ocr_dim"])

    def config(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        """As the built-in's, with the size of the text's projection."""
        return {**super().config(rows), "ocr_dim": projection_size(OCR_DIM, len(rows))}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The built-in's version, and the reader's.

        Raises:
            OcrError: the extra `ocr` is not installed.
        """
        return {**super().identity, "reader": reader_name()}

    def read(self, inputs: Sequence[RouterInput]) -> list[ReadImage]:
        """Statistics and text of each image.

        Raises:
            OcrError: the extra `ocr` is not installed.
        """
        rows = zip(super().read(inputs), inputs, strict=True)
        return [ReadImage(row[0], row, image_text(sample.image)) for row, sample in rows]

    def values_of(self, raw: ReadImage) -> np.ndarray:
        """Statistics, then the text's code points, which float32 holds exactly."""
        return np.concatenate([raw.statistics, [ord(character) for character in raw.text]]).astype(np.float32)

    def raw_of(self, values: np.ndarray) -> ReadImage:
        """As `read` gave it."""
        statistics, codes = values[:NUM_IMAGE_STATISTICS], values[NUM_IMAGE_STATISTICS:]
        return ReadImage(statistics[0], statistics, "".join(chr(int(code)) for code in codes))

    def project(self, raw: Any) -> np.ndarray:
        """What the built-in gives, then projected n-grams of the text and the logarithm of its length, (dim,)."""
        words = projected_ngrams(*hashed_ngrams(raw.text), self.state("ocr_idf"), self.state("ocr_projection"))
        return np.concatenate([super().project(raw.statistics), words, np.log1p([len(raw.text)])])


def image_text(image: Image.Image | None) -> str:
    """Lines of text in an image; empty where there is no image or no text.

    Raises:
        OcrError: the extra `ocr` is not installed.
    """
    if image is None:
        return ""
    # RapidOCR takes arrays as OpenCV keeps them: blue first.
    reading = _reader()(np.ascontiguousarray(np.asarray(as_rgb(image))[..., ::-1]))
    return "\n".join(reading.txts or ())


def reader_name() -> str:
    """The reader and its version: another version may read other text.

    Raises:
        OcrError: the extra `ocr` is not installed.
    """
    try:
        return f"rapidocr-{metadata.version('rapidocr')}"
    except metadata.PackageNotFoundError as error:
        raise _not_installed() from error


@functools.cache
def _reader() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise _not_installed() from error
    # Its warnings name every image without text.
    return RapidOCR(params={"Global.log_level": "error"})


def _not_installed() -> OcrError:
    return OcrError(
        "expected RapidOCR to read text from images, found it not installed: pip install 'vlrouterbench[ocr]'."
    )

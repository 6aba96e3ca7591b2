"""What this package does for some kinds of encoders beyond what their blocks do by themselves, kind by kind.

Decisions
- A kind needs no line here: a block reads, is stored and learns by its own methods. A line is for what a block cannot
  do alone, since its code is saved with routers: fits that need scikit-learn, and reading that has a store of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.builtin import FIT_VERSION, fit_builtin_image, fit_builtin_text, fit_image_text
from vlrouterbench.features.image_texts import read_with_texts, text_store_name
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.reading import read_table
from vlrouterbench.routers.encoders.block import IMAGE, TEXT, FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import IMAGE_DIM
from vlrouterbench.routers.encoders.builtin.text import BUILTIN, BUILTIN_VERSION, CANONICAL, TEXT_DIM
from vlrouterbench.routers.encoders.ocr.blocks import BUILTIN_OCR, OCR_DIM


def _block_identity(block: FeatureBlock) -> list[Any]:
    return [dict(block.identity)]


def _builtin_identity(block: FeatureBlock) -> list[Any]:
    return [BUILTIN_VERSION, FIT_VERSION, TEXT_DIM, IMAGE_DIM, OCR_DIM]


def _ocr_identity(block: FeatureBlock) -> list[Any]:
    return [*_builtin_identity(block), text_store_name()]


def _nothing_more(block: FeatureBlock, rows: Sequence[Any]) -> None:
    """Of a kind that learns by its own `fit`."""


@dataclass(frozen=True)
class Handler:
    """How a kind of encoder is used over a whole benchmark.

    Attributes:
        identity: all that features depend on beside the encoder's name, ready for JSON.
        read: what a block reads of each sample of a table.
        learn: called with what was read of train before the block's own `fit`.
    """

    identity: Callable[[FeatureBlock], list[Any]] = _block_identity
    read: Callable[[RoutingTable, FeatureBlock, EncodingWork], Sequence[Any]] = read_table
    learn: Callable[[FeatureBlock, Sequence[Any]], None] = _nothing_more


HANDLERS = {
    (TEXT, BUILTIN): Handler(identity=_builtin_identity, learn=fit_builtin_text),
    (TEXT, CANONICAL): Handler(identity=_builtin_identity, learn=fit_builtin_text),
    (IMAGE, BUILTIN): Handler(identity=_builtin_identity, learn=fit_builtin_image),
    (IMAGE, BUILTIN_OCR): Handler(identity=_ocr_identity, learn=fit_image_text, read=read_with_texts),
}
"""(modality, kind) -> what is done for it; every other kind is handled as `Handler()` says."""


def handler_of(block: FeatureBlock) -> Handler:
    """How the kind of a block is handled."""
    return HANDLERS.get((block.modality, block.name), Handler())

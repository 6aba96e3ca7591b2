"""The kinds of feature blocks by modality and name, read top to bottom. A new kind is one file and one line here.

Decisions
- Blocks are named here by address and are imported when a router needs them: a router over built-in features neither
  runs nor carries the code of pretrained encoders. Beside a saved router `write_code` puts, instead of this file, one
  that names only the blocks of that router.
- A kind follows from the encoder's configuration: a name, or the description of a pretrained encoder, which is "hub".
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from vlrouterbench.routers.encoders.block import FeatureBlock

HUB = "hub"
"""The kind of an encoder that is described by a mapping: pretrained, named and not copied."""

BLOCKS: dict[str, dict[str, str]] = {
    "text": {
        "builtin": ".builtin.blocks:BuiltinText",
        HUB: ".hub.blocks:HubText",
    },
    "image": {
        "builtin": ".builtin.blocks:BuiltinImage",
        "builtin+ocr": ".ocr.blocks:OcrImage",
        HUB: ".hub.blocks:HubImage",
    },
}
"""Modality -> kind -> address of a class; a module that begins with a dot lies in this folder."""


def encoder_names(modality: str) -> tuple[str, ...]:
    """What needs no description: the names that options and configurations may give."""
    return tuple(name for name in BLOCKS[modality] if name != HUB)


def block_class(modality: str, kind: str) -> type[FeatureBlock]:
    """The class of a kind of block.

    Args:
        modality: "text" or "image".
        kind: as `kind_of` gives it.

    Raises:
        ValueError: no block of that name.
    """
    if kind not in BLOCKS[modality]:
        names = ", ".join(encoder_names(modality))
        raise ValueError(f'unknown {modality} encoder "{kind}". Known: {names}, or a pretrained one\'s description.')
    module, _, name = BLOCKS[modality][kind].partition(":")
    return getattr(importlib.import_module(module, __package__), name)


def kind_of(modality: str, config: Mapping[str, Any]) -> str:
    """The kind of block that an encoder's configuration asks for: a name, or "hub" for a description."""
    value = config.get(modality)
    return HUB if isinstance(value, dict) else str(value)

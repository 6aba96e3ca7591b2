"""Pretrained encoders by what a user names them: a folder, or `owner/name` on the Hub, with or without `@revision`.

Decisions
- What an encoder is, is told before it is loaded: its commit, or the digest of its folder. Features that are stored
  already are found by that, and then the model is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vlrouterbench.core.errors import BenchmarkError, unknown_name
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoders.builtin.blocks import BUILTIN
from vlrouterbench.routers.encoders.hub.blocks import HubBlock, HubImage, HubText
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, find_folder
from vlrouterbench.routers.encoders.hub.image import HUB_IMAGE_VERSION, HubImageEncoder
from vlrouterbench.routers.encoders.hub.text import HUB_TEXT_VERSION, HubTextEncoder
from vlrouterbench.routers.encoders.ocr.blocks import BUILTIN_OCR

BUILT_IN = {"text": (BUILTIN,), "image": (BUILTIN, BUILTIN_OCR)}
"""Names of what needs no pretrained model."""


@dataclass(frozen=True)
class PretrainedChoice:
    """A pretrained encoder as it was asked for.

    Attributes:
        kind: "text" or "image".
        source: folder, or id on the Hub.
        revision: commit, branch or tag.
        options: with which features it was asked for.
    """

    kind: str
    source: str
    revision: str | None
    options: FeatureOptions

    def identity(self) -> dict[str, Any]:
        """What says that stored vectors are this encoder's; ready for JSON.

        Raises:
            BenchmarkError: no such model.
        """
        with hub_errors():
            found = find_folder(self.source, self.revision).describe()
        # A family is told by the model's name, so a folder's name counts as well.
        name = Path(found.pop("id")).name
        length = {"max_length": self.options.max_length} if self.kind == "text" else {}
        return {"name": name, **found, **length, "version": [HUB_TEXT_VERSION, HUB_IMAGE_VERSION][self.kind == "image"]}

    def open(self) -> HubBlock:
        """The encoder, loaded, as a block.

        Raises:
            BenchmarkError: it cannot be found, loaded or used.
        """
        device = device_of(self.options)
        with hub_errors():
            if self.kind == "text":
                encoder = HubTextEncoder(self.source, self.revision, device, max_length=self.options.max_length)
            else:
                encoder = HubImageEncoder(self.source, self.revision, device)
            block_class = HubText if self.kind == "text" else HubImage
            block = block_class(encoder.describe() | {"dim": encoder.dim})
            block.take(encoder)
        return block.to(device)


def choice_of(kind: str, options: FeatureOptions) -> PretrainedChoice | None:
    """The pretrained encoder that options name for "text" or "image", None for the built-in.

    Raises:
        UnknownNameError: neither the built-in, nor a folder, nor of the form owner/name.
    """
    name = getattr(options, kind)
    if name in BUILT_IN[kind]:
        return None
    if Path(name).expanduser().is_dir():
        return PretrainedChoice(kind, name, None, options)
    if "/" not in name:
        raise unknown_name(f"{kind} encoder", name, (*BUILT_IN[kind], "FOLDER", "OWNER/NAME"))
    source, _, revision = name.partition("@")
    return PretrainedChoice(kind, source, revision or None, options)


def device_of(options: FeatureOptions) -> str:
    """Where pretrained encoders compute.

    Raises:
        BenchmarkError: a GPU was asked for, and there is none.
    """
    if options.device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise BenchmarkError(f"expected a GPU for the device {options.device}, found none. Leave it out, or give cpu.")
    return options.device


def uses_gpu(options: FeatureOptions) -> bool:
    """Whether a pretrained encoder is asked for and computes on a GPU."""
    pretrained = any(choice_of(kind, options) is not None for kind in ("text", "image"))
    return pretrained and device_of(options) != "cpu"


@contextmanager
def hub_errors() -> Iterator[None]:
    """What the routers' own code says of a pretrained encoder, as an error that commands print."""
    try:
        yield
    except HubEncoderError as error:
        raise BenchmarkError(str(error)) from error

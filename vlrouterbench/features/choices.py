"""Encoders by what a user names them: a name of the registry, a folder, or `owner/name` on the Hub with its revision.

Decisions
- What an encoder is can be told before it is loaded: its version, its commit, or the digest of its folder. Features
  that are stored already are found by that, and then the model is never opened.
- Whatever the name, a choice answers the same questions; no code that encodes depends on which kind it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch

from vlrouterbench.core.errors import BenchmarkError, unknown_name
from vlrouterbench.features.handlers import handler_of
from vlrouterbench.features.options import FeatureOptions
from vlrouterbench.routers.encoder_registration import is_encoder
from vlrouterbench.routers.encoders.block import (
    HUB,
    IMAGE,
    IMAGE_ONLY,
    MODALITIES,
    TEXT,
    TEXT_ONLY,
    FeatureBlock,
    block_class,
    encoder_names,
)
from vlrouterbench.routers.encoders.hub.blocks import HubBlock
from vlrouterbench.routers.encoders.hub.folder import find_folder
from vlrouterbench.routers.encoders.sample_input import EncoderError


class EncoderChoice(Protocol):
    """An encoder of one modality, as options name it."""

    def identity(self) -> Any:
        """All that its features depend on, ready for JSON.

        Raises:
            BenchmarkError: no such encoder.
        """

    def device(self) -> str:
        """Where it computes.

        Raises:
            BenchmarkError: the options want a GPU, and there is none.
        """

    def open(self) -> FeatureBlock:
        """A block that reads, not fitted.

        Raises:
            BenchmarkError: it cannot be found, loaded or used.
        """


@dataclass(frozen=True)
class NamedChoice:
    """An encoder of the registry.

    Attributes:
        modality: TEXT or IMAGE.
        name: in the registry.
    """

    modality: str
    name: str

    def identity(self) -> list[Any]:
        """The name, and what it stands for in this release."""
        block = self.open()
        with encoder_errors():
            return [self.name, *handler_of(block).identity(block)]

    def device(self) -> str:
        """The CPU, whatever the options say: there is no model to load."""
        return "cpu"

    def open(self) -> FeatureBlock:
        """A block that reads, not fitted."""
        return block_class(self.modality, self.name)()


@dataclass(frozen=True)
class PretrainedChoice:
    """A pretrained encoder of a folder or of the Hub.

    Attributes:
        modality: TEXT or IMAGE.
        source: folder, or id on the Hub.
        revision: commit, branch or tag.
        options: those that name it.
    """

    modality: str
    source: str
    revision: str | None
    options: FeatureOptions

    @property
    def block_class(self) -> type[HubBlock]:
        """The class that takes pretrained encoders of this modality."""
        return cast(type[HubBlock], block_class(self.modality, HUB))

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The options that the encoder takes."""
        return {name: getattr(self.options, name) for name in self.block_class.requested}

    def identity(self) -> Mapping[str, Any]:
        """What says that features are this encoder's; a model that is not found is an error."""
        with encoder_errors():
            files = find_folder(self.source, self.revision).describe()
        # A family is told by the model's name, so a folder's name counts as well.
        definition = {"name": Path(files["id"]).name, "revision": files["revision"], "sha256": files["sha256"]}
        return {**definition, **self.arguments, "version": self.block_class.version}

    def device(self) -> str:
        """Where it computes; a GPU that is not there is an error."""
        return device_of(self.options)

    def open(self) -> HubBlock:
        """A block with its encoder loaded; one that cannot be found, loaded or used is an error."""
        device = self.device()
        with encoder_errors():
            return self.block_class.opened(self.source, self.revision, device, **self.arguments)


def choices_of(options: FeatureOptions) -> dict[str, EncoderChoice]:
    """Modality -> encoder, of those that the fusion takes in; errors as for `choice_of`."""
    left_out = {TEXT_ONLY: IMAGE, IMAGE_ONLY: TEXT}.get(options.fusion)
    return {modality: choice_of(modality, options) for modality in MODALITIES if modality != left_out}


def check_encoders(options: FeatureOptions) -> None:
    """Stop where an encoder that options name is not there, before anything is encoded.

    Raises:
        UnknownNameError: as for `choice_of`.
        BenchmarkError: a model that is not found, or a GPU that is not there.
    """
    for choice in choices_of(options).values():
        choice.device()
        choice.identity()


def choice_of(modality: str, options: FeatureOptions) -> EncoderChoice:
    """The encoder that options name for a modality.

    Raises:
        UnknownNameError: neither a name of the registry, nor a folder, nor of the form owner/name.
    """
    name = getattr(options, modality)
    if is_encoder(modality, name):
        return NamedChoice(modality, name)
    if name and Path(name).expanduser().is_dir():
        return PretrainedChoice(modality, name, None, options)
    if "/" not in name:
        raise unknown_name(f"{modality} encoder", name, (*encoder_names(modality), "FOLDER", "OWNER/NAME"))
    source, _, revision = name.partition("@")
    return PretrainedChoice(modality, source, revision or None, options)


def device_of(options: FeatureOptions) -> str:
    """Where pretrained encoders compute.

    Raises:
        BenchmarkError: the options want a GPU, and there is none.
    """
    if options.device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        raise BenchmarkError(f"expected a GPU for the device {options.device}, found none. Leave it out, or give cpu.")
    return options.device


def uses_gpu(options: FeatureOptions) -> bool:
    """Whether one of the encoders computes on a GPU."""
    return any(choice_of(modality, options).device() != "cpu" for modality in MODALITIES)


@contextmanager
def encoder_errors() -> Iterator[None]:
    """What the routers' own code says of an encoder, as an error that commands print."""
    try:
        yield
    except EncoderError as error:
        raise BenchmarkError(str(error)) from error

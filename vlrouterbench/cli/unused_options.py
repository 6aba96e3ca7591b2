"""Options of a command that a family has no use for: refused by name, before anything is read, encoded or trained.

Decisions
- An option that changes nothing would be taken for one that does, so it is refused as one with a wrong value is.
- Given is what differs from the option's default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vlrouterbench.core.errors import RouterError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OF_FEATURES = ("text", "image", "fusion", "text_weight", "image_pooling")
OF_BACKBONES = (
    "backbone",
    "patches",
    "image_size",
    "max_images",
    "backbone_training",
    "lora_rank",
    "gradient_checkpointing",
)
OF_GRADIENTS = (
    "num_epochs",
    "batch_size",
    "learning_rate",
    "patience",
    "bf16",
    "gradient_accumulation",
    "num_workers",
    "checkpoint_every",
    "resume",
    "log_to",
)
OF_FINE_TUNING = ("num_epochs", "learning_rate", "bf16")
"""Options of a study that it hands on to end-to-end routers alone."""


def refuse_unused(request: DataclassInstance, family: str) -> None:
    """Stop where a command that trains one family was given options that the family has no use for.

    Args:
        request: the command's options.
        family: name of a family that is registered.

    Raises:
        RouterError: there are such options.
    """
    from vlrouterbench.routers.registry import FAMILIES

    kind = FAMILIES[family]
    if kind.end_to_end:
        _refuse(request, OF_FEATURES, f"{family} reads samples through its backbone and has no encoders to join")
    else:
        _refuse(request, OF_BACKBONES, f"{family} decides by features and has no backbone")
        refuse_length(request)
    if not kind.by_gradient:
        _refuse(request, OF_GRADIENTS, f"{family} is not trained by gradients, in epochs and steps")


def refuse_without_backbone(request: DataclassInstance, texts: Iterable[str]) -> None:
    """Stop where a study without any end-to-end router was given options of those.

    Args:
        request: its options.
        texts: encoders that single routers bring beside `--text`.

    Raises:
        RouterError: there are such options.
    """
    _refuse(request, (*OF_BACKBONES, *OF_FINE_TUNING), "none of the routers is an end-to-end one")
    refuse_length(request, texts)


def refuse_length(request: DataclassInstance, texts: Iterable[str] = ()) -> None:
    """Stop where a longest text was given to text encoders that read the whole of it.

    Args:
        request: the command's options.
        texts: encoders beside `--text`.

    Raises:
        RouterError: there is no text encoder that has one.
    """
    from vlrouterbench.routers.encoder_registration import is_encoder
    from vlrouterbench.routers.encoders.block import TEXT

    own = getattr(request, "text")  # noqa: B009 - a field of every request for features
    if all(is_encoder(TEXT, text) for text in (own, *texts)):
        _refuse(request, ("max_length",), f"the text encoder {own} reads the whole text")


def _refuse(request: DataclassInstance, names: Iterable[str], why: str) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(request)}
    given = [name for name in names if name in defaults and getattr(request, name) != defaults[name]]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise RouterError(f"{options}: {why}. Leave the option{'s' * (len(given) > 1)} out.")

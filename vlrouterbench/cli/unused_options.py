"""Options of a command that a family has no use for: said on stderr, before anything is read, encoded or trained.

Decisions
- An option that changes nothing would be taken for one that does, so it is said by name. It is not refused: a script
  that trains one family after another gives all of them the same options.
- Given is what differs from the option's default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING

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


def say_unused(request: DataclassInstance, family: str) -> None:
    """Say where a command that trains one family was given options that the family has no use for.

    Args:
        request: the command's options.
        family: name of a family that is registered.
    """
    from vlrouterbench.routers.registry import FAMILIES

    kind = FAMILIES[family]
    if kind.end_to_end:
        _say(request, OF_FEATURES, f"{family} reads samples through its backbone and has no encoders to join")
    else:
        _say(request, OF_BACKBONES, f"{family} decides by features and has no backbone")
        say_length(request)
    if not kind.by_gradient:
        _say(request, OF_GRADIENTS, f"{family} is not trained by gradients, in epochs and steps")


def say_without_backbone(request: DataclassInstance, texts: Iterable[str]) -> None:
    """Say where a study without any end-to-end router was given options of those.

    Args:
        request: its options.
        texts: encoders that single routers bring beside `--text`.
    """
    _say(request, (*OF_BACKBONES, *OF_FINE_TUNING), "none of the routers is an end-to-end one")
    say_length(request, texts)


def say_length(request: DataclassInstance, texts: Iterable[str] = ()) -> None:
    """Say where a longest text was given to text encoders that read the whole of it.

    Args:
        request: the command's options.
        texts: encoders beside `--text`.
    """
    from vlrouterbench.routers.encoder_registration import is_encoder
    from vlrouterbench.routers.encoders.block import TEXT

    own = getattr(request, "text")  # noqa: B009 - a field of every request for features
    if all(is_encoder(TEXT, text) for text in (own, *texts)):
        _say(request, ("max_length",), f"the text encoder {own} reads the whole text")


def _say(request: DataclassInstance, names: Iterable[str], why: str) -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(request)}
    given = [name for name in names if name in defaults and getattr(request, name) != defaults[name]]
    if given:
        from vlrouterbench.cli import console

        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        console.warn(f"not used: {options} ({why}).")

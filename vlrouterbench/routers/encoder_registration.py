"""Encoders from outside this package, by name.

Decisions
- A block states its modality and its name, so it is registered without one.
- The registry names blocks by address, so a block must be importable: from a module, not from a notebook's cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlrouterbench.core.errors import RouterError
from vlrouterbench.core.plugins import ENCODERS as GROUP
from vlrouterbench.core.plugins import load_offered, offered
from vlrouterbench.routers.encoders.block import BLOCKS, MODALITIES, FeatureBlock, encoder_names

BUILT_IN = frozenset((modality, name) for modality, kinds in BLOCKS.items() for name in kinds)
"""Modality and name of the package's own blocks."""
_NEEDED = ("identity", "read", "project")


def register_encoder(block: type[FeatureBlock]) -> None:
    """Make an encoder known by its own name, for `--text` or `--image` as its modality says.

    Args:
        block: a subclass of `FeatureBlock` with `modality`, `name`, `identity`, `read` and `project`.

    Raises:
        RouterError: not such a class, or its name is taken.
    """
    if not isinstance(block, type) or not issubclass(block, FeatureBlock):
        raise RouterError(f"expected a subclass of FeatureBlock to register as an encoder, found {block!r}.")
    modality, name = getattr(block, "modality", None), getattr(block, "name", None)
    lacking = [each for each in _NEEDED if getattr(block, each) is getattr(FeatureBlock, each)]
    if modality not in MODALITIES or not isinstance(name, str) or not name or "/" in name or lacking:
        raise RouterError(
            f"expected the encoder {block.__name__} to define modality ({' or '.join(MODALITIES)}), a name without a "
            f"slash, {', '.join(_NEEDED)}; found modality {modality!r}, name {name!r}, none of {lacking or '[]'}."
        )
    address = f"{block.__module__}:{block.__qualname__}"
    if BLOCKS[modality].get(name, address) != address:
        raise RouterError(
            f'the {modality} encoder\'s name "{name}" is taken by {BLOCKS[modality][name]}. Give {block.__name__} '
            "another name."
        )
    BLOCKS[modality][name] = address


def is_encoder(modality: str, name: str) -> bool:
    """Whether a name is a registered encoder's; one that an installed package offers is imported first."""
    if name not in BLOCKS[modality] and (point := offered(GROUP).get(name)) is not None:
        register_encoder(load_offered(point))
    return name in encoder_names(modality)


def find_encoders(encoder: Mapping[str, Any]) -> None:
    """Import what installed packages offer of the encoders that a router's configuration names."""
    for modality in MODALITIES:
        if isinstance(name := encoder.get(modality), str):
            is_encoder(modality, name)

"""Pretrained encoders as blocks of a router: named by the router, loaded when they are first needed.

Decisions
- A router carries what was fitted on its encoder's vectors, not the encoder: weights of others stay where they are
  published. Its configuration names them (id and commit, or digest of a local folder) with everything the vectors
  depend on, and an encoder that describes itself otherwise is refused.
- A picture's vector has a flag beside it. Without a picture the vector part is zero after standardising, and the flag
  says so.
- Where an encoder lies on this machine can be told (`use`): the digest says whether it is the same.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.hub.image import HubImageEncoder
from vlrouterbench.routers.encoders.hub.model import HubEncoder
from vlrouterbench.routers.encoders.hub.text import HubTextEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput

_PLACE = ("id", "dtype")
"""What may differ between an encoder as described and as loaded: where it lies, and the type it computes in."""


class HubBlock(FeatureBlock):
    """A modality by a pretrained encoder.

    Args:
        description: the encoder's `describe()` with its vector length as "dim".
        num_flags: features beside the vector.
    """

    kind = ""
    options: ClassVar[tuple[str, ...]] = ()
    """Fields of the description that the encoder takes as arguments."""

    def __init__(self, description: dict[str, Any], num_flags: int = 0) -> None:
        for field in ("id", "revision", "sha256", "dim"):
            if field not in description:
                raise ValueError(f'expected "{field}" in the description of the {self.kind} encoder, found none.')
        super().__init__(description["dim"] + num_flags)
        self.description = dict(description)
        self._source: str | Path = description["id"]
        self._encoder: HubEncoder | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> HubBlock:
        """By the description that stands under the block's modality."""
        return cls(config[cls.kind])

    def use(self, source: str | Path) -> None:
        """Say where the encoder lies here: another folder, or an id, of the same model."""
        self._source, self._encoder = source, None

    def take(self, encoder: HubEncoder) -> None:
        """Take an encoder that is loaded already.

        Raises:
            HubEncoderError: it is another one.
        """
        self._check(encoder)
        self._encoder = encoder

    def without_encoder(self) -> HubBlock:
        """The same block with nothing loaded, to be sent to another process."""
        bare = copy.copy(self)
        bare._encoder = None
        return bare

    @property
    def encoder(self) -> HubEncoder:
        """The pretrained encoder, loaded at first use where the block's buffers lie.

        Raises:
            HubEncoderError: it is not found, or another one is.
        """
        if self._encoder is None:
            options = {name: self.description[name] for name in self.options}
            loaded = self.open(self._source, self.description["revision"], self.mean.device, **options)
            self.take(loaded)
        return self._encoder

    def open(self, *arguments: Any, **options: Any) -> HubEncoder:
        """Load the encoder."""
        raise TypeError(f"{type(self).__name__} is a base: take HubText or HubImage.")

    def describe(self) -> str:
        """The encoder's id, or the last component of its folder."""
        return Path(self.description["id"]).name if self.description["sha256"] else self.description["id"]

    def _check(self, encoder: HubEncoder) -> None:
        found = encoder.describe() | {"dim": encoder.dim}
        different = [
            f"{name} {found.get(name)!r} instead of {value!r}"
            for name, value in self.description.items()
            if name not in _PLACE and found.get(name) != value
        ]
        if different:
            raise HubEncoderError(
                f"the {self.kind} encoder at {found['id']} is not the one this router was trained with: "
                f"{'; '.join(different)}. Give the same model, or train the router again."
            )


class HubText(HubBlock):
    """Text by a pretrained encoder."""

    kind = "text"
    options = ("max_length", "family")

    def open(self, *arguments: Any, **options: Any) -> HubEncoder:
        """Load the text encoder."""
        return HubTextEncoder(*arguments, **options)

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """Vectors of the texts, each (dim,) float32."""
        return list(self.encoder.encode(inputs).cpu().numpy())

    def project(self, raw: np.ndarray) -> np.ndarray:
        """The vector as it is."""
        return raw


class HubImage(HubBlock):
    """A picture by a pretrained encoder, with a flag that it is there.

    Args:
        description: as for HubBlock.
    """

    kind = "image"

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description, num_flags=1)

    def open(self, *arguments: Any, **options: Any) -> HubEncoder:
        """Load the image encoder."""
        return HubImageEncoder(*arguments, **options)

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """Flag, then the picture's vector, each (dim,) float32; all zeros without a picture."""
        vectors = self.encoder.encode(inputs).cpu().numpy()
        flags = np.array([[sample.image is not None] for sample in inputs], dtype=np.float32)
        return list(np.concatenate([flags, vectors], axis=1))

    def project(self, raw: np.ndarray) -> np.ndarray:
        """The vector as it is; train's mean where there is no picture, so that it is zero when standardised."""
        return raw if raw[0] else np.concatenate([raw[:1], self.state("mean")[1:]])

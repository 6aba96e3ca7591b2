"""Pretrained encoders as blocks of a router: named by the router, loaded when they are first needed.

Decisions
- A router carries what was fitted on its encoder's vectors, not the encoder: weights of others stay where they are
  published. Its configuration names them (id and commit, or digest of a local folder) with everything the vectors
  depend on, and an encoder that describes itself otherwise is refused.
- An image's vector has a flag beside it. Without an image the vector part is zero after standardising, and the flag
  says so.
- Routing fetches nothing unasked: an encoder that is not on this machine is fetched only for a router that is as it was
  saved, of the commit that it was trained with, and where the caller allows it.
- Where an encoder lies on this machine can be given (`use`): the digest says whether it is the same.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from vlrouterbench.routers.encoders.block import HUB, IMAGE, TEXT, FeatureBlock
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError, is_here
from vlrouterbench.routers.encoders.hub.image import HUB_IMAGE_VERSION, HubImageEncoder
from vlrouterbench.routers.encoders.hub.model import HubEncoder
from vlrouterbench.routers.encoders.hub.text import HUB_TEXT_VERSION, HubTextEncoder
from vlrouterbench.routers.encoders.sample_input import RouterInput

_NOT_COMPARED = ("id", "dtype", "size_bytes")
"""What may differ between an encoder as described and as loaded: where and how it lies, and the type it computes in."""
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubBlock(FeatureBlock):
    """A modality by a pretrained encoder.

    Args:
        description: the encoder's `describe()` with its vector length as "dim".
        num_flags: features beside the vector.
    """

    name = HUB
    smallest_scale = 1e-3
    """Vectors have unit length, and agree between a batch and one row to 1e-5 only."""
    encoder_class: ClassVar[type[HubEncoder]]
    version: ClassVar[int]
    """Of the encoder class: raised whenever the same input would have another vector."""
    requested: ClassVar[tuple[str, ...]] = ()
    """Options of features that the encoder takes as arguments."""
    options: ClassVar[tuple[str, ...]] = ()
    """Fields of the description that the encoder takes as arguments."""

    def __init__(self, description: Mapping[str, Any], num_flags: int = 0) -> None:
        kinds = {"id": str, "revision": str | None, "sha256": str | None, "dim": int}
        for field in (*kinds, *self.options):
            if field not in description:
                raise ValueError(f'expected "{field}" in the description of the {self.modality} encoder, found none.')
            if not isinstance(description[field], kinds.get(field, object)):
                raise ValueError(f'the {self.modality} encoder\'s "{field}" is a {type(description[field]).__name__}.')
        super().__init__(description["dim"] + num_flags)
        self.description = dict(description)
        self._source: str | Path = description["id"]
        self._encoder: HubEncoder | None = None
        self._by_caller = self._is_bound = False

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> HubBlock:
        """By the description under the block's modality."""
        return cls(config[cls.modality])

    @classmethod
    def opened(cls, source: str | Path, revision: str | None, device: str, **options: Any) -> HubBlock:
        """A block with its encoder loaded.

        Args:
            source: a folder, or an id on the Hub.
            revision: commit, branch or tag on the Hub.
            device: where to compute.
            options: those in `requested`.

        Raises:
            HubEncoderError: it cannot be found, loaded or used.
        """
        encoder = cls.encoder_class(source, revision, device, **options)
        block = cls({**encoder.describe(), "dim": encoder.dim, "size_bytes": encoder.size_bytes})
        block.take(encoder)
        return block.to(device)

    def config(self, rows: Sequence[Any]) -> Mapping[str, Any]:
        """The description under the block's modality."""
        return {self.modality: self.description}

    @property
    def identity(self) -> Mapping[str, Any]:
        """The description, less where and how the encoder lies."""
        return {name: value for name, value in self.description.items() if name not in ("id", "size_bytes")}

    def use(self, source: str | Path) -> None:
        """Say where the encoder lies here: another folder, or an id, of the same model."""
        self._source, self._encoder = source, None

    def allow_fetching(self, *, by_caller: bool, is_bound: bool) -> None:
        """As the base's."""
        self._by_caller, self._is_bound = by_caller, is_bound

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

    def take_loaded(self, block: Self) -> None:
        """Take the encoder of another block; errors as for `take`."""
        self.take(block.encoder)

    @property
    def encoder(self) -> HubEncoder:
        """The pretrained encoder, loaded at first use where the block's buffers lie.

        Raises:
            HubEncoderError: it is not there, or is another one.
        """
        if self._encoder is None:
            options = {name: self.description[name] for name in self.options}
            device = self.get_buffer("mean").device
            if self._source == self.description["id"]:
                self._check_reach()
            loaded = self.encoder_class(self._source, self.description["revision"], device, **options)
            self.take(loaded)
            return loaded
        return self._encoder

    def describe(self) -> str:
        """The encoder's id, or the last component of its folder."""
        return Path(self.description["id"]).name if self.description["sha256"] else self.description["id"]

    def _check_reach(self) -> None:
        """Raise HubEncoderError where the encoder is not on this machine and may not be fetched."""
        source, revision = self.description["id"], self.description["revision"]
        if is_here(source, revision):
            return
        size = self.description.get("size_bytes")
        which = f"the {self.modality} encoder {source}" + (f" ({size / 1e6:,.0f} MB)" if size else "")
        if revision is None or not _COMMIT.fullmatch(revision):
            raise HubEncoderError(
                f"{which} is a folder of the machine it was trained on: say where a copy lies "
                f"(--{self.modality}-encoder FOLDER)."
            )
        by_hand = f"fetch it yourself: hf download {source} --revision {revision}"
        if not self._is_bound:
            raise HubEncoderError(
                f"{which} is not on this machine, and the router was saved before routers were bound, so nothing says "
                f"that it was trained with it. If you trust that, {by_hand}."
            )
        if not self._by_caller:
            raise HubEncoderError(
                f"{which} is not on this machine, and is not fetched unasked. Allow it with --allow-encoder-download "
                f"(Python: allow_encoder_download=True when the router is loaded), or {by_hand}."
            )

    def _check(self, encoder: HubEncoder) -> None:
        loaded: Mapping[str, object] = {**encoder.describe(), "dim": encoder.dim}
        different = [
            f"{name} {loaded.get(name)!r} instead of {value!r}"
            for name, value in self.description.items()
            if name not in _NOT_COMPARED and loaded.get(name) != value
        ]
        if different:
            raise HubEncoderError(
                f"the {self.modality} encoder at {loaded['id']} is not the one this router was trained with: "
                f"{'; '.join(different)}. Give the same model, or train the router again."
            )


class HubText(HubBlock):
    """Text by a pretrained encoder."""

    modality = TEXT
    encoder_class, version = HubTextEncoder, HUB_TEXT_VERSION
    requested, options = ("max_length",), ("max_length", "family")

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """Vectors of the texts, each (dim,) float32."""
        return list(self.encoder.encode(inputs).cpu().numpy())

    def project(self, raw: np.ndarray) -> np.ndarray:
        """The vector as it is."""
        return raw

    def input_length(self, sample: RouterInput) -> int:
        """In tokens: little is padded where texts of about one length are read together."""
        return self.encoder.input_length(sample)


class HubImage(HubBlock):
    """An image by a pretrained encoder, with a flag that it is there.

    Args:
        description: as for HubBlock.
    """

    modality = IMAGE
    encoder_class, version = HubImageEncoder, HUB_IMAGE_VERSION

    def __init__(self, description: Mapping[str, Any]) -> None:
        super().__init__(description, num_flags=1)

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """Flag, then the image's vector, each (dim,) float32; all zeros without an image."""
        vectors = self.encoder.encode(inputs).cpu().numpy()
        flags = np.array([[sample.image is not None] for sample in inputs], dtype=np.float32)
        return list(np.concatenate([flags, vectors], axis=1))

    def project(self, raw: np.ndarray) -> np.ndarray:
        """The vector as it is; train's mean where there is no image, so that it is zero when standardised."""
        return raw if raw[0] else np.concatenate([raw[:1], self.state("mean")[1:]])

    def moments(self, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the flag over all samples, of vectors over those with an image: absent ones say nothing about them."""
        mean, scale = super().moments(projected)
        if projected[:, 0].any():
            vectors = projected[projected[:, 0] > 0][:, 1:]
            mean[1:], scale[1:] = vectors.mean(axis=0), vectors.std(axis=0)
        return mean, scale

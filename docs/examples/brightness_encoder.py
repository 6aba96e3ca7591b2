"""An encoder of one's own: how bright an image is, as one number.

vlrouterbench train my_benchmark --plugin docs/examples/brightness_encoder.py --router knn --image brightness
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vlrouterbench import register_encoder
from vlrouterbench.routers.encoders.block import IMAGE, FeatureBlock
from vlrouterbench.routers.encoders.sample_input import RouterInput


class BrightnessEncoder(FeatureBlock):
    """A flag for an image that is there, and its mean brightness."""

    modality, name = IMAGE, "brightness"

    def __init__(self) -> None:
        super().__init__(dim=2)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What stored vectors depend on: raise the version when `read` changes."""
        return {"version": 1}

    def read(self, inputs: Sequence[RouterInput]) -> list[np.ndarray]:
        """One float32 vector a sample, zeros where there is no image."""
        return [self._read(sample) for sample in inputs]

    def project(self, raw: np.ndarray) -> np.ndarray:
        """The vector before it is standardised as on train."""
        return raw

    def _read(self, sample: RouterInput) -> np.ndarray:
        if sample.image is None:
            return np.zeros(2, dtype=np.float32)
        return np.array([1, np.asarray(sample.image.convert("L")).mean() / 255], dtype=np.float32)


register_encoder(BrightnessEncoder)

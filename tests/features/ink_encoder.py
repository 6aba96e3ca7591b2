"""An encoder as another package would write it: one class in a file, named by one line of the registry."""

import numpy as np
import torch

from vlrouterbench.routers.encoders.block import IMAGE, FeatureBlock
from vlrouterbench.routers.encoders.builtin.image import as_rgb

NUM_ROWS = 6


class InkEncoder(FeatureBlock):
    """How dark an image is in each of a few stretches from top to bottom, against what is usual in training."""

    modality, name = IMAGE, "ink"

    def __init__(self):
        super().__init__(1 + NUM_ROWS)
        self.register_buffer("usual", torch.zeros(NUM_ROWS))

    @property
    def identity(self):
        """Another number of stretches would be other vectors."""
        return {"version": 1, "rows": NUM_ROWS}

    def read(self, inputs):
        """A flag, then the darkness of each stretch, (1 + NUM_ROWS,) float32; zeros without an image."""
        return [self._darkness(sample.image) for sample in inputs]

    def fit(self, rows):
        """The median of each stretch, then mean and scale."""
        images = [row[1:] for row in rows if self.present(row)]
        if images:
            self.set_state("usual", np.median(images, axis=0))
        super().fit(rows)

    def project(self, raw):
        """The flag, then what is darker than usual."""
        return np.concatenate([raw[:1], raw[1:] - self.state("usual")]) if self.present(raw) else raw

    def _darkness(self, image):
        if image is None:
            return np.zeros(1 + NUM_ROWS, dtype=np.float32)
        gray = np.asarray(as_rgb(image).convert("L").resize((1, NUM_ROWS)), dtype=np.float32)
        return np.concatenate([[1], 1 - gray[:, 0] / 255]).astype(np.float32)

"""What features to make: encoders, fusion, and how the work is spread; checked when they are made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from vlrouterbench.core.errors import BenchmarkError, quoted, unknown_name
from vlrouterbench.core.parts.work import Engine
from vlrouterbench.routers.encoders.block import (
    CONCAT,
    FUSIONS,
    IMAGE,
    IMAGE_ONLY,
    POOLED,
    TEXT,
    TEXT_ONLY,
    TEXT_WEIGHT,
    WEIGHTED_AVERAGE,
)
from vlrouterbench.routers.encoders.builtin.text import BUILTIN

FIRST = "first"
"""Of several images of a sample the first is taken alone, and what was made so says how many that were."""
IMAGE_POOLINGS = (FIRST, POOLED)
BOTH = "both"
READ = (TEXT, IMAGE, BOTH)
"""What can be read of samples, by features and by backbones alike."""
Progress = Callable[[int, int], None]
"""Called with (done, total) while inputs are encoded."""
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class FeatureOptions:
    """Which features.

    Attributes:
        text, image: "builtin", a folder, or `owner/name` on the Hub (`owner/name@revision` for one commit or tag).
        fusion: one of FUSIONS.
        text_weight: of the fusion "weighted-average", in [0, 1].
        max_length: longest text in tokens for a pretrained text encoder; None for its own.
        image_pooling: one of IMAGE_POOLINGS; None: POOLED where the benchmark has samples with several images, else
            FIRST, which is the same there in half the length.
        device: where pretrained encoders compute; None for the GPU where there is one, else the CPU.
    """

    text: str = BUILTIN
    image: str = BUILTIN
    fusion: str = CONCAT
    text_weight: float = TEXT_WEIGHT
    max_length: int | None = None
    image_pooling: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if self.fusion not in FUSIONS:
            raise unknown_name("fusion", self.fusion, FUSIONS)
        if self.image_pooling not in (None, *IMAGE_POOLINGS):
            raise unknown_name("image pooling", self.image_pooling, IMAGE_POOLINGS)
        if not 0 <= self.text_weight <= 1:
            raise BenchmarkError(f"expected a text weight in [0, 1], found {self.text_weight}.")
        if self.text_weight != TEXT_WEIGHT and self.fusion != WEIGHTED_AVERAGE:
            raise BenchmarkError(
                f"expected a text weight ({self.text_weight}) with the fusion {WEIGHTED_AVERAGE}, found {self.fusion}. "
                "Give that fusion, or leave the weight out."
            )
        if self.max_length is not None and self.max_length < 1:
            raise BenchmarkError(f"expected max_length >= 1, found {self.max_length}.")
        if self.device is not None and not _DEVICE.fullmatch(self.device):
            raise BenchmarkError(f"expected the device cpu, cuda or cuda:NUMBER, found {quoted(self.device)}.")


def fusion_of(modality: str | None, fusion: str) -> str:
    """The fusion that reads a modality: of one alone its own, of both the one that was asked for.

    Raises:
        UnknownNameError: no such modality.
        BenchmarkError: the fusion that was asked for reads another.
    """
    if modality is None:
        return fusion
    if modality not in READ:
        raise unknown_name("modality", modality, READ)
    alone = {TEXT: TEXT_ONLY, IMAGE: IMAGE_ONLY}
    own = alone.get(modality, fusion)
    if (modality == BOTH and fusion in alone.values()) or (modality != BOTH and fusion not in (CONCAT, own)):
        raise BenchmarkError(f"expected --modality {modality} or --fusion {fusion}, found both. Leave one out.")
    return own


@dataclass(frozen=True)
class EncodingWork:
    """How the work of encoding is spread. It has no part in what comes out: the same bytes for any of these.

    Attributes:
        num_proc: processes on this machine; each computes on one thread.
        engine: what encodes in the place of these, on this machine or on a cluster; None for num_proc of them.
        parts: in how many parts it is given each encoder's shards; None for one of each.
        rank, world_size: this process among those that were launched together; each encodes its share of the shards.
        wait: called when a share is done, returns when all shares are.
        progress: called while encoding.
    """

    num_proc: int = 1
    rank: int = 0
    world_size: int = 1
    wait: Callable[[], None] | None = None
    progress: Progress | None = None
    engine: Engine | None = None
    parts: int | None = None

    def __post_init__(self) -> None:
        if self.num_proc < 1:
            raise BenchmarkError(f"expected at least 1 process, found {self.num_proc}.")
        if self.engine is not None and self.world_size > 1:
            raise BenchmarkError(
                f"expected --engine or several launched processes, found both ({self.world_size}). Leave one out."
            )

"""Features of a whole benchmark: encoded once, stored beside it, and read back while they still belong to it.

Decisions
- The store's name carries the digest of the benchmark's tables and of the encoder's definition, so nothing stale is
  used.
- It lies beside the benchmark folder, not in it: the folder is what gets uploaded.
- The fitted encoder is stored with its features, since a router must carry exactly the one its features came from.
- A sample without a usable image gets the mask feature, and is counted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vlrouterbench.data.table import RoutingTable
from vlrouterbench.encoders.builtin import FIT_VERSION, IMAGE_DIM, TEXT_DIM, RawFeatures, fit_builtin_encoder
from vlrouterbench.errors import BenchmarkError, unknown_name
from vlrouterbench.files import staged_file
from vlrouterbench.routers.encoding_image import image_statistics
from vlrouterbench.routers.encoding_input import RouterInput, read_image
from vlrouterbench.routers.encoding_router import BUILTIN, BUILTIN_VERSION, FeatureEncoder, raw_text

TEXT_ENCODERS = (BUILTIN,)
IMAGE_ENCODERS = (BUILTIN,)
Progress = Callable[[int, int], None]
"""Called with (done, total) while samples are encoded."""


@dataclass(frozen=True)
class FeatureSet:
    """Features of all samples of a benchmark.

    Attributes:
        values: (num_samples, dim) float32, in the folder's row order.
        encoder: the fitted encoder they came from.
        masked_images: samples that were encoded without an image.
        path: the store.
    """

    values: torch.Tensor
    encoder: FeatureEncoder
    masked_images: int
    path: Path

    def of(self, table: RoutingTable) -> torch.Tensor:
        """Features of a table's rows, (num_samples, dim)."""
        return self.values[torch.from_numpy(table.rows)]

    def describe(self) -> dict[str, str | int]:
        """What the features are, for results and cards."""
        config = self.encoder.config
        return {
            "text": config["text"],
            "image": config["image"],
            "version": config["version"],
            "dim": int(self.values.shape[1]),
            "masked_images": self.masked_images,
        }


def encode_benchmark(
    table: RoutingTable, *, text: str = BUILTIN, image: str = BUILTIN, progress: Progress | None = None
) -> FeatureSet:
    """Features of a benchmark, read from the store or encoded and stored.

    Args:
        table: the whole benchmark, all splits.
        text, image: encoder names.
        progress: called while encoding.

    Raises:
        UnknownNameError: no encoder of that name.
        BenchmarkError: the train split is empty, or the table is a part of its benchmark.
    """
    if len(table) != table.report["samples"]:
        raise BenchmarkError(
            f"expected all {table.report['samples']} samples of {table.folder}, found {len(table)}: encode the whole "
            "benchmark, then take `features.of(part)`."
        )
    for kind, name, known in (("text encoder", text, TEXT_ENCODERS), ("image encoder", image, IMAGE_ENCODERS)):
        if name not in known:
            raise unknown_name(kind, name, known)
    path = feature_path(table)
    stored = _read(path)
    if stored is not None and len(stored.values) == len(table):
        return stored
    raw = _raw_features(table, progress)
    train = table.split("train").rows
    encoder = fit_builtin_encoder(RawFeatures([raw.texts[row] for row in train], raw.statistics[train]))
    rows = [encoder.project(t, s) for t, s in zip(raw.texts, raw.statistics, strict=True)]
    masked = int((raw.statistics[:, 0] == 0).sum())
    features = FeatureSet(torch.from_numpy(np.stack(rows)), encoder, masked, path)
    _write(features)
    return features


def feature_path(table: RoutingTable) -> Path:
    """Where the features of a benchmark are stored."""
    definition = {
        "text": BUILTIN,
        "image": BUILTIN,
        "version": BUILTIN_VERSION,
        "fit": FIT_VERSION,
        "dims": [TEXT_DIM, IMAGE_DIM],
    }
    key = hashlib.sha256(json.dumps([table.sha256, definition], sort_keys=True).encode()).hexdigest()
    folder = table.folder.resolve()
    return folder.with_name(f"{folder.name}.features") / f"{BUILTIN}-{key[:16]}.safetensors"


def router_inputs(table: RoutingTable) -> Iterator[RouterInput]:
    """The samples of a table as a router sees them, in order."""
    columns = [table.column(name) for name in ("question", "options", "hint")]
    for question, options, hint, image in zip(*columns, table.iter_images(), strict=True):
        yield RouterInput(question, tuple(options or ()), hint or "", read_image(image))


def _raw_features(table: RoutingTable, progress: Progress | None) -> RawFeatures:
    texts, statistics = [], []
    for done, sample in enumerate(router_inputs(table), start=1):
        texts.append(raw_text(sample))
        statistics.append(image_statistics(sample.image))
        if progress is not None:
            progress(done, len(table))
    return RawFeatures(texts, np.stack(statistics))


def _write(features: FeatureSet) -> None:
    tensors = {f"encoder.{name}": buffer.contiguous() for name, buffer in features.encoder.named_buffers()}
    metadata = {"config": json.dumps(features.encoder.config), "masked_images": str(features.masked_images)}
    with staged_file(features.path) as staging:
        save_file(tensors | {"features": features.values.contiguous()}, staging, metadata=metadata)


def _read(path: Path) -> FeatureSet | None:
    """A stored feature set, None where there is none or it is damaged (it is then encoded again)."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            encoder = FeatureEncoder(json.loads(metadata["config"]))
            encoder.load_state_dict({name: file.get_tensor(f"encoder.{name}") for name, _ in encoder.named_buffers()})
            return FeatureSet(file.get_tensor("features"), encoder, int(metadata["masked_images"]), path)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError):
        return None

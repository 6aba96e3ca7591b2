"""Features of a whole benchmark: encoded once, stored beside it, and read back while they still belong to it.

Decisions
- Two stores, in `<benchmark>.features` beside the folder (the folder is what gets uploaded). What encoders read of
  inputs lies by content (`store.py`): nothing is encoded twice. The features made of it lie by the digest of the
  benchmark's tables and of all that was asked for: read in one go, and never stale.
- The fitted encoder is stored with its features, since a router must carry exactly the one its features came from.
- A sample without a usable image gets the mask feature, and is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable
from vlrouterbench.features.builtin import FIT_VERSION, IMAGE_DIM, OCR_DIM, TEXT_DIM
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.image_texts import picture_texts, text_store
from vlrouterbench.features.inputs import text_inputs
from vlrouterbench.features.options import EncodingWork, FeatureOptions
from vlrouterbench.features.packed import PackedRows, pack_benchmark
from vlrouterbench.features.pretrained import PretrainedChoice, choice_of, device_of, hub_errors
from vlrouterbench.features.reading import Reading
from vlrouterbench.features.store import VectorStore, content_key, feature_folder
from vlrouterbench.routers.backbones.input import SampleEncoder
from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.builtin.blocks import BUILTIN_VERSION, BuiltinImage, BuiltinText
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures
from vlrouterbench.routers.encoders.fusion import IMAGE_ONLY, TEXT_ONLY
from vlrouterbench.routers.encoders.hub.blocks import HubBlock
from vlrouterbench.routers.encoders.ocr.blocks import BUILTIN_OCR, OcrImage, ReadPicture


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

    def describe(self) -> dict[str, Any]:
        """What the features are, for results and cards."""
        return {**self.encoder.describe(), "masked_images": self.masked_images}


def encode_benchmark(
    table: RoutingTable, options: FeatureOptions | None = None, work: EncodingWork | None = None
) -> FeatureSet:
    """Features of a benchmark, read from the store or encoded and stored.

    Args:
        table: the whole benchmark, all splits.
        options: encoders and fusion; the built-in ones side by side where not given.
        work: how the work is spread, and who is told of its progress.

    Raises:
        UnknownNameError: no encoder of that name.
        BenchmarkError: the train split is empty, the table is a part of its benchmark, or an encoder cannot be loaded.
    """
    options, work = options or FeatureOptions(), work or EncodingWork()
    if len(table) != table.report["samples"]:
        raise BenchmarkError(
            f"expected all {table.report['samples']} samples of {table.folder}, found {len(table)}: encode the whole "
            "benchmark, then take `features.of(part)`."
        )
    if any(_choices(options).values()):
        device_of(options)
    path = feature_path(table, options)
    stored = _read(path)
    if stored is not None and len(stored.values) == len(table):
        return stored
    choices = _choices(options)
    blocks = {kind: _block(kind, choice, options) for kind, choice in choices.items()}
    raw = _read_blocks(table, blocks, work)
    train = raw.take(table.split("train").rows)
    described = {kind: getattr(blocks.get(kind), "description", None) for kind in ("text", "image")}
    encoder = fit_encoder(train, options, described)
    masked = sum(not row[0] for row in raw.image or ())
    features = FeatureSet(torch.from_numpy(encoder.features_of(raw)), encoder, masked, path)
    if work.rank == 0:
        _write(features)
    _take_loaded(encoder, blocks)
    return features


def features_by(
    encoder: FeatureEncoder | SampleEncoder, table: RoutingTable, work: EncodingWork | None = None
) -> torch.Tensor | PackedRows:
    """Features of a table by an encoder that is fitted already, (num_samples, dim) float32; an end-to-end router's
    rows of bytes.

    Args:
        encoder: a router's own.
        table: a benchmark, or a part of it.
        work: as for `encode_benchmark`.

    Raises:
        BenchmarkError: its pretrained encoder cannot be loaded.
    """
    if isinstance(encoder, SampleEncoder):
        return pack_benchmark(table, encoder, work).of(table)
    blocks = {kind: getattr(encoder, kind) for kind in ("text", "image") if getattr(encoder, kind) is not None}
    with hub_errors():
        return torch.from_numpy(encoder.features_of(_read_blocks(table, blocks, work or EncodingWork())))


def feature_path(table: RoutingTable, options: FeatureOptions | None = None) -> Path:
    """Where the features of a benchmark are stored."""
    options = options or FeatureOptions()
    definition = {
        kind: _builtin_identity(kind, options) if choice is None else choice.identity()
        for kind, choice in _choices(options).items()
    }
    definition |= {"fusion": options.fusion, "text_weight": options.text_weight}
    return feature_folder(table) / f"features-{content_key([table.sha256, definition])}.safetensors"


def _builtin_identity(kind: str, options: FeatureOptions) -> list[Any]:
    name = getattr(options, kind)
    reader = [text_store(Path()).name] if name == BUILTIN_OCR else []
    return [name, BUILTIN_VERSION, FIT_VERSION, TEXT_DIM, IMAGE_DIM, OCR_DIM, *reader]


def _choices(options: FeatureOptions) -> dict[str, PretrainedChoice | None]:
    left_out = {TEXT_ONLY: "image", IMAGE_ONLY: "text"}.get(options.fusion)
    return {kind: choice_of(kind, options) for kind in ("text", "image") if kind != left_out}


def _block(kind: str, choice: PretrainedChoice | None, options: FeatureOptions) -> FeatureBlock:
    if choice is not None:
        return choice.open()
    # Nothing of what it reads depends on the size of its projection.
    if kind == "text":
        return BuiltinText(1)
    return OcrImage(1, 1) if options.image == BUILTIN_OCR else BuiltinImage(1)


def _read_blocks(table: RoutingTable, blocks: dict[str, FeatureBlock], work: EncodingWork) -> RawFeatures:
    """What each block reads of a table; a benchmark's texts are hashed anew, which is as fast as reading them."""
    raw: dict[str, Sequence[Any] | None] = {"text": None, "image": None}
    for kind, block in blocks.items():
        if isinstance(block, BuiltinText):
            raw[kind] = block.read(list(text_inputs(table)))
        elif isinstance(block, OcrImage):
            statistics = _read_blocks(table, {kind: BuiltinImage(1)}, work).image
            found = picture_texts(table.iter_images(), text_store(feature_folder(table)))
            raw[kind] = [ReadPicture(row[0], row, text) for row, text in zip(statistics, found, strict=True)]
        else:
            raw[kind] = Reading(table, block, _store(table, kind, block)).vectors(work)
    return RawFeatures(**raw)


def _store(table: RoutingTable, kind: str, block: FeatureBlock) -> VectorStore:
    identity: dict[str, Any] = {"version": BUILTIN_VERSION}
    if isinstance(block, HubBlock):
        identity = {name: value for name, value in block.description.items() if name != "id"}
    name = re.sub(r"[^\w.-]+", "-", block.describe())
    return VectorStore(feature_folder(table) / f"{kind}-{name}-{content_key([kind, identity])}")


def _take_loaded(encoder: FeatureEncoder, blocks: dict[str, FeatureBlock]) -> None:
    """Spare the encoder loading what is loaded."""
    for kind, block in blocks.items():
        if isinstance(block, HubBlock):
            getattr(encoder, kind).take(block.encoder)


def _write(features: FeatureSet) -> None:
    tensors = {f"encoder.{name}": buffer.contiguous() for name, buffer in features.encoder.named_buffers()}
    # One entry: safetensors writes several in any order, and the same features must be the same bytes.
    described = {"config": features.encoder.config, "masked_images": features.masked_images}
    metadata = {"features": json.dumps(described, sort_keys=True)}
    with staged_file(features.path) as staging:
        save_file(tensors | {"features": features.values.contiguous()}, staging, metadata=metadata)


def _read(path: Path) -> FeatureSet | None:
    """A stored feature set, None where there is none or it is damaged (it is then made again)."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads(file.metadata()["features"])
            encoder = FeatureEncoder(described["config"])
            encoder.load_state_dict({name: file.get_tensor(f"encoder.{name}") for name, _ in encoder.named_buffers()})
            return FeatureSet(file.get_tensor("features"), encoder, described["masked_images"], path)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError):
        return None

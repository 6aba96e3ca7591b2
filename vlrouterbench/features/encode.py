"""Features of a whole benchmark: encoded once, stored beside it, and read back while they still belong to it.

Decisions
- Two stores, in `<benchmark>.features` beside the folder (the folder is what gets uploaded). What encoders read of
  inputs lies by content (`store.py`): nothing is encoded twice. The features made of it lie by the digest of the
  benchmark's tables and of all options that features depend on: read in one go, and never stale.
- The fitted encoder is stored with its features, since a router must carry exactly the one its features came from.
- A sample without a usable image gets the mask feature, and is counted.
- Of a train split of more than MOST_IN_MEMORY samples an encoder is fitted on a sample of as many, which is stated:
  what was read of more is not held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, overload

import numpy as np
import pyarrow.compute as pc
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.table import RoutingTable, stretch
from vlrouterbench.features.choices import choices_of, encoder_errors
from vlrouterbench.features.fitting import fit_encoder
from vlrouterbench.features.given import encoder_digest, read_given, refused_encoders
from vlrouterbench.features.handlers import handler_of
from vlrouterbench.features.inputs import num_with_more
from vlrouterbench.features.options import FIRST, EncodingWork, FeatureOptions
from vlrouterbench.features.packed import PackedRows, pack_benchmark
from vlrouterbench.features.store import content_key, feature_folder
from vlrouterbench.routers.auto import is_kind
from vlrouterbench.routers.backbones.sample_encoder import SampleEncoder
from vlrouterbench.routers.base.learning import MOST_IN_MEMORY, FeatureDescription
from vlrouterbench.routers.encoders.block import IMAGE, POOLED, TEXT, TEXT_ONLY, FeatureBlock
from vlrouterbench.routers.encoders.feature_encoder import FeatureEncoder, RawFeatures


@dataclass(frozen=True)
class FeatureSet:
    """Features of all samples of a benchmark.

    Attributes:
        values: (num_samples, dim) float32, in the folder's row order.
        encoder: the fitted encoder they came from.
        masked_images: samples that were encoded without an image.
        path: the store.
        fewer_images: samples that have more images than were taken in.
        fitted_on: train samples that the encoder was fitted on, where these are not all; else None.
    """

    values: torch.Tensor
    encoder: FeatureEncoder
    masked_images: int
    path: Path
    fewer_images: int = 0
    fitted_on: int | None = None

    def of(self, table: RoutingTable) -> torch.Tensor:
        """Features of a table's rows, (num_samples, dim)."""
        part = stretch(table.rows)
        return self.values[torch.from_numpy(table.rows) if part is None else part]

    def describe(self) -> FeatureDescription:
        """What the features are, for results and cards."""
        counted: FeatureDescription = {**self.encoder.describe(), "masked_images": self.masked_images}
        fitted = {} if self.fitted_on is None else {"fitted_on": self.fitted_on}
        return cast("FeatureDescription", counted | cut_images(self.fewer_images) | fitted)


def encode_benchmark(
    table: RoutingTable, options: FeatureOptions | None = None, work: EncodingWork | None = None
) -> FeatureSet:
    """Features of a benchmark, read from the store or encoded and stored.

    Args:
        table: the whole benchmark, all splits.
        options: encoders and fusion; the built-in ones side by side where not given.
        work: how the work is spread, and what is called with its progress.

    Raises:
        UnknownNameError: no encoder of that name.
        BenchmarkError: the train split is empty, the table is a part of its benchmark, or an encoder cannot be loaded.
    """
    given = read_given(table.folder)
    if given is not None and options not in (None, FeatureOptions()):
        raise BenchmarkError(refused_encoders(table.folder))
    options, work = options or FeatureOptions(), work or EncodingWork()
    if len(table) != table.report["samples"]:
        raise BenchmarkError(
            f"expected all {table.report['samples']} samples of {table.folder}, found {len(table)}: encode the whole "
            "benchmark, then take `features.of(part)`."
        )
    choices = choices_of(options)
    for choice in choices.values():
        choice.device()
    path = feature_path(table, options)
    stored = _read(path, table)
    if stored is not None and len(stored.values) == len(table):
        return stored
    if given is not None:
        values = torch.from_numpy(_completed(table, *given, work))
        features = FeatureSet(values, given[1], 0, path, num_cut(table, given[1]))
        if work.rank == 0:
            _write(features)
        return features
    readers = {modality: choice.open() for modality, choice in choices.items()}
    if IMAGE in readers:
        readers[IMAGE].pools = pooling_of(table, options) == POOLED
    raw = read_blocks(table, readers, work)
    fitted_on = num_fitted_on(table)
    encoder = fit_encoder(raw.take(rows_to_fit(table, fitted_on)), options, readers)
    masked = sum(not _present(readers[IMAGE], row) for row in raw.image or ())
    values = torch.from_numpy(encoder.features_of(raw))
    features = FeatureSet(values, encoder, masked, path, num_cut(table, encoder), fitted_on)
    if work.rank == 0:
        _write(features)
    for modality, block in encoder.blocks.items():
        block.take_loaded(readers[modality])
    return features


@overload
def features_by(encoder: FeatureEncoder, table: RoutingTable, work: EncodingWork | None = None) -> torch.Tensor: ...


@overload
def features_by(encoder: SampleEncoder, table: RoutingTable, work: EncodingWork | None = None) -> PackedRows: ...


def features_by(
    encoder: FeatureEncoder | SampleEncoder, table: RoutingTable, work: EncodingWork | None = None
) -> torch.Tensor | PackedRows:
    """Features of a table by an encoder that is fitted already, (num_samples, dim) float32.

    Of an end-to-end router they are its rows of bytes.

    Args:
        encoder: a router's own.
        table: a benchmark, or a part of it.
        work: as for `encode_benchmark`.

    Raises:
        BenchmarkError: its pretrained encoder cannot be loaded.
    """
    if is_kind(encoder, SampleEncoder):
        return pack_benchmark(table, encoder, work).of(table)
    over_features, given = cast("FeatureEncoder", encoder), read_given(table.folder)
    if given is None:
        return torch.from_numpy(_encoded(over_features, table, work or EncodingWork()))
    if encoder_digest(over_features) != encoder_digest(given[1]):
        raise BenchmarkError(refused_encoders(table.folder))
    return torch.from_numpy(_completed(table, *given, work or EncodingWork()))


def feature_path(table: RoutingTable, options: FeatureOptions | None = None) -> Path:
    """Where the features of a benchmark are stored."""
    options = options or FeatureOptions()
    definition = {modality: choice.identity() for modality, choice in choices_of(options).items()}
    definition |= {"fusion": options.fusion, "text_weight": options.text_weight}
    if pooling_of(table, options) == POOLED:
        definition["image_pooling"] = POOLED
    if (fitted_on := num_fitted_on(table)) is not None:
        definition["fitted_on"] = fitted_on
    return feature_folder(table) / f"features-{content_key([table.sha256, definition])}.safetensors"


def num_fitted_on(table: RoutingTable) -> int | None:
    """How many train samples an encoder is fitted on, where these are not all; else None."""
    if table.samples.num_rows <= MOST_IN_MEMORY:
        return None
    num_train = int(np.count_nonzero(pc.equal(table.samples["split"], "train").to_numpy(zero_copy_only=False)))
    return MOST_IN_MEMORY if num_train > MOST_IN_MEMORY else None


def rows_to_fit(table: RoutingTable, fitted_on: int | None) -> np.ndarray:
    """Rows of train that an encoder is fitted on, as `num_fitted_on` says how many."""
    rows = table.split("train").rows
    return rows if fitted_on is None else np.sort(np.random.default_rng(0).choice(rows, fitted_on, replace=False))


def pooling_of(table: RoutingTable, options: FeatureOptions) -> str:
    """How several images of a sample are taken in: as asked, else all where the benchmark has such samples."""
    if options.image_pooling is not None:
        return options.image_pooling
    return POOLED if num_with_more(table) and options.fusion != TEXT_ONLY else FIRST


def _present(block: FeatureBlock, kept: Any) -> bool:
    return any(map(block.present, kept)) if block.pools else block.present(kept)


def num_cut(table: RoutingTable, encoder: FeatureEncoder | SampleEncoder) -> int:
    """Samples of a table that have more images than an encoder takes in."""
    most = getattr(encoder, "most_images", 1)
    return 0 if encoder.image is None or most is None else num_with_more(table, most)


def cut_images(count: int) -> dict[str, int]:
    """What results say of samples that have more images than were taken in; nothing where there are none."""
    return {"fewer_images": count} if count else {}


def fitted_note(described: Mapping[str, Any] | None) -> str:
    """That an encoder was fitted on a sample, in a sentence; empty where it was not."""
    count = (described or {}).get("fitted_on")
    return f"Encoders were fitted on a sample of {count:,} of the train split's samples." if count else ""


def fewer_images_note(name: str, described: Mapping[str, Any] | None) -> str:
    """The same in a sentence; empty where there are none."""
    count = (described or {}).get("fewer_images")
    if not count:
        return ""
    most = (described or {}).get("max_images", 1)
    taken = "the first image alone" if most == 1 else f"the first {most} images"
    return f"{name} reads {taken}: {count:,} samples have more, which had no part."


def _completed(
    table: RoutingTable, given: Mapping[str, np.ndarray], encoder: FeatureEncoder, work: EncodingWork
) -> np.ndarray:
    """Given features, and those of the other samples by the same encoder, (num_samples, dim) float32."""
    names = table.column("sample_id")
    others = np.array([name not in given for name in names], dtype=bool)
    values = np.zeros((len(names), encoder.dim), np.float32)
    if not others.all():
        values[~others] = [given[name] for name in names if name in given]
    if others.any():
        values[others] = _encoded(encoder, table.take(others), work)
    return values


def _encoded(encoder: FeatureEncoder, table: RoutingTable, work: EncodingWork) -> np.ndarray:
    with encoder_errors():
        return encoder.features_of(read_blocks(table, encoder.blocks, work))


def read_blocks(table: RoutingTable, blocks: Mapping[str, FeatureBlock], work: EncodingWork) -> RawFeatures:
    """What each block of an encoder, by modality, reads of a table, from the store where it has one."""
    rows = {modality: handler_of(block).read(table, block, work) for modality, block in blocks.items()}
    return RawFeatures(rows.get(TEXT), rows.get(IMAGE))


def _write(features: FeatureSet) -> None:
    tensors = {f"encoder.{name}": buffer.contiguous() for name, buffer in features.encoder.named_buffers()}
    # One entry: safetensors writes several in any order, and the same features must be the same bytes.
    description = {"config": features.encoder.config, "masked_images": features.masked_images}
    description |= {} if features.fitted_on is None else {"fitted_on": features.fitted_on}
    metadata = {"features": json.dumps(description, sort_keys=True)}
    with staged_file(features.path) as staging:
        save_file(tensors | {"features": features.values.contiguous()}, staging, metadata=metadata)


def _read(path: Path, table: RoutingTable) -> FeatureSet | None:
    """A stored feature set, None where there is none or it is damaged (it is then made again)."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads(file.metadata()["features"])
            encoder = FeatureEncoder(description["config"])
            encoder.load_state_dict({name: file.get_tensor(f"encoder.{name}") for name, _ in encoder.named_buffers()})
            features, cut = file.get_tensor("features"), num_cut(table, encoder)
            fitted_on = description.get("fitted_on")
            return FeatureSet(features, encoder, description["masked_images"], path, cut, fitted_on)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError):
        return None

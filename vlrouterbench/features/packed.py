"""Samples of a whole benchmark as rows of bytes for end-to-end routers: decoded once, stored beside it, mapped.

Decisions
- Images lie in `<benchmark>.features/pictures-SIZE-KEY.npy`, one uint8 row per sample, keyed by the digest of the
  benchmark's tables and by all that their bytes depend on; tokens likewise, keyed by the tokenizer. Both are mapped,
  not read: an epoch over more images than fit in memory works, and processes share what is cached.
- Decoding is spread over processes, each writing its own rows of the one file, which takes its name when it is whole.
- Rows that are sent to another process are sent as the names of their files.
- A batch is cut to its longest text when it is taken.
- Of texts alone no image is decoded, and nothing is stored of them.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NotRequired, cast

import numpy as np
import torch

from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.files import staged_file
from vlrouterbench.data.given_features import GIVEN_FEATURES
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.features.given import refused_encoders
from vlrouterbench.features.inputs import num_with_more, router_inputs, text_inputs
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.store import content_key, feature_folder
from vlrouterbench.routers.backbones.sample_encoder import RowDescription, SampleEncoder, shortened, uncalled
from vlrouterbench.routers.encoders.block import TEXT

PACKED_VERSION = 1
"""Raised whenever the same sample would have other bytes."""
_ROWS_PER_TASK = 256


@dataclass(frozen=True)
class PackedRows:
    """Some samples of a benchmark as rows of bytes, taken from disk when they are needed.

    Attributes:
        images: (num_all, image bytes) uint8, mapped; of width 0, and nowhere on disk, where texts alone are read.
        tokens: (num_all, max_tokens) int32, mapped.
        rows: (num_samples,) index of each row.
        encoder: what made them.
    """

    images: np.ndarray
    tokens: np.memmap
    rows: np.ndarray
    encoder: SampleEncoder

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: torch.Tensor) -> torch.Tensor:
        """Rows by index, (num_indices, width) uint8, cut to the longest text among them."""
        taken = self.rows[indices.cpu().numpy()]
        tokens = np.ascontiguousarray(self.tokens[taken]).view(np.uint8)
        return shortened(torch.from_numpy(np.concatenate([self.images[taken], tokens], axis=1)), self.encoder)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens in each sample's text, (num_samples,)."""
        return (self.tokens[self.rows] >= 0).sum(axis=1)

    def __reduce__(self) -> tuple[Any, ...]:
        """For a worker process: it maps the files again, instead of being sent what they hold."""
        images = getattr(self.images, "filename", None)
        return _mapped_again, (images, self.tokens.filename, self.rows, self.encoder.config)

    def to(self, device: Any) -> PackedRows:
        """The same rows: what is taken of them is moved, a block at a time."""
        return self


def _mapped_again(images: str | None, tokens: str, rows: np.ndarray, config: Mapping[str, Any]) -> PackedRows:
    mapped = _open(Path(tokens))
    pictures = _no_images(mapped) if images is None else _open(Path(images))
    return PackedRows(pictures, mapped, rows, SampleEncoder(config))


def _no_images(tokens: np.ndarray) -> np.ndarray:
    """Rows of no bytes, one for each text."""
    return np.zeros((len(tokens), 0), dtype=np.uint8)


def _open(path: Path) -> np.memmap:
    """The array of a file, mapped; errors as for numpy's `load`."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


class PackedDescription(RowDescription):
    """As of rows, with counts of samples: without an image, with more images, and with longer texts, than are read."""

    masked_images: int
    fewer_images: NotRequired[int]
    shortened_texts: NotRequired[int]


@dataclass(frozen=True)
class PackedSet:
    """All samples of a benchmark as rows of bytes; used where features are.

    Attributes:
        values: all rows in the folder's order.
        encoder: what made them.
        masked_images: samples without an image.
        path: of the images, or of the tokens where texts alone are read.
        fewer_images: samples that have more images than are read.
        shortened_texts: samples whose texts are longer than is read.
    """

    values: PackedRows
    encoder: SampleEncoder
    masked_images: int
    path: Path
    fewer_images: int = 0
    shortened_texts: int = 0

    def of(self, table: RoutingTable) -> PackedRows:
        """The rows of a table."""
        return packed_rows(self, table)

    def describe(self) -> PackedDescription:
        """What routers read, for results and cards."""
        described = cast(PackedDescription, {**self.encoder.describe(), "masked_images": self.masked_images})
        if self.fewer_images:
            described["fewer_images"] = self.fewer_images
        if self.shortened_texts:
            described["shortened_texts"] = self.shortened_texts
        return described


def packed_rows(packed: PackedSet, table: RoutingTable) -> PackedRows:
    """The rows of a table of the benchmark that was packed."""
    whole = packed.values
    return PackedRows(whole.images, whole.tokens, np.asarray(table.rows), whole.encoder)


def pack_benchmark(table: RoutingTable, encoder: SampleEncoder, work: EncodingWork | None = None) -> PackedSet:
    """All samples of a benchmark as rows of bytes, mapped from the store or made and stored.

    Args:
        table: the benchmark, or a part of it: the whole is stored.
        encoder: a router's own, with its tokenizer.
        work: how decoding is spread, and what is called with its progress.

    Raises:
        BenchmarkError: the benchmark brings features in the place of content.
    """
    work = work or EncodingWork()
    if (table.folder / GIVEN_FEATURES).is_file():
        raise BenchmarkError(refused_encoders(table.folder))
    if work.engine is not None:
        raise BenchmarkError(
            "expected encoders with --engine, found an end-to-end router, whose images are decoded into one file. "
            "Leave --engine out; --num-proc is how many processes decode."
        )
    store = feature_folder(table)
    path = store / f"tokens-{_token_key(table, encoder)}.npy"
    tokens, whole = _mapped(path, lambda staging: _write_tokens(staging, table, encoder)), load_table(table.folder)
    shortened_texts = _num_shortened(whole, encoder, tokens)
    if not encoder.most_images:
        rows = PackedRows(_no_images(tokens), tokens, np.arange(len(tokens)), encoder)
        return PackedSet(rows, encoder, 0, path, shortened_texts=shortened_texts)
    size = encoder.image_size
    several = [encoder.most_images] if encoder.most_images > 1 else []
    image_key = content_key([PACKED_VERSION, table.sha256, size, encoder.config["image_mean"], *several])
    path = store / f"pictures-{size}-{image_key}.npy"
    images = _mapped(path, lambda staging: _write_images(staging, table, encoder, work))
    rows = PackedRows(images, tokens, np.arange(len(images)), encoder)
    masked = int((images[:, encoder.pixel_bytes] == 0).sum())
    return PackedSet(rows, encoder, masked, path, num_with_more(whole, encoder.most_images), shortened_texts)


def _token_key(table: RoutingTable, encoder: SampleEncoder) -> str:
    config = encoder.config
    own = {name: config[name] for name in ("modality", "prefix", "lower_case") if name in config}
    if own == {"modality": TEXT}:
        own = {}  # tokens of both modalities, which may be stored already
    definition = [PACKED_VERSION, table.sha256, config["max_tokens"], tokenizer_digest(encoder)]
    return content_key([*definition, own] if own else definition)


def _num_shortened(table: RoutingTable, encoder: SampleEncoder, tokens: np.ndarray) -> int:
    """Samples whose texts are longer than is read: of those that fill their row."""
    full = (tokens[:, -1] >= 0).nonzero()[0]
    return encoder.num_shortened(list(text_inputs(table.take(full)))) if len(full) else 0


def tokenizer_digest(encoder: SampleEncoder) -> str:
    """Digest of all that a tokenizer does, whether it was called before or not."""
    return hashlib.sha256(uncalled(encoder.tokenizer).backend_tokenizer.to_str().encode()).hexdigest()


def _mapped(path: Path, write: Callable[[Path], None]) -> np.memmap:
    """The array of a file, mapped; made first where there is none that is whole."""
    try:
        return _open(path)
    except (OSError, ValueError, EOFError):
        # Nothing there, or a file cut short: what it was made from is at hand.
        with staged_file(path) as staging:
            write(staging)
    return _open(path)


def _write_images(path: Path, table: RoutingTable, encoder: SampleEncoder, work: EncodingWork) -> None:
    total = table.report["samples"]
    shape = (total, encoder.image_bytes)
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape).flush()
    tasks = [(start, min(start + _ROWS_PER_TASK, total)) for start in range(0, total, _ROWS_PER_TASK)]
    done = 0
    for count in _decoded_on(work.num_proc, tasks, (path, table.folder, encoder.config)):
        done += count
        if work.progress is not None:
            work.progress(done, total)


def _decoded_on(num_proc: int, tasks: Sequence[tuple[int, int]], settings: tuple[Any, ...]) -> Iterator[int]:
    """Decode on this process or several others; gives the size of each task as it is done."""
    if num_proc == 1 or len(tasks) == 1:
        _start_worker(*settings)
        yield from map(_decode, tasks)
        _worker.clear()
        return
    # Started anew: a process that was forked from one that runs torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(num_proc, len(tasks)), context, _start_worker, settings) as pool:
        for future in as_completed([pool.submit(_decode, task) for task in tasks]):
            yield future.result()


_worker: list[Any] = []


def _start_worker(path: Path, folder: Path, config: Mapping[str, Any]) -> None:
    _worker[:] = [np.load(path, mmap_mode="r+", allow_pickle=False), load_table(folder), SampleEncoder(config)]


def _decode(task: tuple[int, int]) -> int:
    """Write the rows of some samples; gives how many."""
    images, table, encoder = _worker
    samples = router_inputs(table.take(np.arange(*task)), every_image=encoder.most_images > 1)
    for row, sample in enumerate(samples, start=task[0]):
        images[row] = encoder.images_row(sample)
    images.flush()
    return task[1] - task[0]


def _write_tokens(path: Path, table: RoutingTable, encoder: SampleEncoder) -> None:
    samples = list(text_inputs(load_table(table.folder)))
    with path.open("wb") as handle:
        np.save(handle, encoder.token_rows(samples), allow_pickle=False)

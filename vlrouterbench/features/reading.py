"""What encoders read of a whole benchmark: shard by shard, each input once, on several processes.

Decisions
- Inputs are cut into shards in the table's order, whatever is stored already. What a shard lacks is encoded by one
  process on one thread, in batches that depend on the shard alone: any number of processes, and a run that was killed
  and resumed, give the same bytes.
- Texts of a shard are batched by length, so that little is padded.
- On a GPU a batch is the largest that fits: it starts at a whole shard and is halved when memory runs out.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vlrouterbench.core.threads import one_thread
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.features.inputs import image_digests, router_inputs, text_digests, text_inputs
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.store import SHARD_SIZE, VectorStore
from vlrouterbench.routers.encoders.block import FeatureBlock
from vlrouterbench.routers.encoders.hub.blocks import HubBlock, HubText
from vlrouterbench.routers.encoders.sample_input import RouterInput

CPU_BATCH = 16


@dataclass(frozen=True)
class Reading:
    """One block reading one benchmark.

    Attributes:
        table: the benchmark, or a part of it.
        block: what reads.
        store: where what was read lies.
    """

    table: RoutingTable
    block: FeatureBlock
    store: VectorStore

    @property
    def of_texts(self) -> bool:
        """Whether texts are read, not pictures."""
        return isinstance(self.block, HubText)

    @cached_property
    def digests(self) -> list[bytes | None]:
        """Digest of what the block sees of each sample."""
        return text_digests(self.table) if self.of_texts else image_digests(self.table)

    def vectors(self, work: EncodingWork) -> list[np.ndarray]:
        """What the block read of each sample, (dim,) float32; zeros where there is nothing to read."""
        known = self.store.load()
        shards = [lack for shard in self._shards()[work.rank :: work.world_size] if (lack := shard.without(known)).rows]
        if shards:
            self._encode(shards, work)
        if work.wait is not None:
            work.wait()
        if shards or work.world_size > 1:
            known = self.store.load()
        size = len(next(iter(known.values()))) if known else self.block.dim
        nothing = np.zeros(size, dtype=np.float32)
        return [nothing if digest is None else known[digest] for digest in self.digests]

    def _shards(self) -> list[_Shard]:
        first_rows: dict[bytes, int] = {}
        for row, digest in enumerate(self.digests):
            if digest is not None:
                first_rows.setdefault(digest, row)
        digests, rows = tuple(first_rows), tuple(first_rows.values())
        cuts = [slice(start, start + SHARD_SIZE) for start in range(0, len(rows), SHARD_SIZE)]
        return [_Shard(rows[cut], digests[cut]) for cut in cuts]

    def _encode(self, shards: Sequence[_Shard], work: EncodingWork) -> None:
        done, total = 0, sum(len(shard.rows) for shard in shards)
        for size in _encoded_on(self, shards, work.num_proc):
            done += size
            if work.progress is not None:
                work.progress(done, total)

    def encode_shard(self, shard: _Shard) -> int:
        """Encode and store one shard; gives its size."""
        part = self.table.take(np.array(shard.rows))
        inputs = list(text_inputs(part) if self.of_texts else router_inputs(part))
        rows = [np.empty(0)] * len(inputs)
        for places in self._batches(inputs):
            for place, row in zip(places, self._read([inputs[place] for place in places]), strict=True):
                rows[place] = row
        self.store.write(shard.digests, np.stack(rows))
        return len(inputs)

    def _batches(self, inputs: Sequence[RouterInput]) -> list[list[int]]:
        order = list(range(len(inputs)))
        if self.of_texts:
            lengths = [len(self.block.encoder.tokens(sample)) for sample in inputs]
            order.sort(key=lambda place: lengths[place])
        size = CPU_BATCH if self.block.mean.device.type == "cpu" else SHARD_SIZE
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _read(self, inputs: Sequence[RouterInput]) -> list[Any]:
        try:
            return list(self.block.read(inputs))
        except torch.OutOfMemoryError:
            if len(inputs) == 1:
                raise
        torch.cuda.empty_cache()
        half = len(inputs) // 2
        return self._read(inputs[:half]) + self._read(inputs[half:])


@dataclass(frozen=True)
class _Shard:
    """Rows of the table to encode, and the digests of what is encoded there."""

    rows: tuple[int, ...]
    digests: tuple[bytes, ...]

    def without(self, known: Collection[bytes]) -> _Shard:
        """The shard less what is stored already."""
        kept = [place for place, digest in enumerate(self.digests) if digest not in known]
        return _Shard(tuple(self.rows[place] for place in kept), tuple(self.digests[place] for place in kept))


def _encoded_on(reading: Reading, shards: Sequence[_Shard], num_proc: int) -> Iterator[int]:
    """Encode shards on this process or several others; gives the size of each as it is done."""
    if num_proc == 1 or len(shards) == 1:
        with one_thread():
            yield from map(reading.encode_shard, shards)
        return
    settings = (reading.table.folder, reading.table.rows, _portable(reading.block), reading.store.folder)
    # Started anew: a process that was forked from one that runs torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(num_proc, len(shards)), context, _start_worker, settings) as pool:
        for future in as_completed([pool.submit(_encode_in_worker, shard) for shard in shards]):
            yield future.result()


_worker: list[Reading] = []


def _start_worker(folder: Path, rows: np.ndarray, block: FeatureBlock, store: Path) -> None:
    torch.set_num_threads(1)
    _worker[:] = [Reading(load_table(folder).take(rows), block, VectorStore(store))]


def _encode_in_worker(shard: _Shard) -> int:
    return _worker[0].encode_shard(shard)


def _portable(block: FeatureBlock) -> FeatureBlock:
    """The block without what is loaded, to be sent to another process."""
    return block.without_encoder() if isinstance(block, HubBlock) else block

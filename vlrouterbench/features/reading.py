"""What encoders read of a whole benchmark: shard by shard, each input once, on several processes.

Decisions
- Inputs are cut into shards in the table's order, whatever is stored already. The part of a shard that is not stored is
  encoded by one process on one thread, in batches that depend on that part alone: any number of processes, and a run
  that was killed and resumed, give the same bytes.
- An engine of parts does it (`core/parts`): a part is some shards, its files are theirs. What is there already is no
  part of the work, so a run that was killed goes on where it was, on whatever engine.
- Texts of a shard are batched by length, so that little is padded.
- Each image of a sample with several is an input of its own, by the same digest: whether a block takes all of them in
  or the first alone, what is stored is the same.
- What a block reads in no time is not stored, and read anew.
- Of more than MOST_IN_MEMORY samples nothing that was read is held: it is read again, a block at a time, whenever it is
  asked for; what stays are digests. Up to that many it is in memory, read once.
- On a GPU a batch is the largest that fits: it starts at a whole shard and is halved when memory runs out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from vlrouterbench.core.parts.local_engine import LocalEngine
from vlrouterbench.core.parts.part import Part, plan_parts
from vlrouterbench.core.parts.work import DoPart, PartFacts
from vlrouterbench.core.threads import one_thread
from vlrouterbench.data.table import RoutingTable, load_table
from vlrouterbench.features.inputs import further_digests, image_digests, router_inputs, text_digests, text_inputs
from vlrouterbench.features.options import EncodingWork
from vlrouterbench.features.rows_on_demand import RowsOnDemand
from vlrouterbench.features.store import SHARD_SIZE, VectorStore, content_key, feature_folder
from vlrouterbench.routers.base.learning import MOST_IN_MEMORY
from vlrouterbench.routers.encoders.block import TEXT, FeatureBlock
from vlrouterbench.routers.encoders.sample_input import RouterInput

CPU_BATCH = 16
T = TypeVar("T")


def read_table(table: RoutingTable, block: FeatureBlock, work: EncodingWork) -> Sequence[Any]:
    """What a block keeps of each sample of a table, from the store where it has one.

    Args:
        table: a benchmark, or a part of it.
        block: what reads.
        work: how the work is spread, and what is called with its progress.
    """
    if block.stored:
        return Reading(table, block, vector_store(table, block)).vectors(work)

    def read(start: int, stop: int) -> Sequence[Any]:
        return block.read_samples(list(_inputs(table.take(np.arange(start, stop)), block)))

    rows = RowsOnDemand(len(table), CPU_BATCH, read)
    return rows if len(table) > MOST_IN_MEMORY else list(rows)


def vector_store(table: RoutingTable, block: FeatureBlock) -> VectorStore:
    """Where what a block reads of a benchmark is stored."""
    name = re.sub(r"[^\w.-]+", "-", block.describe())
    key = content_key([block.modality, dict(block.identity)])
    return VectorStore(feature_folder(table) / f"{block.modality}-{name}-{key}")


def _inputs(table: RoutingTable, block: FeatureBlock) -> Iterator[RouterInput]:
    """The samples of a table, less the images that a block does not take in."""
    return text_inputs(table) if block.modality == TEXT else router_inputs(table, every_image=block.pools)


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

    @cached_property
    def digests(self) -> list[tuple[bytes | None, ...]]:
        """Digests of what the block sees of each sample: one, or of several images one each where it takes all in."""
        first = [*text_digests(self.table)] if self.block.modality == TEXT else image_digests(self.table)
        further = further_digests(self.table) if self.block.pools else {}
        seen = [[one for one in (digest, *further.get(row, ())) if one is not None] for row, digest in enumerate(first)]
        return [tuple(digests) or (None,) for digests in seen]

    def vectors(self, work: EncodingWork) -> Sequence[Any]:
        """What the block keeps of each sample: (dim,) float32, zeros where there is nothing to read."""
        many = len(self.table) > MOST_IN_MEMORY
        stored = self.store.index() if many else self.store.load()
        shards = [
            rest for shard in self._shards()[work.rank :: work.world_size] if (rest := shard.without(stored)).rows
        ]
        if shards:
            self._encode(shards, work)
        if work.wait is not None:
            work.wait()
        if shards or work.world_size > 1:
            stored = self.store.index() if many else self.store.load()
        size = len(next(iter(stored.values()))) if stored else self.block.dim
        nothing = np.zeros(size, dtype=np.float32)

        def kept(start: int, stop: int) -> list[Any]:
            read = [tuple(nothing if one is None else stored[one] for one in row) for row in self.digests[start:stop]]
            return list(read) if self.block.pools else [vectors[0] for vectors in read]

        return RowsOnDemand(len(self.table), SHARD_SIZE, kept) if many else kept(0, len(self.table))

    def _shards(self) -> list[_Shard]:
        first_places: dict[bytes, tuple[int, int]] = {}
        for row, digests in enumerate(self.digests):
            for place, digest in enumerate(digests):
                if digest is not None:
                    first_places.setdefault(digest, (row, place))
        known, places = tuple(first_places), tuple(first_places.values())
        pieces = zip(_cut(places, SHARD_SIZE), _cut(known, SHARD_SIZE), strict=True)
        return [_Shard(tuple(part), tuple(keys)) for part, keys in pieces]

    def _encode(self, shards: Sequence[_Shard], work: EncodingWork) -> None:
        done, total = 0, sum(len(shard.rows) for shard in shards)
        for size in _encoded_on(self, shards, work):
            done += size
            if work.progress is not None:
                work.progress(done, total)

    def encode_shard(self, shard: _Shard) -> int:
        """Encode and store one shard; gives its size."""
        wanted = sorted({row for row, _ in shard.rows})
        samples = dict(zip(wanted, _inputs(self.table.take(np.array(wanted)), self.block), strict=True))
        inputs = [samples[row].each[place] for row, place in shard.rows]
        rows = [np.empty(0)] * len(inputs)
        for batch in self._batches(inputs):
            for index, row in zip(batch, self._read([inputs[index] for index in batch]), strict=True):
                rows[index] = row
        self.store.write(shard.digests, np.stack(rows))
        return len(inputs)

    def _batches(self, inputs: Sequence[RouterInput]) -> list[list[int]]:
        lengths = [self.block.input_length(sample) for sample in inputs]
        order = sorted(range(len(inputs)), key=lambda index: lengths[index])
        size = CPU_BATCH if self.block.get_buffer("mean").device.type == "cpu" else SHARD_SIZE
        return [list(batch) for batch in _cut(order, size)]

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
    """Rows of the table to encode with the place of the image in each, and the digests of what is encoded there."""

    rows: tuple[tuple[int, int], ...]
    digests: tuple[bytes, ...]

    def without(self, stored: Collection[bytes]) -> _Shard:
        """The shard less what is stored already."""
        rest = [index for index, digest in enumerate(self.digests) if digest not in stored]
        return _Shard(tuple(self.rows[index] for index in rest), tuple(self.digests[index] for index in rest))


def _cut(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Consecutive pieces of `size` items, the last one perhaps shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _encoded_on(reading: Reading, shards: Sequence[_Shard], work: EncodingWork) -> Iterator[int]:
    """Encode shards on this process or several others; gives how many inputs were done, as they are."""
    if work.engine is None and (work.num_proc == 1 or len(shards) == 1):
        with one_thread():
            yield from map(reading.encode_shard, shards)
        return
    engine = work.engine or LocalEngine(min(work.num_proc, len(shards)))
    table, block = reading.table, reading.block.without_encoder()
    sent = ReadingWork(table.folder.absolute(), table.rows, block, reading.store.folder, tuple(shards))
    parts = plan_parts([len(shards)], min(work.parts or len(shards), len(shards)))
    yield from (facts["rows"] for facts in engine.run(sent, parts))


@dataclass(frozen=True)
class ReadingWork:
    """See PartWork: the shards of a part, each of which is a file of the store when it is done.

    Attributes:
        folder: of the benchmark.
        rows: those of the table that is read, (num_samples,).
        block: what reads, with nothing loaded.
        store: folder of what was read.
        shards: all that are to be encoded; a part is some of them.
    """

    folder: Path
    rows: np.ndarray
    block: FeatureBlock
    store: Path
    shards: Sequence[_Shard]

    def open(self) -> DoPart:
        """See PartWork; errors are those of `load_table`."""
        torch.set_num_threads(1)
        reading = Reading(load_table(self.folder).take(self.rows), self.block, VectorStore(self.store))

        def do(part: Part) -> PartFacts:
            shards = [self.shards[number] for _, start, stop in part.ranges for number in range(start, stop)]
            return {"part": part.number, "rows": sum(map(reading.encode_shard, shards))}

        return do

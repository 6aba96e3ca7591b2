"""Train, validation and test, grouped so that near-duplicates never stand on two sides.

Decisions
- A sample's side follows from a hash of its dataset and of the smallest id of its group: the same on every machine
  and in every order, and an added sample moves nothing but a group that it links.
- Where no dataset is given the hash is of the group's content (question, options, image), and not of any name that a
  folder happens to have: copies of one table are split alike, wherever they lie and whatever their ids are.
- Samples are linked by a given group id, by identical image content, by identical text where there is no image, and by
  the reader (MMBench's circular groups).
- `reference` is the reference's recipe (one shuffle of all ids, seed 42), on sorted ids so that it can be repeated.
  It is not grouped; it exists for comparison only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

from vlrouterbench.core.constants import SPLITS
from vlrouterbench.core.errors import SourceError, unknown_name
from vlrouterbench.data.choices import SplitBy

SHARES = (0.7, 0.1, 0.2)
REFERENCE_SEED = 42
NO_DATASET = ""
"""What is hashed where no dataset is given."""


def link_groups(sample_ids: Sequence[str], keys: Sequence[Sequence[str | Sequence[str] | None]]) -> list[str]:
    """Group id per sample: the smallest sample id among all that share a key, directly or through others.

    Args:
        sample_ids: (num_samples,) unique ids.
        keys: one sequence per kind of link, each (num_samples,): a key, or several; None links nothing.
    """
    parent = list(range(len(sample_ids)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for column in keys:
        first: dict[str, int] = {}
        for index, key in _each_key(column):
            a, b = root(first.setdefault(key, index)), root(index)
            # The smaller id becomes the root, so the root names the group.
            if sample_ids[b] < sample_ids[a]:
                a, b = b, a
            parent[b] = a
    return [sample_ids[root(index)] for index in range(len(sample_ids))]


def _each_key(column: Sequence[str | Sequence[str] | None]) -> Iterator[tuple[int, str]]:
    for index, key in enumerate(column):
        for one in () if key is None else (key,) if isinstance(key, str) else key:
            yield index, one


def hash_split(dataset: str, group_id: str) -> str:
    """The side of a group, by a hash: 70 / 10 / 20 in expectation within every dataset."""
    digest = hashlib.sha256(f"{dataset}\0{group_id}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < SHARES[0]:
        return SPLITS[0]
    return SPLITS[1] if position < SHARES[0] + SHARES[1] else SPLITS[2]


def reference_split(sample_ids: Sequence[str]) -> list[str]:
    """The reference's recipe: one seeded shuffle of all ids, cut at 70 % and 80 %."""
    order = sorted(sample_ids)
    random.Random(REFERENCE_SEED).shuffle(order)
    cut = (round(SHARES[0] * len(order)), round((SHARES[0] + SHARES[1]) * len(order)))
    split = {sample_id: SPLITS[(rank >= cut[0]) + (rank >= cut[1])] for rank, sample_id in enumerate(order)}
    return [split[sample_id] for sample_id in sample_ids]


def assign_splits(
    sample_ids: Sequence[str],
    group_ids: Sequence[str],
    *,
    datasets: Sequence[str | None],
    source_splits: Sequence[str | None],
    contents: Sequence[str] | None = None,
    split_by: SplitBy = SplitBy.HASH,
) -> list[str]:
    """The side of every sample. A given split is kept; a benchmark that gives some must give all.

    A group can span datasets (the same image in two of them): the dataset of its smallest id decides for all of it.

    Args:
        sample_ids: unique ids.
        group_ids: as `link_groups` gives them.
        datasets: None where the source gives none.
        source_splits: None where the source gives none.
        contents: digest of each sample's content; group ids stand in for it where it is not given.
        split_by: how samples without a given split are divided.

    Raises:
        SourceError: a split is given for some samples only.
        UnknownNameError: a given split has another name.
    """
    stated = sum(split is not None for split in source_splits)
    if stated:
        if stated != len(source_splits):
            missing = next(i for i, split in zip(sample_ids, source_splits, strict=True) if split is None)
            raise SourceError(
                f'a "split" is given for {stated} of {len(source_splits)} samples; none for "{missing}". '
                "Give all or none."
            )
        for split in set(source_splits):
            if split not in SPLITS:
                raise unknown_name("split", str(split), SPLITS)
        return [str(split) for split in source_splits]
    if split_by is SplitBy.REFERENCE:
        return reference_split(sample_ids)
    dataset_of = dict(zip(sample_ids, datasets, strict=True))
    smallest: dict[str, str] = {}
    for group, content in zip(group_ids, contents or group_ids, strict=True):
        smallest[group] = min(content, smallest.get(group, content))
    named = ((dataset_of[group], group) for group in group_ids)
    return [
        hash_split(NO_DATASET, smallest[group]) if name is None else hash_split(name, group) for name, group in named
    ]

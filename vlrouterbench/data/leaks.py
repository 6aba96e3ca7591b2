"""What stands on two sides of a split: groups, the same image, similar images.

Decisions
- Groups and identical images of given splits are refused unless that is allowed; then, and in every other build, they
  are counted. Similar images are counted and never refused: looking alike is no proof.
- Images are the same where their decoded pixels are, however they are encoded. Only images whose thumbnails agree are
  compared whole, so hardly any is decoded twice.
- Counts are of samples, on either side; a sample with the same image elsewhere is not counted again as similar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypedDict

import numpy as np

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.images import ImageCheck, read_image_bytes
from vlrouterbench.data.perceptual_hash import pixels_digest
from vlrouterbench.data.sources.source_logs import ImageReference
from vlrouterbench.routers.encoders.sample_input import read_image

MAX_DISTANCE = 4
"""Perceptual hashes of 64 bits that differ in at most so many look alike."""
_PAIRS_AT_ONCE = 2**22
_EXAMPLES = 3


class Leaks(TypedDict):
    """Samples that have their like on another side.

    Attributes:
        groups: groups that stand on several sides.
        group_samples: samples of these groups.
        exact_duplicates: samples whose image has the same pixels as one on another side.
        near_duplicates: samples whose image looks like one on another side, and is not the same.
        examples: a few pairs of the first two kinds: sample, side, sample, side.
    """

    groups: int
    group_samples: int
    exact_duplicates: int
    near_duplicates: int
    examples: list[list[str]]


def find_leaks(
    sample_ids: Sequence[str],
    groups: Sequence[str],
    splits: Sequence[str],
    images: Sequence[ImageReference],
    checks: Sequence[Sequence[ImageCheck]],
) -> Leaks:
    """Count what stands on two sides; all arguments but `images` have one entry per sample.

    Args:
        sample_ids: unique ids.
        groups: as `link_groups` gives them.
        splits: side of each sample.
        images: references to all images, in the samples' order.
        checks: of the images of each sample.
    """
    divided = _on_several_sides(enumerate(groups), splits)
    owners = [row for row, own in enumerate(checks) for _ in own]
    sides, flat = [splits[row] for row in owners], [check for own in checks for check in own]
    exact = [sorted({owners[place] for place in places}) for places in _same_pixels(images, flat, sides)]
    same = {row for rows in exact for row in rows}
    near = {owners[place] for place in _look_alike(flat, sides)}
    return {
        "groups": len(divided),
        "group_samples": sum(map(len, divided)),
        "exact_duplicates": len(same),
        "near_duplicates": len(near - same),
        "examples": _examples([*divided, *exact], sample_ids, splits),
    }


def refuse_leaks(leaks: Leaks) -> None:
    """Raise SourceError where groups or images of given splits stand on several sides."""
    if not leaks["groups"] and not leaks["exact_duplicates"]:
        return
    shown = "; ".join(f'"{one}" in {side} and "{other}" in {there}' for one, side, other, there in leaks["examples"])
    raise SourceError(
        f"expected each image and group of the given splits on one side, found {describe_leaks(leaks)} ({shown}). "
        'Move them to one side, leave the "split" column out, or pass --allow-leaks (allow_leaks=True), which counts '
        "them in the report."
    )


def describe_leaks(leaks: Leaks) -> str:
    """The counts in words, empty where there is none."""
    counts = (
        (leaks["groups"], "groups on several sides"),
        (leaks["exact_duplicates"], "samples whose image is on another side too"),
        (leaks["near_duplicates"], "samples whose image looks like one on another side"),
    )
    return "; ".join(f"{words}: {count:,}" for count, words in counts if count)


def _on_several_sides(keys: Iterable[tuple[int, Hashable]], splits: Sequence[str]) -> list[list[int]]:
    """Rows of every key that stands on several sides, in order."""
    rows_of: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in keys:
        rows_of[key].append(row)
    return [rows for rows in rows_of.values() if len({splits[row] for row in rows}) > 1]


def _same_pixels(
    images: Sequence[ImageReference], checks: Sequence[ImageCheck], splits: Sequence[str]
) -> list[list[int]]:
    """Rows of every image that stands on several sides."""
    keyed = ((row, check.pixel_key) for row, check in enumerate(checks) if check.pixel_key is not None)
    digests: dict[str | None, bytes] = {}
    whole: list[tuple[int, Hashable]] = []
    for rows in _on_several_sides(keyed, splits):
        for row in rows:
            sha256 = checks[row].sha256
            if sha256 not in digests:
                image = read_image(read_image_bytes(images[row]))
                digests[sha256] = b"" if image is None else pixels_digest(image)
            whole.append((row, digests[sha256]))
    return _on_several_sides(whole, splits)


def _look_alike(checks: Sequence[ImageCheck], splits: Sequence[str]) -> set[int]:
    """Rows whose image looks like one on another side."""
    rows_by_side: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, check in enumerate(checks):
        if check.perceptual is not None:
            rows_by_side[splits[row]][check.perceptual].append(row)
    sides = [(np.array([*rows], dtype=np.uint64), [*rows.values()]) for rows in rows_by_side.values()]
    found: set[int] = set()
    for number, (hashes, rows) in enumerate(sides):
        for other, other_rows in sides[number + 1 :]:
            here, there = _close(hashes, other)
            found.update(row for index in here for row in rows[index])
            found.update(row for index in there for row in other_rows[index])
    return found


def _close(first: np.ndarray, second: np.ndarray) -> tuple[list[int], list[int]]:
    """Indices of the hashes, of either array, that are close to one of the other."""
    hit = np.zeros(len(second), dtype=bool)
    here: list[int] = []
    step = max(1, _PAIRS_AT_ONCE // max(1, len(second)))
    for start in range(0, len(first), step):
        close = np.bitwise_count(first[start : start + step, None] ^ second[None, :]) <= MAX_DISTANCE
        here += (np.flatnonzero(close.any(axis=1)) + start).tolist()
        hit |= close.any(axis=0)
    return here, np.flatnonzero(hit).tolist()


def _examples(found: Iterable[Sequence[int]], sample_ids: Sequence[str], splits: Sequence[str]) -> list[list[str]]:
    """The first two rows on different sides of a few of the findings, each pair once."""
    pairs: dict[tuple[int, int], list[str]] = {}
    for rows in found:
        first = rows[0]
        other = next(row for row in rows if splits[row] != splits[first])
        pairs[first, other] = [sample_ids[first], splits[first], sample_ids[other], splits[other]]
        if len(pairs) == _EXAMPLES:
            break
    return [*pairs.values()]

"""Images of a source checked in parts by an engine: what `check_images` gives, to the last bit.

Decisions
- A part is some of the batches that one process would check; its file holds what was found of each image. The files lie
  beside the benchmark while it is built, and are no longer there when it is: a build is whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vlrouterbench.core.files import folder_beside, write_json
from vlrouterbench.core.parts.part import Part, plan_parts
from vlrouterbench.core.parts.work import DoPart, Engine, PartFacts
from vlrouterbench.data.images import IMAGES_PER_TASK, ImageCheck, batches_of, check_batch
from vlrouterbench.data.sources.source_logs import ImageReference

_IMAGES_PER_PART = 256


@dataclass(frozen=True)
class CheckingWork:
    """See PartWork.

    Attributes:
        batches: images that are checked together.
        out: folder of the parts' files.
        folder: what names of images are relative to.
    """

    batches: Sequence[Sequence[ImageReference]]
    out: Path
    folder: Path

    def open(self) -> DoPart:
        """See PartWork."""
        os.chdir(self.folder)  # a process of a cluster begins elsewhere
        return self.do

    def do(self, part: Part) -> PartFacts:
        """Check the images of a part."""
        batches = [self.batches[number] for _, start, stop in part.ranges for number in range(start, stop)]
        checks = [check for batch in batches for check in check_batch(batch)]
        write_json(_file(self.out, part), [_stated(check) for check in checks])
        return {"part": part.number, "rows": len(checks)}


def check_in_parts(
    references: Sequence[ImageReference], engine: Engine, parts: int | None, beside: Path
) -> list[ImageCheck]:
    """Check every image, in order.

    Args:
        references: as for `check_images`.
        engine: what checks.
        parts: in how many parts; None for one per so many images.
        beside: a folder beside which every process of the engine can write.

    Raises:
        VLRouterBenchError: as for `Engine.run`.
    """
    checks = [ImageCheck(None, None)] * len(references)
    batches = batches_of(references)
    if not batches:
        return checks
    count = -(-len(batches) * IMAGES_PER_TASK // _IMAGES_PER_PART) if parts is None else parts
    planned = plan_parts([len(batches)], min(count, len(batches)))
    with folder_beside(beside) as out:
        work = CheckingWork([[references[index] for index in batch] for batch in batches], out, Path.cwd())
        for _ in engine.run(work, planned):
            pass
        found = _found(out, planned)
        for batch in batches:
            for index in batch:
                checks[index] = next(found)
    return checks


def _stated(check: ImageCheck) -> list[str | int | None]:
    key = None if check.pixel_key is None else check.pixel_key.hex()
    return [check.sha256, check.problem, key, check.perceptual]


def _found(out: Path, parts: Sequence[Part]) -> Iterator[ImageCheck]:
    for part in parts:
        for sha256, problem, key, perceptual in json.loads(_file(out, part).read_text(encoding="utf-8")):
            yield ImageCheck(sha256, problem, None if key is None else bytes.fromhex(key), perceptual)


def _file(out: Path, part: Part) -> Path:
    return out / f"images-{part.number:05d}-of-{part.count:05d}.json"
